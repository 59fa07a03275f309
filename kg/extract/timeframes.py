"""Read when an endpoint is measured: "Day 28", "up to 24 months after infusion", "1, 3 and 6 months".

The text is cut into tokens once (numbers, units, joining words); numbers and the unit that stands before or after them make
times. Every step looks at a bounded piece, so the work grows with the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from kg.lexicon import fold_width
from kg.model import TimeFrame

MONTH = 30.4375
YEAR = 365.25
_MAX_LENGTH = 5000

_UNITS = {"second": 1 / 86400, "sec": 1 / 86400, "minute": 1 / 1440, "min": 1 / 1440, "hour": 1 / 24, "hr": 1 / 24,
          "h": 1 / 24, "day": 1.0, "d": 1.0, "week": 7.0, "wk": 7.0, "w": 7.0, "month": MONTH, "mth": MONTH, "mo": MONTH,
          "mos": MONTH, "mon": MONTH, "m": MONTH, "mouth": MONTH, "moth": MONTH, "monthe": MONTH,
          "year": YEAR, "yr": YEAR, "y": YEAR, "yea": YEAR}
_ONES = {word: float(value) for value, word in enumerate(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen".split(), start=1)}
_ORDINALS = {word: float(value) for value, word in enumerate(
    "first second third fourth fifth sixth seventh eighth ninth tenth".split(), start=1)}
_TENS = {word: float(value * 10) for value, word in enumerate(
    "twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)}

_UNIT = (r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|wks?|months?|mths?|mos?|mon|mouths?|moths?|monthes|"
         r"years?|yrs?|yeas?)")
_NUMBER = r"(?:\d,\d{3}(?![\d,])|\d{1,9}(?:\.\d{1,6})?)"
_TOKEN = re.compile(
    rf"""(?P<window>[(\[]?\s?(?:±|\+\s?/\s?-|\+-)\s?{_NUMBER}(?:[\s-]?(?P<window_unit>{_UNIT})\b)?\s?[)\]]?)
    |(?P<short>\b[DWMY]\+?(?P<short_number>\d{{1,4}})\b)
    |(?P<number>(?<![\w.]){_NUMBER})(?:st|nd|rd|th)?(?![\d.]\d)(?:(?P<glued>\s?h|[dwmy])\b)?
    |(?P<word>\b(?:(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_ONES)})\b)?|(?:{'|'.join(_ONES)}))\b
        |\b(?:{'|'.join(_ORDINALS)})(?=\s{_UNIT}\b))
    |(?P<unit>(?<![a-z]){_UNIT}(?![a-z]))
    |(?P<range>\bto\b|\bthrough\b|\bthru\b|\buntil\b|\btill\b|\bup\sto\b|[-~])
    |(?P<list>,|;|/|&|、|:|\band\b|\bor\b)
    |(?P<skip>\b(?:(?:every|each|per|cycle\s(?:length|duration))\b|cycles?\s(?:is|are|lasts?|of)\b|cycles?\s?=))
    |(?P<label>\b(?:cycles?|visits?|phase|part|cohort|stage|grade|course|dose|level|version|group|arm|step)\b)
    |(?P<article>^an?\b|\b(?:within|over|after|until|to|for|in|half)\san?\b|\bhalf\b)
    |(?P<filler>\b(?:consecutive|calendar|full|additional|more|further|study)\b|[\#+])
    |(?P<other>[^\W\d_]+|\S)
    """, re.VERBOSE | re.IGNORECASE)

_GLUED_UNIT = re.compile(rf"(?<![a-z])({_UNIT})(?=\d)", re.IGNORECASE)


class _Token(msgspec.Struct, frozen=True, gc=False):
    kind: str
    start: int
    end: int
    value: float = 0.0


class _Time(msgspec.Struct, frozen=True, gc=False):
    """A time in days; ``is_end`` when a range word joins it to the time before."""

    days: float
    start: int
    end: int
    is_end: bool = False


_EVENTS = (r"progression|progressive\sdisease|\bpd\b|death|die[sd]?\b|relapse|recurrence|completion|discharge|withdrawal|"
           r"end\sof\s(?:the\s)?(?:study|treatment|trial|follow|therapy|life)|last\s(?:follow|visit|contact)|new\santi|recovery|"
           r"resolution|loss\sof\sresponse|termination|data\scut")
_EVENT_END = re.compile(rf"\b(?:until|till|to|through|thru|prior\sto|before|throughout|at|after|upon|or|and|whichever)\b[^.;]{{0,90}}?"
                        rf"(?:{_EVENTS})|^(?:study\s|disease\s)?(?:{_EVENTS})|whichever\s(?:occurs|comes|came|occurred|happens)",
                        re.IGNORECASE)
_ANCHORS = ("transplantation", "transplant", "hsct", "hct", "infusion", "reinfusion", "injection", "randomization",
            "randomisation", "enrollment", "enrolment", "registration", "surgery", "operation", "diagnosis",
            "vaccination", "consent", "first response", "last dose", "first dose", "last treatment", "treatment", "dose",
            "therapy", "administration", "intervention", "procedure", "discharge", "birth", "baseline", "screening",
            "inclusion", "entry")
_ANCHOR_NAMES = {"transplantation": "transplant", "hsct": "transplant", "hct": "transplant", "reinfusion": "infusion",
                 "randomisation": "randomization", "enrolment": "enrollment"}
_ANCHOR = re.compile(rf"\b(?P<lead>after|post|following|since|from)\b[^.;]{{0,80}}?\b(?P<noun>{'|'.join(_ANCHORS)})\b",
                     re.IGNORECASE)
_BASELINE = re.compile(r"\b(?:baseline|screening|enrollment|enrolment)\b", re.IGNORECASE)
_CYCLE_LENGTH = re.compile(rf"\bcycles?\s?(?:=|is|are|lasts?|of|length|duration)\s?(?:of\s|is\s|=\s)?({_NUMBER})[\s-]?({_UNIT})\b"
                           rf"|\b({_NUMBER})[\s-]({_UNIT})\scycles?\b", re.IGNORECASE)


def parse_time_frame(text: str) -> TimeFrame | None:
    """Read a time frame; None where neither a time nor an event is told.

    The upper bound is the latest time written. A lower bound is given only for a range ("1 to 5 years").

    >>> parse_time_frame("1 to 5 years").high
    1826.25
    >>> parse_time_frame("baseline, 3 and 6 months").days
    (91.3125, 182.625)
    >>> parse_time_frame("from infusion until disease progression")
    TimeFrame(raw='from infusion until disease progression', low=None, high=None, days=(), anchor='infusion', event_driven=True)
    >>> parse_time_frame("not applicable")
    """
    folded = _GLUED_UNIT.sub(r"\1 ", fold_width(text[:_MAX_LENGTH]))
    times = list(_read_times(folded))
    low, high, days = _bound_times(times)
    anchor = find_anchor(folded)
    event_driven = _EVENT_END.search(folded) is not None
    if high is None and not days and anchor is None and not event_driven:
        return None
    return TimeFrame(text, low=low, high=high, days=days, anchor=anchor, event_driven=event_driven)


def find_anchor(text: str) -> str | None:
    """The event that times count from; "after …" is preferred to "from …" and to a bare "baseline".

    >>> find_anchor("from infusion to 24 months after transplantation")
    'transplant'
    """
    best: str | None = None
    for found in _ANCHOR.finditer(text):
        noun = found["noun"].lower()
        noun = _ANCHOR_NAMES.get(noun, noun)
        if found["lead"].lower() != "from":
            return noun
        best = best or noun
    if best is None and (bare := _BASELINE.search(text)):
        best = _ANCHOR_NAMES.get(bare[0].lower(), bare[0].lower())
    return best


def _bound_times(times: list[_Time]) -> tuple[float | None, float | None, tuple[float, ...]]:
    """Lower bound, upper bound and single times. Day 0 alone is a moment, not a duration."""
    if not times:
        return None, None, ()
    values = tuple(dict.fromkeys(time.days for time in times))
    high = max(values)
    if high <= 0:
        return None, None, (0.0,)
    if len(times) == 2 and times[1].is_end and times[0].days < times[1].days:
        return times[0].days, times[1].days, ()
    if any(time.is_end for time in times):
        return None, high, ()
    return None, high, values if len(values) > 1 else ()


def _read_times(text: str) -> Iterator[_Time]:
    """Times in text order, years with their months added up ("6 years 5 months")."""
    return _join_units(_Pairing(text).pair(), text)


def _join_units(times: Iterator[_Time], text: str) -> Iterator[_Time]:
    """Add up a count of years and the count of smaller units right behind it."""
    held: _Time | None = None
    for time in times:
        if held is None:
            held = time
            continue
        gap = text[held.end:time.start].strip().lower()
        if gap in ("", "and") and held.days >= YEAR and held.days % YEAR == 0 and time.days < YEAR and time.start - held.end < 6:
            held = _Time(held.days + time.days, held.start, time.end, held.is_end)
            continue
        yield held
        held = time
    if held is not None:
        yield held


def _cut_tokens(text: str) -> list[_Token]:
    tokens = []
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or "other"
        start, end = found.span()
        if found["window"]:
            unit = found["window_unit"]
            tokens.append(_Token("window", start, end, unit_days(unit) if unit else 0.0))
        elif found["short"]:
            tokens.append(_Token("unit", start, start + 1, unit_days(text[start])))
            tokens.append(_Token("number", found.start("short_number"), end, float(found["short_number"])))
        elif found["number"]:
            tokens.append(_Token("number", start, end, float(found["number"].replace(",", ""))))
            if found["glued"]:
                tokens.append(_Token("unit", end - 1, end, unit_days(found["glued"].strip())))
        elif found["word"]:
            tokens.append(_Token("number", start, end, _read_word(found["word"])))
        elif found["unit"]:
            tokens.append(_Token("unit", start, end, unit_days(found["unit"])))
        elif found["filler"]:
            continue
        elif found["article"]:
            tokens.append(_Token("number", start, end, 0.5 if found["article"].lower().startswith("half") else 1.0))
        else:
            tokens.append(_Token(kind, start, end))
    return tokens


class _Pairing:
    """Gives every number its unit: the one behind it, or the one that heads its list ("months 1, 3, 6")."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _drop_restated(_cut_tokens(text))
        self._at = 0
        self._cycle = 0.0
        self._cycle_days = _read_cycle_length(text)
        self._last_end = -1

    def pair(self) -> Iterator[_Time]:
        """Times in text order."""
        while self._at < len(self._tokens):
            kind = self._kind(0)
            if kind == "number":
                yield from self._read_counts()
            elif kind == "unit":
                yield from self._read_headed()
            elif kind == "label":
                yield from self._read_label()
            elif kind == "skip":
                self._skip_interval()
            else:
                self._at += 1

    def _kind(self, ahead: int) -> str:
        place = self._at + ahead
        return self._tokens[place].kind if 0 <= place < len(self._tokens) else ""

    def _token(self, ahead: int) -> _Token:
        return self._tokens[self._at + ahead]

    def _unit_behind(self, ahead: int) -> int | None:
        """Places to the unit of the number at ``ahead``: right behind it, behind a hyphen, or in its window (±)."""
        for step in (1, 2):
            kind = self._kind(ahead + step)
            if kind == "unit" or (kind == "window" and self._token(ahead + step).value and self._kind(ahead + 2) != "unit"):
                return ahead + step
            if kind != "window" and not (kind == "range" and self._word(ahead + step) == "-"):
                return None
        return None

    def _word(self, ahead: int) -> str:
        token = self._token(ahead)
        return self._text[token.start:token.end]

    def _next_number(self, ahead: int) -> int | None:
        """Places to the number that joins the one at ``ahead`` in a list or range."""
        place = ahead + 1
        while self._kind(place) in ("range", "list", "window") and place - ahead <= 4:
            place += 1
        return place if place > ahead + 1 and self._kind(place) == "number" else None

    def _read_counts(self) -> Iterator[_Time]:
        """Read "3, 6 and 12 months" from its first number; numbers that no unit ends are no times."""
        places, place = [0], 0
        while (unit := self._unit_behind(place)) is None:
            following = self._next_number(place)
            if following is None:
                yield from self._count_cycles(place)
                self._at += place + 1
                return
            places.append(place := following)
        days = self._token(unit).value
        if self._kind(unit + 1) == "label" and self._word(unit + 1).lower().startswith("cycle"):
            self._at += unit + 2
            return
        for place in places:
            yield self._make_time(place, self._token(place).value * days, unit if place == places[-1] else place)
        self._at += unit + 1

    def _count_cycles(self, place: int) -> Iterator[_Time]:
        """Read "4 cycles" where the text tells how long a cycle is."""
        if self._cycle_days and self._kind(place + 1) == "label" and self._word(place + 1).lower().startswith("cycle"):
            yield self._make_time(place, self._token(place).value * self._cycle_days, place)

    def _read_headed(self) -> Iterator[_Time]:
        """Read "Weeks 2, 4 and 8"; a unit that no number follows is passed over."""
        place: int | None = 1
        if self._kind(1) == "range" and self._word(1) == "-" and self._kind(2) == "number":
            place = 2
        if self._kind(place or 1) != "number" or self._token(0).value < 1 / 1440:
            self._at += 1
            return
        is_negative = place == 2 and self._token(2).start == self._token(1).end and self._token(1).start > self._token(0).end
        days, last = self._token(0).value, place or 1
        while place is not None:
            value = self._token(place).value * days
            shifted = self._shift_by_cycle(value)
            if shifted is not None and not (is_negative and place == 2):
                yield self._make_time(place, shifted, place)
            last = place
            following = self._next_number(place)
            place = following if following is not None and self._unit_behind(following) is None else None
        self._cycle = 0.0
        self._at += last + 1

    def _shift_by_cycle(self, days: float) -> float | None:
        """Count "Cycle 3 Day 8" from the first day; None where the length of a cycle is not told."""
        if self._cycle <= 1:
            return days
        return (self._cycle - 1) * self._cycle_days + days if self._cycle_days else None

    def _read_label(self) -> Iterator[_Time]:
        """Pass over the numbers of "Visit 2" and "Cycles 1 and 2"; the end of a cycle is a time if its length is told."""
        is_cycle = self._word(0).lower().startswith("cycle")
        place: int | None = 1 if self._kind(1) == "number" else None
        if place and self._unit_behind(1) is not None and self._kind((self._unit_behind(1) or 1) + 1) != "number":
            place = None
        last = 0
        while place is not None:
            last = place
            following = self._next_number(place)
            place = following if following is not None and self._unit_behind(following) is None else None
        if is_cycle and last:
            self._cycle = self._token(last).value
            if self._cycle_days and self._kind(last + 1) != "unit" and re.search(
                    r"\bend\sof\s$", self._text[max(0, self._token(0).start - 8):self._token(0).start], re.IGNORECASE):
                yield self._make_time(last, self._cycle * self._cycle_days, last)
        self._at += last + 1

    def _skip_interval(self) -> None:
        """Pass over "every 3 months": how often, not when."""
        self._at += 1
        if self._kind(0) == "number":
            for _ in self._read_counts():
                pass

    def _make_time(self, place: int, days: float, end: int) -> _Time:
        start, stop = self._token(place).start, self._token(end).end
        before = self._at + place - 1
        if before >= 0 and self._tokens[before].kind == "unit":
            before -= 1
        is_end = self._last_end >= 0 and before >= 0 and self._tokens[before].kind == "range" \
            and self._tokens[before - 1].end <= self._last_end
        self._last_end = stop
        return _Time(days, start, stop, is_end)


def _drop_restated(tokens: list[_Token]) -> list[_Token]:
    """Read "four (4) weeks" as "four weeks"."""
    kept: list[_Token] = []
    for place, token in enumerate(tokens):
        window = tokens[max(0, place - 3):place + 1]
        if len(kept) >= 3 and [one.kind for one in window] == ["number", "other", "number", "other"] \
                and window[0].value == window[2].value and window[3].end - window[0].start < 24:
            del kept[-2:]
            continue
        kept.append(token)
    return kept


def _read_cycle_length(text: str) -> float:
    """Days of a cycle, where the text tells it; else 0.

    >>> _read_cycle_length("each cycle is 21 days")
    21.0
    """
    found = _CYCLE_LENGTH.search(text)
    if found is None:
        return 0.0
    return float(found[1] or found[3]) * unit_days(found[2] or found[4])


def unit_days(unit: str) -> float:
    """Days in a unit of time as written.

    >>> unit_days("Months")
    30.4375
    """
    name = unit.lower()
    return _UNITS[name] if name in _UNITS else _UNITS[name.removesuffix("s")]


def _read_word(words: str) -> float:
    tens, _, ones = re.sub(r"[- ]", " ", words.lower()).partition(" ")
    return _TENS.get(tens, _ONES.get(tens, _ORDINALS.get(tens, 0.0))) + _ONES.get(ones, 0.0)
