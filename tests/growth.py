"""Whether work grows with its input, or faster: processor time at one size and at twice that size."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

MOST = 2.6
"""Factor of time that a doubling may cost; work that grows with the square of its input takes 4."""


class TooSlowError(Exception):
    """The work did not end in the time that it was given."""


@contextmanager
def stop_after(seconds: float) -> Iterator[None]:
    """Stop what runs in the block after so much processor time; ``re`` looks for signals also amid a match.

    The clock on the wall wakes the handler: a timer of processor time would make that clock tick coarsely.

    :raises TooSlowError: the block took longer.
    """
    end = time.process_time() + seconds

    def stop(number: int, frame: FrameType | None) -> None:
        left = end - time.process_time()
        if left <= 0:
            raise TooSlowError
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.01))

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def measure(work: Callable[[], object], times: int = 1) -> float:
    """The least processor time, in seconds, of a number of runs."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def measure_growth(prepare: Callable[[int], Callable[[], object]], size: int, times: int = 3) -> float:
    """Factor by which time grows from ``size`` to twice that; the runs alternate, so that noise meets both.

    :param prepare: Makes the work of a size.
    """
    small, large = prepare(size), prepare(2 * size)
    least = [float("inf"), float("inf")]
    for _ in range(times):
        least = [min(best, measure(work)) for best, work in zip(least, (small, large), strict=True)]
    return least[1] / max(least[0], 1e-6)
