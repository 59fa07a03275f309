"""Progress of a build on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kg.pipeline import Progress, State


@contextmanager
def show_progress() -> Iterator[Progress | None]:
    """A line with the rate and the time that remains on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.status import Status

    with Status("opening sources", console=Console(stderr=True)) as status:
        teller = Teller()

        def show(state: State) -> None:
            status.update(teller.tell(state, time.monotonic()))

        yield show


class Teller:
    """Puts the state of a build into words; holds when each stage began."""

    def __init__(self) -> None:
        self._stage, self._began, self._from = "", 0.0, 0

    def tell(self, state: State, now: float) -> str:
        """One line; ``now`` is in seconds."""
        if state.stage != self._stage:
            self._stage, self._began, self._from = state.stage, now, state.read
        parts = [f"{state.stage}: {state.read:,} records"]
        if state.rejected:
            parts.append(f"{state.rejected:,} set aside")
        spent = now - self._began
        if spent > 0 and state.read > self._from:
            parts.append(f"{(state.read - self._from) / spent:,.0f} a second")
        if state.share is not None:
            parts.append(f"{state.share:.0%}")
            if spent > 0 and 0 < state.share < 1:
                parts.append(f"{format_time(spent / state.share - spent)} left")
        return ", ".join(parts)


def format_time(seconds: float) -> str:
    """A span of time to read.

    >>> format_time(42), format_time(170), format_time(7300)
    ('42 s', '3 min', '2 h 2 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
