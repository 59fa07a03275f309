"""Read when an endpoint is measured: "Day 28", "up to 24 months after infusion", "until disease progression".

The times are read by ``kg.extract.durations``; here they become bounds, beside the event that they count from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from kg.extract.durations import NUMBER_WORDS, UNIT, Time, read_times
from kg.lexicon import fold, fold_width
from kg.model import TimeFrame

_MAX_LENGTH = 5000
_EVENTS = (
    r"(?:progression|progressive\sdisease|\bpd\b|death|die[sd]?\b|relapse|recurrence|completion|discharge|"
    r"withdrawal|end\sof\s(?:the\s)?(?:study|treatment|trial|follow|therapy|life)|last\s(?:follow|visit|contact)|"
    r"new\santi|recovery|resolution|loss\sof\sresponse|termination|data\scut)"
)
_EVENT_END = re.compile(
    rf"\b(?:until|till|to|through|thru|before|throughout|at|upon|or)\b[^.;]{{0,90}}?{_EVENTS}"
    rf"|^(?:study\s|disease\s)?{_EVENTS}|whichever\s(?:occurs|comes|came|occurred|happens)"
)
_ANCHORS = (
    "transplantation",
    "transplant",
    "hsct",
    "hct",
    "infusion",
    "reinfusion",
    "injection",
    "randomization",
    "randomisation",
    "enrollment",
    "enrolment",
    "registration",
    "surgery",
    "operation",
    "diagnosis",
    "vaccination",
    "consent",
    "first response",
    "last dose",
    "first dose",
    "last treatment",
    "treatment",
    "dose",
    "therapy",
    "administration",
    "intervention",
    "procedure",
    "discharge",
    "birth",
    "baseline",
    "screening",
    "inclusion",
    "entry",
)
_ANCHOR_NAMES = {
    "transplantation": "transplant",
    "hsct": "transplant",
    "hct": "transplant",
    "reinfusion": "infusion",
    "randomisation": "randomization",
    "enrolment": "enrollment",
}
_ANCHOR = re.compile(
    rf"\b(?P<lead>after|post|following|since|from)\b[^.;]{{0,80}}?\b(?P<noun>{'|'.join(_ANCHORS)})\b"
)
_BARE_ANCHOR = re.compile(r"\b(?:baseline|screening|enrollment|enrolment)\b")
_COUNT = rf"(?:\b\d{{1,4}}(?:\.\d{{1,2}})?(?:st|nd|rd|th)?|\b(?:{'|'.join(NUMBER_WORDS)}|an?|half an?|several))"
_AND = r"(?:\s?(?:,|&|/|-|~|and\b|or\b|to\b|through\b|up to\b)\s?){1,3}"
_TIME = re.compile(
    rf"(?:{_COUNT}{_AND}){{0,12}}{_COUNT}(?:\s?\(\d{{1,4}}\))?[\s+-]{{0,2}}{UNIT}\b"
    rf"|\b(?:{UNIT}\s?[-+]?|[dwmy][-+]?)\d{{1,4}}\b(?:{_AND}\d{{1,4}}\b){{0,20}}",
    re.IGNORECASE,
)
_TIME_LEAD = re.compile(
    r"(?:\b(?:from|between|before)\b[^;.()\[\]]{0,100}?\b(?:to|until|till|through|and|up to)\s+"
    r"|\b(?:at|by|in|on|within|for|until|till|to|up to|after|before|during|over|through(?:out)?|baseline|every|each)\b"
    r"(?:\s*(?:,|\b(?:a|an|the|first|next|last|least|most|about|around|approximately|period of|and|both|or|at|to|up|in"
    r"|on|baseline|minimum of|maximum of)\b)){0,6}\s+)$",
    re.IGNORECASE,
)
_TIME_TAIL = re.compile(
    rf"(?:[\s-]{{1,2}}(?:of|after|post|following|from|since|before|prior to)\b[^;.,()\[\]]{{0,80}}?"
    rf"\b(?:{'|'.join(_ANCHORS)})\b|\s(?:after|post|following)-?\s?\w{{1,20}}\b|[\s-]post\w{{3,20}}\b"
    r"|[\s-]follow[\s-]?up\b)",
    re.IGNORECASE,
)


@lru_cache(maxsize=2048)
def parse_time_frame(text: str) -> TimeFrame | None:
    """Read a time frame; None where neither a time nor an event is told.

    The upper bound is the latest time written. A lower bound is given only for a range ("1 to 5 years"). The outcomes
    of a record share their times, so the last results are kept.

    >>> parse_time_frame("1 to 5 years").high
    1826.25
    >>> parse_time_frame("baseline, 3 and 6 months").days
    (91.3125, 182.625)
    >>> frame = parse_time_frame("from infusion until disease progression")
    >>> frame.anchor, frame.event_driven, frame.high
    ('infusion', True, None)
    >>> parse_time_frame("not applicable")
    """
    folded = fold(text[:_MAX_LENGTH])
    low, high, days = _bound_times(read_times(folded))
    anchor = find_anchor(folded)
    event_driven = _EVENT_END.search(folded) is not None
    if high is None and not days and anchor is None and not event_driven:
        return None
    return TimeFrame(text, low=low, high=high, days=days, anchor=anchor, event_driven=event_driven)


def cut_time_words(text: str, frame: TimeFrame) -> tuple[int, int]:
    """Where the words of a time frame stand in the text that it was read from: the fewest that read the same.

    >>> text = " (in blood) will be counted from infusion to 6 months after infusion in all"
    >>> start, end = cut_time_words(text, parse_time_frame(text))
    >>> text[start:end]
    'from infusion to 6 months after infusion'
    """
    told = (frame.low, frame.high, frame.days, frame.anchor, frame.event_driven)
    for start, end in _choose_spans(text):
        found = parse_time_frame(text[start:end])
        if found and (found.low, found.high, found.days, found.anchor, found.event_driven) == told:
            return start, end
    return _strip_span(text, 0, len(text))


def _choose_spans(text: str) -> Iterator[tuple[int, int]]:
    """Spans that may hold the time words, the narrower first."""
    folded = fold_width(text[:_MAX_LENGTH])
    times = [found.span() for found in _TIME.finditer(folded)]
    if times:
        lead = _TIME_LEAD.search(folded, max(0, times[0][0] - 130), times[0][0])
        tail = _TIME_TAIL.match(folded, times[-1][1])
        start, end = lead.start() if lead else times[0][0], tail.end() if tail else times[-1][1]
        yield start, end
        yield _strip_span(text, start, len(text))
        yield _strip_span(text, 0, end)


def _strip_span(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without the white space and brackets at its ends."""
    words = text[start:end]
    return start + len(words) - len(words.lstrip(" \t\n,:)]\\")), start + len(words.rstrip(" \t\n,:([\\"))


def find_anchor(text: str) -> str | None:
    """The event that times count from; "after …" is preferred to "from …", and both to a bare "baseline".

    >>> find_anchor("from infusion to 24 months after transplantation")
    'transplant'
    """
    found = list(_ANCHOR.finditer(text))
    after = next((one for one in found if one["lead"] != "from"), found[0] if found else None)
    bare = _BARE_ANCHOR.search(text)
    noun = after["noun"] if after else bare[0] if bare else None
    return None if noun is None else _ANCHOR_NAMES.get(noun, noun)


def _bound_times(times: list[Time]) -> tuple[float | None, float | None, tuple[float, ...]]:
    """Lower bound, upper bound and single times. Day 0 alone is a moment, not a duration."""
    values = tuple(dict.fromkeys(time.days for time in times))
    high = max(values, default=0.0)
    if high <= 0:
        return None, None, values
    if len(times) == 2 and times[1].is_end and times[0].days < times[1].days:
        return times[0].days, times[1].days, ()
    is_list = len(values) > 1 and not any(time.is_end for time in times)
    return None, high, values if is_list else ()
