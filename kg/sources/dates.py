"""Dates as registries write them: a year, a month or a day."""

from __future__ import annotations

import calendar
import re

FIRST_YEAR, LAST_YEAR = 1901, 2199
"""Years between which trials lie. 1900 and 9999 are what databases write where they know none."""
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:T.*)?", re.ASCII)


def split_date(text: str) -> tuple[int, int, int] | None:
    """Year, month and day, with 0 for what is not given; None where it is no date of the calendar, or of no trial.

    >>> split_date("2024-02-29"), split_date("2024-02"), split_date("2021-13-45"), split_date("9999-12-31")
    ((2024, 2, 29), (2024, 2, 0), None, None)
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    is_given = found[2] is None or (1 <= month <= 12 and (found[3] is None or day > 0))
    if not FIRST_YEAR <= year <= LAST_YEAR or not is_given or (month and day > calendar.monthrange(year, month)[1]):
        return None
    return year, month, day
