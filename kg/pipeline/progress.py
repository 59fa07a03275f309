"""How far a build has come, for whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec


class State(msgspec.Struct, frozen=True):
    """How far a build has come.

    :ivar stage: What is being done, in a word or two.
    :ivar read: Records read so far, those known from before included.
    :ivar rejected: Records set aside so far.
    :ivar share: Part of the stage that is done, from 0 to 1; None where the whole is not known, as on standard input.
    """

    stage: str
    read: int
    rejected: int
    share: float | None = None


Progress = Callable[[State], None]


class Meter:
    """Counts the bytes that were taken from files, as they lie on disk.

    :param sizes: Of the files; None for one whose size is not known.
    """

    def __init__(self, sizes: Iterable[int | None]) -> None:
        self.taken = self.total = 0
        for size in sizes:
            if size is None:
                self.total = 0
                return
            self.total += size

    def add(self, size: int) -> None:
        self.taken += size

    @property
    def share(self) -> float | None:
        """Part of the bytes that was taken."""
        return min(1.0, self.taken / self.total) if self.total else None
