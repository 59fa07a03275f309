"""The only place where the steps of a build come together: stream of records → batches → workers → shards →
snapshot."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import signal
import sqlite3
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path

import msgspec

from kg import rdf
from kg.errors import KgError, SourceError
from kg.extract import extract_trial
from kg.merges import merge_records
from kg.model import Record, Rejected, Study, Trial
from kg.sources.inputs import Blob, open_sources, read_blob
from kg.store import (
    VERSION,
    Manifest,
    Snapshot,
    StoredRecord,
    add_record,
    hash_file,
    load_index,
    lock_store,
    open_records,
    open_snapshot,
    publish,
)

BATCH = 50
SHARDS = 32
Progress = Callable[[int, int], None]
"""Called with the numbers of records read and set aside so far."""


class Reading(msgspec.Struct, frozen=True):
    """One record, read: what goes into the snapshot."""

    stored: StoredRecord
    lines: str
    set_aside: tuple[str, ...]


class Report(msgspec.Struct, frozen=True):
    """What a build did.

    :ivar rejected: Records that could not be read.
    :ivar set_aside: Single values that could not be read, in records that were.
    :ivar duplicates: Records that were there already, byte for byte.
    """

    manifest: Manifest
    folder: Path
    rejected: tuple[Rejected, ...]
    set_aside: tuple[Rejected, ...]
    duplicates: int
    quads: int


def read_trial(blob: Blob) -> Trial | Rejected:
    """Read one record and find everything in it; a record that our own code stumbles over is set aside like a bad
    one."""
    study = read_blob(blob)
    return study if isinstance(study, Rejected) else interpret(study)


def interpret(study: Study) -> Trial | Rejected:
    """Extraction with a net: one odd record must not end a build of half a million."""
    try:
        return extract_trial(study)
    except (KgError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        return Rejected(
            study.record.file,
            f"kg could not interpret it ({type(error).__name__}: {error})",
            "Please report the record: this is a fault of kg",
        )


def build(
    sources: Sequence[str],
    store: Path,
    *,
    is_update: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Read the sources into a new snapshot and serve it; ``is_update`` keeps the records of the present one.

    :raises SourceError: a source does not exist, or not one record could be read; the previous snapshot stays served.
    """
    with lock_store(store):
        building = store / "snapshots" / f".building-{os.getpid()}"
        shutil.rmtree(building, ignore_errors=True)
        (building / "quads").mkdir(parents=True)
        try:
            return _build(sources, store, building, open_snapshot(store) if is_update else None, workers, progress)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def _build(
    sources: Sequence[str],
    store: Path,
    building: Path,
    previous: Snapshot | None,
    workers: int | None,
    progress: Progress | None,
) -> Report:
    rejected: list[Rejected] = []
    set_aside: list[Rejected] = []
    trials: dict[str, list[str]] = defaultdict(list)
    count = duplicates = 0
    records = open_records(building / "records.sqlite", is_new=True)
    with ExitStack() as stack:
        shards = [
            stack.enter_context((building / f"shard-{number:02}.tmp").open("w", encoding="utf-8", newline="\n"))
            for number in range(SHARDS)
        ]
        if previous:
            for stored in previous.read_records():
                add_record(records, stored)
                trials[stored.trial].append(stored.iri)
            for line in previous.read_quads():
                shards[_shard_of_line(line, previous, trials)].write(line)
        for reading in _read_all(open_sources(sources), workers):
            if isinstance(reading, Rejected):
                rejected.append(reading)
            elif add_record(records, reading.stored):
                count += 1
                trials[reading.stored.trial].append(reading.stored.iri)
                shards[shard_of(reading.stored.trial)].write(reading.lines)
                set_aside.extend(
                    Rejected(reading.stored.record.file, reason, "The rest of the record was read")
                    for reason in reading.set_aside
                )
            else:
                duplicates += 1
            if progress:
                progress(count + duplicates, len(rejected))
    records.commit()
    if not trials:
        first = f" ({rejected[0].file}: {rejected[0].reason})" if rejected else ""
        raise SourceError(
            f"not one record could be read{first}",
            where=", ".join(sources)[:200],
            mend="See `kg build --help` for the formats that are read",
        )
    quads = _write_shards(building, records, {trial: iris for trial, iris in trials.items() if len(iris) > 1})
    newest = records.execute("SELECT max(updated) FROM record").fetchone()[0] or ""
    total = records.execute("SELECT count(*) FROM record").fetchone()[0]
    records.close()
    _write_rejects(building / "rejects.jsonl", (*rejected, *set_aside))
    load_index(building, sorted(building.glob("*.nt")))
    for leftover in (*building.glob("*.nt"), *building.glob("*.tmp")):
        leftover.unlink()
    files = {
        str(path.relative_to(building)): hash_file(path)
        for path in sorted((*building.glob("quads/*"), building / "records.sqlite", building / "rejects.jsonl"))
    }
    digest = hashlib.sha256(
        "".join(digest for name, digest in files.items() if name.startswith("quads/")).encode()
    ).hexdigest()[:16]
    manifest = Manifest(VERSION, digest, len(trials), total, len(rejected), newest, tuple(sources), files)
    folder = publish(store, building, manifest)
    return Report(manifest, folder, tuple(rejected), tuple(set_aside), duplicates, quads)


def shard_of(trial: str) -> int:
    """Shard of a trial, by its IRI."""
    return hashlib.sha256(trial.encode()).digest()[0] % SHARDS


def _shard_of_line(line: str, previous: Snapshot, trials: dict[str, list[str]]) -> int:
    record = "<" + line.rpartition(" <")[2].removesuffix(" .\n")
    return shard_of(_trial_by_record(previous, trials)[record])


_TRIALS: dict[str, dict[str, str]] = {}


def _trial_by_record(previous: Snapshot, trials: dict[str, list[str]]) -> dict[str, str]:
    key = previous.manifest.snapshot
    if key not in _TRIALS:
        _TRIALS.clear()
        _TRIALS[key] = {record: trial for trial, records in trials.items() for record in records}
    return _TRIALS[key]


def _read_all(blobs: Iterable[Blob | Rejected], workers: int | None) -> Iterator[Reading | Rejected]:
    """Read and interpret; with several workers where there is more than one batch. The order is that of the sources."""
    stream = iter(blobs)
    first = list(islice(stream, BATCH))
    workers = workers or len(os.sched_getaffinity(0))
    if len(first) < BATCH or workers == 1:
        for blob in (*first, *stream):
            yield from _read_batch([blob])
        return
    with ProcessPoolExecutor(workers, initializer=_start_worker, initargs=(os.getpid(),)) as pool:
        waiting: list[Future[list[Reading | Rejected]]] = [pool.submit(_read_batch, first)]
        while waiting:
            while len(waiting) < 3 * workers and (batch := list(islice(stream, BATCH))):
                waiting.append(pool.submit(_read_batch, batch))
            wait(waiting[:1], return_when=FIRST_COMPLETED)
            yield from waiting.pop(0).result()


def _start_worker(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end with it: a worker that outlived it would hold the store's lock for good."""
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _read_batch(blobs: list[Blob | Rejected]) -> list[Reading | Rejected]:
    return [_read_one(blob) for blob in blobs]


def _read_one(blob: Blob | Rejected) -> Reading | Rejected:
    trial = blob if isinstance(blob, Rejected) else read_trial(blob)
    if isinstance(trial, Rejected):
        return trial
    try:
        lines = "".join(rdf.write_record(trial))
    except KgError as error:
        return Rejected(trial.study.record.file, str(error), "Please report the record: this is a fault of kg")
    return Reading(
        StoredRecord(rdf.mint_record(trial), rdf.mint_trial(trial), trial.study.record), lines, trial.study.set_aside
    )


def _write_shards(building: Path, records: sqlite3.Connection, several: dict[str, list[str]]) -> int:
    """Sort each shard, merge the trials that have several records, and write N-Quads to keep and N-Triples to load."""
    in_several = {iri for iris in several.values() for iri in iris}
    merged: dict[int, list[str]] = defaultdict(list)
    for trial, iris in several.items():
        merged[shard_of(trial)].extend(_merge(records, iris))
    quads = 0
    for number in range(SHARDS):
        raw = building / f"shard-{number:02}.tmp"
        with raw.open(encoding="utf-8", newline="\n") as stream:
            lines = {line for line in stream if "<" + line.rpartition(" <")[2].removesuffix(" .\n") not in in_several}
        lines.update(merged.get(number, ()))
        raw.unlink()
        if not lines:
            continue
        quads += len(lines)
        ordered = sorted(lines)
        with (
            (building / "quads" / f"{number:02}.nq.gz").open("wb") as plain,
            gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=plain, mtime=0) as packed,
        ):
            packed.writelines(line.encode() for line in ordered)
        with (building / f"{number:02}.nt").open("w", encoding="utf-8", newline="\n") as triples:
            triples.writelines(dict.fromkeys(map(rdf.to_triple, ordered)))
    return quads


def _merge(records: sqlite3.Connection, iris: Sequence[str]) -> list[str]:
    """Read the records of one trial again from their texts and merge what they say."""
    found = []
    for iri in iris:
        file, form, text = records.execute("SELECT file, format, text FROM record WHERE iri = ?", (iri,)).fetchone()
        trial = reread(Record(file, form, "", zlib.decompress(text).decode()))
        if isinstance(trial, Trial):
            found.append((iri, trial.study.record.updated, rdf.describe(trial)))
    return merge_records(found)


def reread(record: Record) -> Trial | Rejected:
    """Read a stored record again."""
    return read_trial(
        Blob(record.file, record.text.encode(), is_json=record.text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["))
    )


def _write_rejects(path: Path, rejected: Sequence[Rejected]) -> None:
    path.write_bytes(
        b"".join(
            msgspec.json.encode({"file": one.file, "reason": one.reason, "mend": one.mend}) + b"\n" for one in rejected
        )
    )
