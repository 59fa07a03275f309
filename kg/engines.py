"""The engine of a snapshot, whose errors are told as what they are.

A block of the index that fails its checksum is an error of the engine, which says it again at each step of its
iterators: an error ends an answer here, at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, cast

from pyoxigraph import Quad, QueryBoolean
from pyoxigraph import Store as Engine

_CORRUPTION = re.compile(r"Corruption\b|(?i:checksum mismatch)")
_IO_ERROR = re.compile(r"IO error\b")
Explain = Callable[[Exception], NoReturn]
"""Raises what an error of the engine means."""


def is_corruption(error: Exception) -> bool:
    """Whether the engine says that a file of its index is not what it wrote."""
    return isinstance(error, RuntimeError) and _CORRUPTION.match(str(error)) is not None


def is_unreadable(error: Exception) -> bool:
    """Whether the engine says that a file of its index cannot be read."""
    return isinstance(error, OSError) or (isinstance(error, RuntimeError) and _IO_ERROR.match(str(error)) is not None)


def guard_engine(engine: Engine, explain: Explain) -> Engine:
    """An engine that has its errors explained. It answers as the engine does."""
    return cast(Engine, _Guarded(engine, explain))


def is_embedded(engine: object) -> bool:
    """Whether an engine is one of this process, and no remote one."""
    return isinstance(engine, Engine | _Guarded)


class _Guarded:
    def __init__(self, engine: Engine, explain: Explain) -> None:
        self._engine, self._explain = engine, explain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def __len__(self) -> int:
        try:
            return len(self._engine)
        except (RuntimeError, OSError) as error:
            self._explain(error)

    def __iter__(self) -> Iterator[Quad]:
        return _guard(self._engine, self._explain)

    def quads_for_pattern(self, *pattern: Any) -> Iterator[Quad]:
        return _guard(self._engine.quads_for_pattern(*pattern), self._explain)

    def query(self, *arguments: Any, **options: Any) -> Any:
        try:
            found = self._engine.query(*arguments, **options)
        except (RuntimeError, OSError) as error:
            self._explain(error)
        return found if isinstance(found, QueryBoolean) else _Answer(found, self._explain)


class _Answer:
    """Solutions or triples of a query. Whoever asks for their class is told that of the engine's own, which nothing can
    inherit from."""

    def __init__(self, found: Any, explain: Explain) -> None:
        self._found, self._steps = found, _guard(found, explain)

    __class__ = property(lambda self: type(self._found))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found, name)

    def __iter__(self) -> Iterator[Any]:
        return self._steps

    def __next__(self) -> Any:
        return next(self._steps)


def _guard(found: Any, explain: Explain) -> Iterator[Any]:
    try:
        yield from found
    except (RuntimeError, OSError) as error:
        explain(error)
