"""Times and dates in a question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from kg.ask.mentions import Mention
from kg.extract.timeframes import parse_time_frame

_NUMBER = (
    r"(?:\d{1,9}(?:\.\d{1,6})?|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|eighteen|twenty)"
)
_TIME = (
    rf"(?:{_NUMBER}[\s-]?(?:d|days?|wks?|weeks?|mo|months?|y|yrs?|years?)\b"
    r"|(?:day|week|month|year)\s?\d{1,9})"
)
_MOST = re.compile(
    r"(?:\bwithin(?: the first)?|\b(?:in|during) the first|\bup to|\bat most|\bno later than|\bless than|\bunder"
    rf"|\bbefore|\bby|\bat|\bin|≤|<=?)\s?({_TIME})(?! of follow)",
    re.IGNORECASE,
)
_LEAST = re.compile(
    rf"(?:\bat least|\bmore than|\bafter|\bover|\blonger than|\bbeyond|\bminimum(?: of)?|≥|>=?)\s?({_TIME})"
    rf"|({_TIME})(?:\sor (?:more|longer))?(?=,?\s(?:of\s)?(?:long[- ]term\s)?follow)"
    rf"|(?:(?<=\bfollow[- ]up of )|(?<=\bfollow[- ]up for )|(?<=\bfollow[- ]up period of ))({_TIME})",
    re.IGNORECASE,
)
_LAST = re.compile(
    rf"\b(?:(?:in|within|over|during|for)\s)?(?:the\s)?(?:last|past|previous)\s"
    rf"({_TIME}|days?\b|weeks?\b|months?\b|years?\b)",
    re.IGNORECASE,
)
_THIS = re.compile(r"\b(?:(?:in|during|since)\s)?(?:this|the current) (year|month)\b", re.IGNORECASE)
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH = "|".join(rf"{name[:3]}(?:{name[3:]})?" for name in _MONTHS)
_YEAR = r"(?:19|20)\d\d"
_DATE = re.compile(
    r"\b(?:(?P<lead>since|from|on or after|not before|after|later than|newer than|before|between|until|till|by|up to|in"
    rf"|during|of|to|and)\s)?(?:(?P<year>{_YEAR})(?:[-/](?P<month>\d\d?)(?:[-/](?P<day>\d\d?))?)?"
    rf"|(?:(?P<day2>\d\d?)(?:st|nd|rd|th)?\s)?(?P<name>{_MONTH})\.?\s(?:(?P<day3>\d\d?)(?:st|nd|rd|th)?,?\s)?"
    rf"(?P<year2>{_YEAR}))(?![\d-])(?:\s(?P<on>on(?:wards?)?|or later)\b)?",
    re.IGNORECASE,
)


_ROLES = re.compile(
    r"\b(?:(?P<started>start\w*(?:\s(?:dates?|years?))?|beg[aiu]n\w*|commenc\w+|initiat\w+|launch\w*|opened)"
    r"|(?P<completed>complet\w+(?:\s(?:dates?|years?))?|finish\w*|end(?:ed|ing|s)?)|(?P<updated>(?:last\s)?(?:updat\w+|chang\w+|modif\w+|revis\w+))"
    r"|(?P<posted>(?:first\s)?(?:post(?:ed|ing)|regist(?:ered|ration)|add(?:ed)|appear\w*|new(?:ly)?|submit\w*)))"
    r"(?:\s(?!(?:and|or|but)\b)[\w'-]+){0,3}\s*$",
    re.IGNORECASE,
)
"""What a date tells of a trial: the nearest such word before it."""


def _find_role(text: str, start: int) -> tuple[str, tuple[int, int]]:
    """What the words before a date make it a date of, and where the telling word stands; "" is the first posting."""
    found = last = _ROLES.search(text[:start])
    while found is not None:
        last, found = found, _ROLES.search(text[:start], found.end(str(found.lastgroup)))
    if last is None:
        return "", (0, 0)
    role = next(name for name, word in last.groupdict().items() if word)
    return role, last.span(role)


def _name_limit(role: str, limit: str) -> str:
    return limit if role in ("", "posted") else f"{role}_{limit}"


def _read_days(time: str) -> str | None:
    frame = parse_time_frame(f"within {time}")
    return None if frame is None or frame.high is None else f"{frame.high:.4f}".rstrip("0").rstrip(".")


def find_times(text: str) -> Iterator[Mention]:
    """Times from a start: at least and at most so many days."""
    taken_to = 0
    least = {found.start(): found for found in _LEAST.finditer(text)}
    for start, found in sorted({**{found.start(): found for found in _MOST.finditer(text)}, **least}.items()):
        days = _read_days(next(time for time in found.groups() if time))
        if start >= taken_to and days is not None:
            taken_to = found.end()
            yield Mention(start, found.end(), {"min_days" if found.re is _LEAST else "max_days": days})


def find_dates(text: str, today: date) -> Iterator[Mention]:
    """Days, months and years, as limits to what the words before them tell: when a trial was posted, started …"""
    for found in _LAST.finditer(text):
        days = _read_days(found[1]) or _read_days(f"1 {found[1]}")
        if days is not None and float(days) < 40_000:
            since = today - timedelta(days=int(float(days)))
            role, word = _find_role(text, found.start())
            yield Mention(found.start(), found.end(), {_name_limit(role, "since"): since.isoformat()}, word)
    for found in _THIS.finditer(text):
        since = today.replace(day=1, **({"month": 1} if found[1].lower() == "year" else {}))
        role, word = _find_role(text, found.start())
        yield Mention(found.start(), found.end(), {_name_limit(role, "since"): since.isoformat()}, word)
    end, role = -9, ""
    for found in _DATE.finditer(text):
        span = _read_span(found)
        is_date = found["lead"] or found["on"] or re.match(r"\s(?:trials?|studies)\b|\W*$", text[found.end() :])
        own, word = _find_role(text, found.start())
        role = role if not own and found.start() - end < 3 else own
        if span is not None and (is_date or own):
            end = found.end()
            for mention in _bound_date(found, *span):
                (limit, value), *_ = mention.readings.items()
                yield Mention(mention.start, mention.end, {_name_limit(role, limit): value}, word)


def _bound_date(found: re.Match[str], first: date, last: date) -> Iterator[Mention]:
    """What the words before a date make of it; "in 2024" says two things, and each takes a share of the place."""
    lead, day = (found["lead"] or "in").lower(), timedelta(days=1)
    if found["on"] or lead in ("since", "from", "between", "on or after", "not before"):
        yield Mention(found.start(), found.end(), {"since": first.isoformat()})
    elif lead in ("after", "later than", "newer than"):
        yield Mention(found.start(), found.end(), {"since": (last + day).isoformat()})
    elif lead in ("before", "until", "till", "by", "up to", "to", "and"):
        yield Mention(found.start(), found.end(), {"until": (first - day if lead == "before" else last).isoformat()})
    else:
        yield Mention(found.start(), found.start() + 1, {"since": first.isoformat()})
        yield Mention(found.start() + 1, found.end(), {"until": last.isoformat()})


def _read_span(found: re.Match[str]) -> tuple[date, date] | None:
    """First and last day of a date as written; None where there is no such day."""
    year = int(found["year"] or found["year2"])
    starts = [name[:3] for name in _MONTHS]
    month = starts.index(found["name"][:3].lower()) + 1 if found["name"] else int(found["month"] or 0)
    day = int(found["day"] or found["day2"] or found["day3"] or 0)
    try:
        if day:
            return date(year, month, day), date(year, month, day)
        if month:
            return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    except ValueError:
        return None
    return date(year, 1, 1), date(year, 12, 31)
