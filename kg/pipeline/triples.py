"""The triples of shards on their way to the index: graphs are taken off, and what many records say of a thing that
trials share (a date, a point, a site) goes in once. A quarter of a large build's statements were said before."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from types import TracebackType

import msgspec

from kg.packing import open_packed
from kg.terms import ID

CHUNK = 1 << 20
_GRAPH = re.compile(re.escape(f" <{ID}record/").encode() + rb"[0-9a-f]{24}> \.\n")
"""How a line ends: its graph is a record. Written out, for it is looked for in every line of every build."""
_OWN = f"<{ID}trial/".encode()
"""How the lines about a trial's own things begin. Dates, sites and organisations, which trials share, sort before."""
_RECORD = f"<{ID}record/".encode()
"""How the lines about a record begin. They sort among those of shared things, and no other record says them."""
_REMEMBERED = 1_000_000
"""Shared things that are remembered, at some 100 bytes each; what is said again of later ones goes in again."""


class Triples(msgspec.Struct, frozen=True):
    """A file of N-Triples.

    :ivar parts: Its parts in order: the digest of what is said about one shared thing, or nothing for other lines,
        and the number of bytes.
    """

    path: str
    parts: tuple[tuple[bytes, int], ...]


class TripleWriter:
    """Writes the triples of N-Quads lines beside them."""

    def __init__(self, path: Path) -> None:
        self._path, self._stream = path, path.open("wb")
        self._parts: list[tuple[bytes, int]] = []
        self._rest = b""

    def __enter__(self) -> TripleWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stream.close()

    def copy(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Pieces of sorted lines, as they are, while their triples are written."""
        for piece in pieces:
            lines, self._rest = _take_lines(self._rest + piece)
            self._write_lines(lines)
            yield piece

    def _write_lines(self, lines: bytes) -> None:
        own = 0 if lines.startswith(_OWN) else lines.find(b"\n" + _OWN) + 1 or len(lines)
        for thing in _list_things(take_off_graphs(lines[:own])):
            is_one_record = thing.startswith(_RECORD)
            self._write(b"" if is_one_record else hashlib.blake2b(thing, digest_size=16).digest(), thing)
        if own < len(lines):
            self._write(b"", take_off_graphs(lines[own:]))

    def _write(self, digest: bytes, lines: bytes) -> None:
        self._stream.write(lines)
        self._parts.append((digest, len(lines)))

    def list_parts(self) -> Triples:
        """What was written."""
        return Triples(str(self._path), tuple(self._parts))


def _list_things(lines: bytes) -> Iterator[bytes]:
    """The lines about each thing, each line once."""
    for _, about in groupby(dict.fromkeys(lines.splitlines(keepends=True)), lambda line: line[: line.index(b" ")]):
        yield b"".join(about)


def take_new(triples: Triples, seen: set[bytes]) -> Iterator[bytes]:
    """The lines of a file in chunks, without what was seen of shared things, and which is remembered; the file goes."""
    with open(triples.path, "rb") as stream:
        for digest, size in triples.parts:
            lines = stream.read(size)
            if digest not in seen:
                yield lines
                if digest and len(seen) < _REMEMBERED:
                    seen.add(digest)
    Path(triples.path).unlink()


def read_triples(path: str) -> Iterator[bytes]:
    """A shard as N-Triples, in chunks of whole lines."""
    rest = b""
    with open_packed(Path(path)) as stream:
        while piece := stream.read(CHUNK):
            lines, rest = _take_lines(rest + piece)
            if lines:
                yield take_off_graphs(lines)


def _take_lines(text: bytes) -> tuple[bytes, bytes]:
    """The whole lines of a text, and the start of one that is left."""
    end = text.rfind(b"\n") + 1
    return text[:end], text[end:]


def take_off_graphs(lines: bytes) -> bytes:
    """N-Quads lines of records as N-Triples."""
    return _GRAPH.sub(b" .\n", lines)


class Search(msgspec.Struct, frozen=True):
    """Triples about things that trials share, to be looked for in a shard."""

    path: str
    wanted: frozenset[bytes]


def find_survivors(search: Search) -> set[bytes]:
    """Which of the triples a shard states."""
    found: set[bytes] = set()
    for chunk in read_triples(search.path):
        found.update(search.wanted.intersection(chunk.splitlines(keepends=True)))
        if chunk.startswith(_OWN):
            break
    return found


def is_shared(line: bytes) -> bool:
    """Whether a triple is about something that several trials may have in common."""
    return not line.startswith(_OWN)
