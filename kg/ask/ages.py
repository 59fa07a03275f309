"""Ages of people in a question: one age, a range of ages, a group of people."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kg.ask.mentions import Mention

_OLDEST = "150"
_YEARS = r"[\s-]?(?:years?|yrs?|y)"
_OF_AGE = rf"(?:{_YEARS}[\s-](?:olds?|of age)\b)"
_PEOPLE = (
    r"(?:people|patients?|persons?|participants?|subjects?|adults?|child(?:ren)?|adolescents?|those|anyone|someone)"
)
_AGED = rf"(?:\b{_PEOPLE}\s)?(?<!minimum )(?<!maximum )\b(?:ages?|aged|age of)\s(?:of\s)?"
_AND = r"\s?(?:to|and|[-–])\s?"
_NO_OTHER = r"(?!\s?(?:%|sites|cent(?:er|re)s|hospitals|days?|weeks?|months?|km|of follow|\d))"
_AGE = r"(\d{1,3})"

_RANGES = re.compile(
    rf"(?:{_AGED}(?:between\s|from\s)?|\b{_PEOPLE}\s(?:of\s)?(?:between|from)\s){_AGE}{_AND}{_AGE}\b"
    rf"(?:{_OF_AGE}|{_YEARS}\b)?{_NO_OTHER}"
    rf"|\b(?:(?:between|from)\s)?{_AGE}{_AND}{_AGE}{_OF_AGE}",
    re.IGNORECASE,
)
_OLDER = re.compile(
    rf"(?:{_AGED}|\b{_PEOPLE}\s(?:aged\s)?)(?:over|above|older than|at least|from)\s{_AGE}\b(?:{_OF_AGE}|{_YEARS}\b)?"
    rf"{_NO_OTHER}|(?:{_AGED}|\b{_PEOPLE}\s)?\b{_AGE}(?:{_OF_AGE}|{_YEARS}\b)?\s(?:and|or)\s(?:older|over)\b",
    re.IGNORECASE,
)
_YOUNGER = re.compile(
    rf"(?:{_AGED}|\b{_PEOPLE}\s(?:aged\s)?)(?:under|below|younger than|up to)\s{_AGE}\b(?:{_OF_AGE}|{_YEARS}\b)?"
    rf"{_NO_OTHER}|(?:{_AGED}|\b{_PEOPLE}\s)?\b{_AGE}(?:{_OF_AGE}|{_YEARS}\b)?\s(?:and|or)\s(?:younger|under)\b",
    re.IGNORECASE,
)
_ONE = re.compile(rf"{_AGED}{_AGE}\b(?:{_OF_AGE})?|\b{_AGE}{_OF_AGE}", re.IGNORECASE)
_GROUPS = {
    r"\b(?:elderly|geriatric|seniors|older (?:adults|people|patients|persons))\b": ("65", _OLDEST),
    r"\b(?:child(?:ren)?|pa?ediatrics?|kids|minors|adolescents?|teenagers?)\b": ("0", "17"),
    r"\badults?\b": ("18", _OLDEST),
}
_NO_HOUSE = r"(?!['’]s?\b|\s(?:hospital|cent|research|medical|universit|clinic|oncology group))"


def find_ages(text: str) -> Iterator[Mention]:
    """Ages of which a trial is to take any: from ``age`` to ``up_to``, each in its share of the place.

    >>> [one.readings for one in find_ages("trials for patients aged 12 to 15")]
    [{'age': '12'}, {'up_to': '15'}]
    >>> [one.readings for one in find_ages("a 70-year-old")]
    [{'age': '70'}]
    """
    taken: list[tuple[int, int]] = []
    for start, end, low, high in _list_ages(text):
        if any(first < end and start < last for first, last in taken):
            continue  # "older adults" are no adults of any age, and "children aged 5 to 9" are no others
        taken.append((start, end))
        if high:
            yield Mention(start, start + 1, {"age": low})
            yield Mention(start + 1, end, {"up_to": high})
        else:
            yield Mention(start, end, {"age": low})


def _list_ages(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Place, lowest and highest age; no highest where one age is meant. What is meant more exactly comes first."""
    for pattern in (_RANGES, _OLDER, _YOUNGER, _ONE):
        for found in pattern.finditer(text):
            ages = [group for group in found.groups() if group]
            if pattern is _OLDER:
                ages = [ages[0], _OLDEST]
            elif pattern is _YOUNGER:
                ages = ["0", ages[0]]
            yield found.start(), found.end(), ages[0], ages[1] if len(ages) > 1 else ""
    for group, (low, high) in _GROUPS.items():
        for found in re.finditer(group + _NO_HOUSE, text, re.IGNORECASE):
            yield found.start(), found.end(), low, high
