"""The reduce step: what the records of a shard say, sorted and written. A shard holds whole trials.

A task is plain data and names its inputs by path, so it runs in any process that sees the store.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from kg import rdf
from kg.merges import merge_records
from kg.model import Record, Trial
from kg.pipeline.logs import Place, read_entry
from kg.pipeline.readings import reread
from kg.terms import ID

SHARDS = 256
_CHUNK = 1 << 20
_GRAPH = re.compile(rb" <[^<> ]*> \.\n")
_OWN = f"<{ID}trial/".encode()
"""How the lines about a trial's own things begin. Dates, sites and organisations, which trials share, sort before."""


class Kept(msgspec.Struct, frozen=True):
    """A record whose text is read again: its file name and format, and its text compressed with zlib."""

    file: str
    format: str
    text: bytes


class ShardTask(msgspec.Struct, frozen=True):
    """All that makes one shard.

    :ivar number: In hexadecimal digits, which is the file's name.
    :ivar log: Path of the work log.
    :ivar places: Entries of the log whose lines the shard takes as they are.
    :ivar merges: The records of each trial that is described anew from its texts.
    :ivar previous: Path of the shard before; empty where there is none.
    :ivar dropped: Records (IRIs as N-Triples) whose lines are left out of it.
    :ivar is_update: Whether to tell which triples came and went.
    """

    number: str
    folder: str
    log: str
    places: tuple[Place, ...] = ()
    merges: tuple[tuple[Kept, ...], ...] = ()
    previous: str = ""
    dropped: frozenset[bytes] = frozenset()
    is_update: bool = False


class ShardDone(msgspec.Struct, frozen=True):
    """A written shard.

    :ivar path: Empty where the shard would hold nothing.
    :ivar digest: SHA-256 of its lines.
    :ivar added: For an update: N-Triples lines that it has and the shard before had not, compressed.
    :ivar removed: For an update: those that the shard before had and it has not, compressed.
    """

    number: str
    path: str
    digest: str
    quads: int
    added: bytes = b""
    removed: bytes = b""


def shard_of(trial: str) -> str:
    """Number of a trial's shard, by its IRI.

    >>> shard_of("<https://w3id.org/trialkg/id/trial/NCT05574608>")
    '4f'
    """
    return f"{hashlib.sha256(trial.encode()).digest()[0] % SHARDS:02x}"


def write_shard(task: ShardTask) -> ShardDone:
    """Write one shard."""
    kept: list[bytes] = []
    gone: list[bytes] = []
    if task.previous:
        for line in unpack(Path(task.previous).read_bytes()).splitlines(keepends=True):
            (gone if line[line.rindex(b" <") + 1 : -3] in task.dropped else kept).append(line)
    new = list(_read_places(task))
    for records in task.merges:
        new.extend(line.encode() for line in describe_together(records))
    lines = sorted((*kept, *new)) if kept else sorted(new)
    path = Path(task.folder) / "quads" / f"{task.number}.nq.gz"
    digest = _pack(path, lines) if lines else ""
    added, removed = _compare(gone, new) if task.is_update else (b"", b"")
    return ShardDone(task.number, str(path) if lines else "", digest, len(lines), added, removed)


def _compare(gone: list[bytes], new: list[bytes]) -> tuple[bytes, bytes]:
    """The triples that came and those that went, compressed."""
    before, after = (set(_GRAPH.sub(b" .\n", b"".join(some)).splitlines(keepends=True)) for some in (gone, new))
    return zlib.compress(b"".join(sorted(after - before)), 1), zlib.compress(b"".join(sorted(before - after)), 1)


def _read_places(task: ShardTask) -> Iterator[bytes]:
    if not task.places:
        return
    descriptor = os.open(task.log, os.O_RDONLY)
    try:
        for place in task.places:
            yield from zlib.decompress(read_entry(descriptor, place).lines).splitlines(keepends=True)
    finally:
        os.close(descriptor)


def describe_together(records: Iterable[Kept]) -> list[str]:
    """Read the records of one trial again from their texts; what they say together, as N-Quads lines."""
    found = []
    for one in records:
        trial = reread(Record(one.file, one.format, "", zlib.decompress(one.text).decode()))
        if isinstance(trial, Trial):
            found.append((rdf.mint_record(trial), trial.study.record.updated, trial))
    if len(found) == 1:
        return rdf.write_record(found[0][2])
    return merge_records([(iri, updated, rdf.describe(trial)) for iri, updated, trial in found])


def _pack(path: Path, lines: list[bytes]) -> str:
    """Write lines with gzip, the same bytes each time; the digest of the lines."""
    digest, packer = hashlib.sha256(), zlib.compressobj(1, zlib.DEFLATED, 31)
    with path.open("wb") as stream:
        for start in range(0, len(lines), 4096):
            chunk = b"".join(lines[start : start + 4096])
            digest.update(chunk)
            stream.write(packer.compress(chunk))
        stream.write(packer.flush())
    return digest.hexdigest()


def unpack(content: bytes) -> bytes:
    """What is in gzip."""
    return zlib.decompress(content, 31)


def read_triples(path: str) -> Iterator[bytes]:
    """A shard as N-Triples, in chunks of whole lines."""
    unpacker = zlib.decompressobj(31)
    rest = b""
    with Path(path).open("rb") as stream:
        while packed := stream.read(_CHUNK // 8):
            head, _, rest = (rest + unpacker.decompress(packed)).rpartition(b"\n")
            if head:
                yield _GRAPH.sub(b" .\n", head + b"\n")


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
