"""The reduce step: what the records of a shard say, sorted and written. A shard holds whole trials.

A task is plain data and names its inputs by path, so it runs in any process that sees the store.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from kg import rdf
from kg.merges import merge_records
from kg.model import Record, Trial
from kg.packing import SHARD, Packer, pack, read_packed, unpack
from kg.pipeline.logs import Place, read_entry
from kg.pipeline.readings import reread
from kg.pipeline.triples import CHUNK, Triples, TripleWriter, take_off_graphs

SHARDS = 256


class Kept(msgspec.Struct, frozen=True):
    """A record whose text is read again: its file name and format, and its text, packed."""

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
    :ivar before: Digest and number of its lines.
    :ivar dropped: Records (IRIs as N-Triples) whose lines are left out of it.
    :ivar is_update: Whether to tell which triples came and went; if not, all triples are written for a new index.
    """

    number: str
    folder: str
    log: str
    places: tuple[Place, ...] = ()
    merges: tuple[tuple[Kept, ...], ...] = ()
    previous: str = ""
    before: tuple[str, int] = ("", 0)
    dropped: frozenset[bytes] = frozenset()
    is_update: bool = False


class ShardDone(msgspec.Struct, frozen=True):
    """A written shard.

    :ivar path: Empty where the shard would hold nothing.
    :ivar digest: SHA-256 of its lines.
    :ivar triples: For a new index: its triples; None where the shard is the one before.
    :ivar added: For an update: N-Triples lines that it has and the shard before had not, packed.
    :ivar removed: For an update: those that the shard before had and it has not, packed.
    """

    number: str
    path: str
    digest: str
    quads: int
    triples: Triples | None = None
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
    path = Path(task.folder) / "quads" / f"{task.number}{SHARD}"
    if task.previous and not (task.places or task.merges or task.dropped):
        os.link(task.previous, path)
        return ShardDone(task.number, str(path), *task.before)
    new = list(_read_places(task))
    for records in task.merges:
        new.extend(line.encode() for line in describe_together(records))
    new.sort()
    text: bytes = b""
    gone: list[bytes] = []
    if task.previous:
        text, gone = _take_out(read_packed(Path(task.previous)), task.dropped)
    pieces = _cut_evenly(_merge(text, new) if text else _chunk(new))
    if task.is_update:
        digest, quads = _pack(path, pieces)
        triples, changed = None, _compare(gone, new)
    else:
        with TripleWriter(path.with_name(f"{task.number}.nt")) as writer:
            digest, quads = _pack(path, writer.copy(pieces))
        triples, changed = writer.list_parts(), (b"", b"")
    if not quads:
        path.unlink()
    return ShardDone(task.number, str(path) if quads else "", digest if quads else "", quads, triples, *changed)


def _take_out(text: bytes, records: Iterable[bytes]) -> tuple[bytes, list[bytes]]:
    """Lines without those of some records, and those. Lines are looked for by their ends and not gone through one by
    one: an update drops few."""
    cuts: list[tuple[int, int]] = []
    for record in records:
        end = b" " + record + b" .\n"
        found = text.find(end)
        while found >= 0:
            cuts.append((text.rfind(b"\n", 0, found) + 1, found + len(end)))
            found = text.find(end, found + len(end))
    cuts.sort()
    starts, ends = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(text)]
    kept = b"".join(text[start:end] for start, end in zip(starts, ends, strict=True))
    return kept, [text[start:end] for start, end in cuts]


def _merge(text: bytes, new: list[bytes]) -> Iterator[bytes]:
    """Sorted lines put into sorted text, in chunks."""
    position = 0
    for line in new:
        place = _find_place(text, line, position)
        yield from (text[start : min(start + CHUNK, place)] for start in range(position, place, CHUNK))
        yield line
        position = place
    yield from (text[start : start + CHUNK] for start in range(position, len(text), CHUNK))


def _find_place(text: bytes, line: bytes, low: int) -> int:
    """Where a line belongs in sorted text, at or after the start of a line at ``low``."""
    high = len(text)
    while low < high:
        start = text.rfind(b"\n", low, (low + high) // 2) + 1 or low
        end = text.index(b"\n", start) + 1
        if text[start:end] < line:
            low = end
        else:
            high = start
    return low


def _chunk(lines: list[bytes]) -> Iterator[bytes]:
    return (b"".join(lines[start : start + 4096]) for start in range(0, len(lines), 4096))


def _compare(gone: list[bytes], new: list[bytes]) -> tuple[bytes, bytes]:
    """The triples that came and those that went, packed."""
    before, after = (set(take_off_graphs(b"".join(some)).splitlines(keepends=True)) for some in (gone, new))
    return pack(b"".join(sorted(after - before))), pack(b"".join(sorted(before - after)))


def _read_places(task: ShardTask) -> Iterator[bytes]:
    if not task.places:
        return
    descriptor = os.open(task.log, os.O_RDONLY)
    try:
        for place in task.places:
            yield from unpack(read_entry(descriptor, place).lines).splitlines(keepends=True)
    finally:
        os.close(descriptor)


def describe_together(records: Iterable[Kept]) -> list[str]:
    """Read the records of one trial again from their texts; what they say together, as N-Quads lines."""
    found = []
    for one in records:
        trial = reread(Record(one.file, one.format, "", unpack(one.text).decode()))
        if isinstance(trial, Trial):
            found.append((rdf.mint_record(trial), trial.study.record.updated, trial))
    if len(found) == 1:
        return rdf.write_record(found[0][2])
    return merge_records([(iri, updated, rdf.describe(trial)) for iri, updated, trial in found])


def _pack(path: Path, pieces: Iterable[bytes]) -> tuple[str, int]:
    """Write lines, packed; their digest and number."""
    digest, packer, quads = hashlib.sha256(), Packer(), 0
    with path.open("wb") as stream:
        for piece in pieces:
            digest.update(piece)
            quads += piece.count(b"\n")
            stream.write(packer.take(piece))
        stream.write(packer.end())
    return digest.hexdigest(), quads


def _cut_evenly(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces of one size: how the text was cut before would change what the packer makes of it."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= CHUNK:
            yield bytes(held[:CHUNK])
            del held[:CHUNK]
    yield bytes(held)

