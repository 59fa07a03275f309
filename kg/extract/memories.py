"""Rules that read a passage once, however many products of a study ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

from kg.model import Passage

Found = TypeVar("Found")
_MOST = 1 << 14
_forget: list[Callable[[], None]] = []


def remember(find: Callable[[Passage], Iterable[Found]]) -> Callable[[Passage], tuple[Found, ...]]:
    """A rule that reads each passage once, however many products ask; until `forget_all`."""

    @lru_cache(maxsize=_MOST)
    def read(passage: Passage) -> tuple[Found, ...]:
        return tuple(find(passage))

    _forget.append(read.cache_clear)
    return read


def forget_all() -> None:
    """Let go of the passages that rules remember: those studies are done."""
    for forget in _forget:
        forget()
