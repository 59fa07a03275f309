"""Whether a regular expression's work may grow faster than its text: tried on texts that are made against it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.growth import MOST, TooSlowError, measure, measure_growth, stop_after
from tests.patterns.pumps import Pump, encode, is_endless, list_pumps, parse

SIZE = 1024
"""Characters; beyond any bound that a pattern of ours sets, so that a bounded window has its full cost already."""
_QUICK = 4 * SIZE * 2.5e-7
"""Seconds for a text of four times the size in which nothing can have been gone through again and again."""
_SECONDS = 4.0
_ROUNDS = ((SIZE, 1), (SIZE, 3), (4 * SIZE, 2))
"""Sizes and runs of each; the next is taken where the one before looks bad."""

Work = Callable[[re.Pattern[Any], Any], object]


def find_all(pattern: re.Pattern[Any], text: Any) -> None:
    """Look for the pattern from every place, as ``search``, ``finditer`` and ``sub`` do."""
    for _ in pattern.finditer(text):
        pass


def match_once(pattern: re.Pattern[Any], text: Any) -> None:
    """Look for the pattern from the start only."""
    pattern.match(text)
    pattern.fullmatch(text)


def choose_work(uses: set[str]) -> Work:
    """How the lint runs a pattern, by the methods that its module calls; "at a place" may come at every place."""
    return match_once if uses and uses <= {"match", "fullmatch", "pattern"} else find_all


def find_bad_pump(pattern: re.Pattern[Any], work: Work = find_all) -> Pump | None:
    """Texts on which the work grows faster than they do; None where none was found.

    A pattern without an endless repeat is not run: its work at each place is bounded by its own length.
    """
    if not is_endless(parse(pattern)):
        return None
    return next((pump for pump in list_pumps(pattern) if _is_bad(pattern, work, pump)), None)


def _is_bad(pattern: re.Pattern[Any], work: Work, pump: Pump) -> bool:
    large = encode(pump.make(4 * SIZE), pattern)

    def prepare(size: int) -> Callable[[], object]:
        text = encode(pump.make(size), pattern)
        return lambda: work(pattern, text)

    try:
        with stop_after(_SECONDS):
            if measure(lambda: work(pattern, large)) < _QUICK:
                return False
            # Again, and with longer texts: noise does not come twice, and what a bound holds back shows there.
            return all(measure_growth(prepare, size, times) > MOST for size, times in _ROUNDS)
    except TooSlowError:
        return True
