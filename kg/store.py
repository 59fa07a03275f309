"""A graph on disk: immutable snapshots, one of them served.

A snapshot folder holds the sorted N-Quads (the truth), the record texts, the list of rejected records, a manifest
with the
SHA-256 of each file, and the engine's index of the triples (a cache). ``current`` is a symlink that is swapped in
one step, so
a killed or failed build leaves the previous graph served.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import os
import shutil
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import msgspec
from pyoxigraph import DefaultGraph, Literal, NamedNode, RdfFormat
from pyoxigraph import Store as Engine

from kg.errors import StoreError
from kg.model import Record
from kg.resources import list_files

VERSION = 1
DEFAULT = Path(".kg-store")
_SCHEMA = """CREATE TABLE record (iri TEXT PRIMARY KEY, trial TEXT, file TEXT, format TEXT, sha256 TEXT, updated TEXT,
text BLOB) WITHOUT ROWID"""


class Manifest(msgspec.Struct, frozen=True):
    """What a snapshot is made of. ``newest`` is the latest date that a record gives for its own version."""

    version: int
    snapshot: str
    trials: int
    records: int
    rejected: int
    newest: str
    sources: tuple[str, ...]
    files: dict[str, str]


class StoredRecord(msgspec.Struct, frozen=True):
    """A stored record: its IRI (N-Triples), the trial it describes, and the record itself."""

    iri: str
    trial: str
    record: Record


def find_store(store: str | Path | None = None) -> Path:
    """The store's folder: the argument, else ``$KG_STORE``, else ``./.kg-store``."""
    return Path(store or os.environ.get("KG_STORE") or DEFAULT)


class Snapshot:
    """One immutable snapshot, open for reading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
        except FileNotFoundError:
            raise StoreError(
                "no graph here", where=str(folder), mend="Build one with `kg build`, or name its folder with --store"
            ) from None
        except msgspec.DecodeError as error:
            raise StoreError(
                f"the manifest cannot be read ({error})",
                where=str(folder / "manifest.json"),
                mend="Build the graph again with `kg build`",
            ) from None
        if self.manifest.version != VERSION:
            raise StoreError(
                f"the store has format {self.manifest.version}, and this kg reads {VERSION}",
                where=str(folder),
                mend="Install the kg that built it, or build the graph again with `kg build`",
            )

    @cached_property
    def engine(self) -> Engine:
        """The triples, read-only."""
        try:
            return Engine.read_only(str(self.folder / "index"))
        except (OSError, ValueError) as error:
            raise StoreError(
                f"the index cannot be opened ({error})",
                where=str(self.folder),
                mend="Build the graph again with `kg build`",
            ) from None

    def read_records(self, trial: str | None = None) -> Iterator[StoredRecord]:
        """The records of a trial (an IRI as N-Triples), or all of them, in order of file name."""
        with contextlib.closing(open_records(self.folder / "records.sqlite", is_new=False)) as records:
            chosen = "SELECT iri, trial, file, format, sha256, updated, text FROM record WHERE ?1 IS NULL OR trial = ?1"
            for iri, of, file, form, sha256, updated, text in records.execute(f"{chosen} ORDER BY file, iri", (trial,)):
                yield StoredRecord(iri, of, Record(file, form, sha256, zlib.decompress(text).decode(), updated))

    def list_records(self) -> Iterator[StoredRecord]:
        """All records without their texts, in order of file name."""
        with contextlib.closing(open_records(self.folder / "records.sqlite", is_new=False)) as records:
            for iri, of, *rest in records.execute(
                "SELECT iri, trial, file, format, sha256, '', updated FROM record ORDER BY file, iri"
            ):
                yield StoredRecord(iri, of, Record(*rest))

    def read_shards(self, trials: frozenset[str] | None = None) -> Iterator[Iterator[str]]:
        """The N-Quads lines shard by shard; all statements of a trial are in one.

        :param trials: A hint of the trials that are wanted; others may come too.
        """
        for path in sorted((self.folder / "quads").glob("*.nq.gz")):
            with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
                yield lines

    def focus(self, trial: str) -> Snapshot:
        """The snapshot from which to read one trial (its IRI): itself, since everything is at hand."""
        return self

    def read_quads(self) -> Iterator[str]:
        """The N-Quads lines of the records, shard by shard, sorted within each."""
        for path in sorted((self.folder / "quads").glob("*.nq.gz")):
            with gzip.open(path, "rt", encoding="utf-8", newline="\n") as stream:
                yield from stream

    def verify(self) -> None:
        """Compare every file with the manifest.

        :raises StoreError: a file is missing or has changed since the build.
        """
        for name, digest in self.manifest.files.items():
            path = self.folder / name
            if not path.is_file() or hash_file(path) != digest:
                raise StoreError(
                    "the file is not the one that was built",
                    where=str(path),
                    mend="Build the graph again with `kg build`",
                )


def open_snapshot(store: str | Path | None = None) -> Snapshot:
    """The snapshot that the store serves.

    :raises StoreError: there is none, or it cannot be read.
    """
    folder = find_store(store)
    if not (folder / "current").exists():
        what = "no such store" if not folder.exists() else "this folder is no store"
        raise StoreError(what, where=str(folder), mend="Build one with `kg build`, or name its folder with --store")
    return Snapshot((folder / "current").resolve())


def open_records(path: Path, *, is_new: bool) -> sqlite3.Connection:
    """The texts of the records, by IRI."""
    records = sqlite3.connect(path if is_new else f"file:{path}?mode=ro", uri=not is_new)
    if is_new:
        records.execute("PRAGMA journal_mode = OFF")
        records.execute("PRAGMA synchronous = OFF")
        records.execute(_SCHEMA)
    return records


def add_record(records: sqlite3.Connection, stored: StoredRecord) -> bool:
    """Keep a record's text; False when it is there already."""
    record = stored.record
    return (
        records.execute(
            "INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                stored.iri,
                stored.trial,
                record.file,
                record.format,
                record.sha256,
                record.updated,
                zlib.compress(record.text.encode(), 1),
            ),
        ).rowcount
        > 0
    )


def hash_file(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def lock_store(folder: Path) -> Iterator[None]:
    """Hold the store for one writer.

    :raises StoreError: another build holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError("another build is writing here", where=str(folder), mend="Wait for it to end") from None
        yield


def load_index(folder: Path, triples: Iterable[Path]) -> None:
    """Make the engine's index from N-Triples files and the ontology."""
    engine = Engine(str(folder / "index"))
    for path in triples:
        engine.bulk_load(path=str(path), format=RdfFormat.N_TRIPLES)
    for path in list_files("ontology", ".ttl"):
        engine.bulk_load(path=str(path), format=RdfFormat.TURTLE)
    engine.flush()


def publish(store: Path, building: Path, manifest: Manifest) -> Path:
    """Make a finished folder the served snapshot, in one step; the one before it is kept, older ones are removed."""
    (building / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    final = store / "snapshots" / manifest.snapshot
    if final.exists():
        doomed = final.with_name(f".old-{os.getpid()}")
        final.rename(doomed)
        building.rename(final)
        shutil.rmtree(doomed)
    else:
        building.rename(final)
    link = store / f".current-{os.getpid()}"
    link.symlink_to(Path("snapshots") / manifest.snapshot)
    link.replace(store / "current")
    _remove_old(store / "snapshots", keep=final)
    return final


def _remove_old(snapshots: Path, keep: Path) -> None:
    others = sorted(
        (path for path in snapshots.iterdir() if path.name != keep.name),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    finished = [path for path in others if not path.name.startswith(".")]
    for path in (*finished[1:], *(path for path in others if path.name.startswith("."))):
        shutil.rmtree(path, ignore_errors=True)


def list_subjects(engine: Engine, predicate: str, value: NamedNode | Literal) -> list[str]:
    """IRIs that have the value for the predicate, sorted."""
    found = engine.quads_for_pattern(None, NamedNode(predicate), value, DefaultGraph())
    return sorted(quad.subject.value for quad in found if isinstance(quad.subject, NamedNode))
