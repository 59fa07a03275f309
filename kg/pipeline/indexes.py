"""The engine's index of the triples: loaded in one stream, or copied and changed."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from pyoxigraph import Quad, RdfFormat, parse
from pyoxigraph import Store as Engine

from kg.errors import StoreError
from kg.vocabularies import list_knowledge

_BUFFER = 1 << 20
_BATCH = 100_000


class _Stream(io.RawIOBase):
    """Chunks as a file to read from; what goes wrong while a chunk is made is kept in ``fault``."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        self.fault: BaseException | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        try:
            while not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    return 0
                self._rest = memoryview(chunk)
        except BaseException as error:  # the engine would hide what it was
            self.fault = error
            raise
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def load_index(folder: Path, triples: Iterable[bytes]) -> None:
    """Make an index from chunks of N-Triples and the ontology; its files are left to be merged.

    One bulk load takes them all: each load writes files of its own, and every lookup goes through all of them. With a
    load for each file of the ontology, queries took five times as long. The engine is closed when this
    returns, before it begins to merge files by itself.
    """
    engine = Engine(str(folder / "index"))
    stream = _Stream(itertools.chain(triples, _read_ontology()))
    try:
        engine.bulk_load(
            input=io.BufferedReader(cast(io.RawIOBase, stream), _BUFFER), format=RdfFormat.N_TRIPLES, lenient=True
        )
    except BaseException:
        if stream.fault is not None:
            raise stream.fault from None
        raise


def _read_ontology() -> Iterator[bytes]:
    """The ontology, its vocabularies and their closure as chunks of N-Triples."""
    yield "".join(f"{triple} .\n" for triple in list_knowledge()).encode()


def change_index(previous: Path, folder: Path, removed: Iterable[bytes], added: Iterable[bytes]) -> None:
    """Copy an index, by hard links to its immutable files, and change the copy.

    :param removed: N-Triples lines to take out.
    :param added: N-Triples lines to put in.
    :raises StoreError: the previous index cannot be opened.
    """
    try:
        Engine.read_only(str(previous / "index")).backup(str(folder / "index"))
    except (OSError, RuntimeError, ValueError) as error:
        raise StoreError(
            f"the index cannot be copied ({error})", where=str(previous), mend="Build the graph again with `kg build`"
        ) from None
    engine = Engine(str(folder / "index"))
    for quad in _parse(removed):
        engine.remove(quad)
    engine.extend(_parse(added))
    engine.flush()


def _parse(lines: Iterable[bytes]) -> Iterator[Quad]:
    batch: list[bytes] = []
    for line in lines:
        batch.append(line)
        if len(batch) >= _BATCH:
            yield from _parse_batch(batch)
            batch = []
    yield from _parse_batch(batch)


def _parse_batch(batch: list[bytes]) -> Iterator[Quad]:
    for quad in parse(input=b"".join(batch), format=RdfFormat.N_TRIPLES, lenient=True):
        yield Quad(quad.subject, quad.predicate, quad.object)
