"""Read the times of a text: "Day 28", "1, 3 and 6 months", "end of cycle 2 (21-day cycles)".

The text is first spelled one way (digits for words, no windows such as "± 3 days", no intervals such as "every 3
months"), then cut into numbers, units and joining words; a number and the unit behind or before it make a time. Every
step looks at a bounded piece, so the work grows with the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

MONTH = 30.4375
YEAR = 365.25

_UNIT_DAYS = {"s": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0, "m": MONTH, "y": YEAR}
# "mouth", "moth" and "yea" are how registries misspell month and year.
UNIT = (
    r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|wks?|months?|mths?|mos?|mon|mouths?|moths?|"
    r"monthes|years?|yrs?|yeas?)"
)
_NUMBER = r"(?:\d,\d{3}(?![\d,])|\d{1,9}(?:\.\d{1,6})?)"
_ONES = (
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
NUMBER_WORDS = {
    **{word: value for value, word in enumerate(_ONES, start=1)},
    **{word: value * 10 for value, word in enumerate(_TENS, start=2)},
    **{word: value for value, word in enumerate(_ORDINALS, start=1)},
}
_WORD = re.compile(
    rf"\b(?=[efnost])(?:(?P<tens>{'|'.join(_TENS)})(?:[- ](?P<ones>{'|'.join(_ONES[:9])}))?"
    rf"|(?P<one>{'|'.join(_ONES)})|(?P<ordinal>{'|'.join(_ORDINALS)})(?=\s{UNIT}\b))\b"
)
_CYCLE_LENGTH = re.compile(
    rf"\bcycles?\s?(?:=|is|are|lasts?|of|length|duration)\s?(?:of\s|is\s|=\s)?"
    rf"(?P<number>{_NUMBER})(?:\s?(?:-|to|or|±)\s?{_NUMBER})?[\s-]?(?P<unit>{UNIT})\b"
    rf"|\b(?P<number_before>{_NUMBER})[\s-](?P<unit_before>{UNIT})\scycles?\b"
)
_SPELLINGS = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (rf"(?<=[\da-z])\s?\(\d{{1,4}}\)(?=[\s-]?{UNIT}\b)", ""),  # four (4) weeks
        (rf"[(\[]?\s?(?:±|\+\s?/\s?-|\+-)\s?{_NUMBER}[)\]]?", ""),  # day 28 ± 3
        (
            rf"\b(?:every|each|per)\s{_NUMBER}(?:st|nd|rd|th)?(?:\s?(?:-|to|or)\s?{_NUMBER})?[\s-]?(?:{UNIT}|cycles?)\b",
            " then ",
        ),
        (r"^an?\b|\b(?:within|over|after|until|to|for|in)\san?(?=\s(?:year|month|week)\b)", " 1"),
        (r"\bhalf(?:\sa|-a)?(?=[\s-](?:year|month)\b)", "0.5"),
        (r"\b(?:consecutive|calendar|full|additional|more|further|study)\s|#", ""),
        (rf"(?<=\d)\+(?=[\s-]?{UNIT})|(?<!\d)\+(?=\d)", ""),  # 13+ months, day +100
        (r"\bd\+?(?=\d)", "day "),
        (r"\bw\+?(?=\d)", "week "),
        (r"\bm\+?(?=\d)", "month "),
        (r"\by\+?(?=\d)", "year "),
        (rf"(?<![a-z])({UNIT})(?=\d)", r"\1 "),
    )
)  # Day28
_TOKEN = re.compile(
    rf"""(?P<number>(?<![\w.]){_NUMBER})(?:st|nd|rd|th)?(?![\d.]\d)
    |(?P<unit>(?<![a-z]){UNIT}(?![a-z])|(?<=\d)[hdwmy]\b|(?<=\d\s)h\b)
    |(?P<range>\bto\b|\bthrough\b|\bthru\b|\buntil\b|\btill\b|\bup\sto\b|[-~])
    |(?P<list>,|;|/|&|、|:|\band\b|\bor\b)
    |(?P<cycle>\bcycles?\b)
    |(?P<label>\b(?:visits?|phase|part|cohort|stage|grade|course|dose|level|version|group|arm|step)\b)
    |(?P<other>[^\W\d_]+|\S)
    """,
    re.VERBOSE,
)


class _Token(msgspec.Struct, frozen=True, gc=False):
    """A piece of the text. ``value`` is the number, or the days of the unit; ``text`` is as written, in lower case."""

    kind: str
    text: str
    value: float = 0.0
    follows_space: bool = False


class Time(msgspec.Struct, frozen=True, gc=False):
    """A time in days; ``is_end`` where a range word joins it to the time before."""

    days: float
    is_end: bool = False


_LONGEST = 100 * YEAR
"""No trial measures later; a number beyond is a calendar year that a month or day stands before ("31 May 2013")."""


def unit_days(unit: str) -> float:
    """Days in a unit of time as registries write it.

    >>> unit_days("Months"), unit_days("wk")
    (30.4375, 7.0)
    """
    name = unit.lower()
    return _UNIT_DAYS["min" if name.startswith("min") else name[0]]


def read_times(text: str) -> list[Time]:
    """Times of a folded text in its order; years and the smaller count right behind them are one ("6 years 5 months").

    >>> [(time.days, time.is_end) for time in read_times("1 to 2 weeks")]
    [(7.0, False), (14.0, True)]
    """
    return [time for time in _add_up(list(_Reading(text).read())) if time.days <= _LONGEST]


def _add_up(times: list[Time | None]) -> list[Time]:
    """Add a count of years and the smaller count right behind it ("6 years 5 months"); None marks words between."""
    added: list[Time] = []
    before: Time | None = None
    for time in times:
        if (
            time is not None
            and before is not None
            and not time.is_end
            and before.days % YEAR == 0 < before.days
            and time.days < YEAR
        ):
            added[-1] = Time(before.days + time.days, before.is_end)
        elif time is not None:
            added.append(time)
        before = time
    return added


def _read_word(found: re.Match[str]) -> str:
    return str(sum(NUMBER_WORDS[word] for word in found.groupdict().values() if word))


def _spell_alike(text: str) -> str:
    """Write numbers in digits, and leave out what is no time.

    >>> _spell_alike("four (4) weeks ± 3 days, then every 3 months to two years")
    '4 weeks days, then  then  to 2 years'
    """
    spelled = _WORD.sub(_read_word, text)
    for pattern, instead in _SPELLINGS:
        spelled = pattern.sub(instead, spelled)
    return spelled


def _cut_tokens(text: str) -> list[_Token]:
    tokens = []
    for found in _TOKEN.finditer(text):
        kind, written = found.lastgroup or "other", found[0]
        value = unit_days(written) if kind == "unit" else 0.0
        if kind == "number":
            value = float(found["number"].replace(",", ""))
        tokens.append(_Token(kind, written, value, text[found.start() - 1 : found.start()].isspace()))
    return tokens


class _Reading:
    """Gives every number its unit: the one behind it, or the one that heads its list ("months 1, 3, 6")."""

    def __init__(self, text: str) -> None:
        spelled = _WORD.sub(_read_word, text)
        length = _CYCLE_LENGTH.search(spelled)
        self._cycle_days = 0.0
        if length is not None:
            self._cycle_days = float((length["number"] or length["number_before"]).replace(",", "")) * unit_days(
                length["unit"] or length["unit_before"]
            )
        self._tokens = _cut_tokens(_spell_alike(_CYCLE_LENGTH.sub("", spelled)))
        self._cycle = 0.0
        self._at = 0

    def read(self) -> Iterator[Time | None]:
        """Times in text order, with None where words stand between them."""
        while self._at < len(self._tokens):
            kind = self._kind(0)
            if kind == "number":
                yield from self._read_counts()
            elif kind == "unit" and self._heads_list():
                yield from self._read_headed()
            elif kind in ("label", "cycle") and self._kind(1) == "number":
                yield from self._read_label()
            else:
                if self._token(0).text != "and":
                    yield None
                self._at += 1

    def _token(self, ahead: int) -> _Token:
        return self._tokens[self._at + ahead]

    def _kind(self, ahead: int) -> str:
        place = self._at + ahead
        return self._tokens[place].kind if place < len(self._tokens) else ""

    def _find_unit(self, ahead: int) -> int | None:
        """Where the unit of a number is: right behind it, or behind a hyphen."""
        step = 2 if self._kind(ahead + 1) == "range" and self._token(ahead + 1).text == "-" else 1
        return ahead + step if self._kind(ahead + step) == "unit" else None

    def _list_numbers(self, first: int) -> list[int]:
        """Places of the numbers of a list or range from ``first`` on, up to one that has a unit behind it."""
        places = [first]
        while self._find_unit(places[-1]) is None:
            place = places[-1] + 1
            while self._kind(place) in ("range", "list") and place - places[-1] <= 3:
                place += 1
            if place == places[-1] + 1 or self._kind(place) != "number":
                break
            places.append(place)
        return places

    def _time(self, place: int, days: float) -> Time:
        """A time; the range word may stand before the number or before the unit that heads it."""
        before = self._at + place - 1
        before -= before > 0 and self._tokens[before].kind == "unit"
        kinds = [token.kind for token in self._tokens[max(0, before - 1) : before + 1]]
        return Time(days, kinds in (["number", "range"], ["unit", "range"]))

    def _read_counts(self) -> Iterator[Time | None]:
        """Read "3, 6 and 12 months" from its first number; numbers that no unit ends are no times."""
        places = self._list_numbers(0)
        unit = self._find_unit(places[-1])
        if unit is not None:
            for place in places:
                yield self._time(place, self._token(place).value * self._token(unit).value)
        elif self._kind(places[-1] + 1) == "cycle" and self._cycle_days:
            yield self._time(places[-1], self._token(places[-1]).value * self._cycle_days)
        self._at += (places[-1] if unit is None else unit) + 1

    def _heads_list(self) -> bool:
        hyphen = self._kind(1) == "range" and self._token(1).text == "-"
        return self._kind(1 + hyphen) == "number" and self._token(0).value >= 1 / 1440

    def _read_headed(self) -> Iterator[Time | None]:
        """Read "Weeks 2, 4 and 8"; a day before the start ("Day -7") is no time. The first number is the heading's."""
        hyphen = self._kind(1) == "range"
        is_negative = hyphen and self._token(1).follows_space and not self._token(2).follows_space
        places = [1 + hyphen]
        if self._find_unit(places[0]) is None:
            places = self._list_numbers(places[0])
            places = places[:-1] if self._find_unit(places[-1]) is not None else places
        for place in places[is_negative:]:
            days = self._shift_by_cycle(self._token(place).value * self._token(0).value)
            if days is not None:
                yield self._time(place, days)
        self._cycle = 0.0
        self._at += places[-1] + 1

    def _shift_by_cycle(self, days: float) -> float | None:
        """Count "Cycle 3 Day 8" from the first day; None where the length of a cycle is not told."""
        if self._cycle <= 1:
            return days
        return (self._cycle - 1) * self._cycle_days + days if self._cycle_days else None

    def _read_label(self) -> Iterator[Time | None]:
        """Pass over the numbers of "Visit 2" and "Cycles 1 and 2"; "end of cycle 2" is a time if its length is told."""
        unit = self._find_unit(1)
        if unit is not None and self._kind(unit + 1) != "number":
            self._at += 1
            return
        places = [1] if unit is not None else self._list_numbers(1)
        places = places[:-1] if len(places) > 1 and self._find_unit(places[-1]) is not None else places
        if self._kind(0) == "cycle":
            self._cycle = self._token(places[-1]).value
            before = [token.text for token in self._tokens[max(0, self._at - 2) : self._at]]
            if self._cycle_days and (before == ["end", "of"] or before[-1:] == ["during"]):
                yield Time(self._cycle * self._cycle_days)
        self._at += places[-1] + 1
