"""A graph on disk: one immutable snapshot, open for reading (``docs/decisions/0002``).

A snapshot folder holds the sorted N-Quads (the truth), the record texts, the list of rejected records, answers computed
ahead, the engine's index of the triples (a cache), and a manifest with the size and SHA-256 of each file, which itself
is guarded by ``manifest.sha256``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import msgspec
from pyoxigraph import DefaultGraph, Literal, NamedNode
from pyoxigraph import Store as Engine

from kg.errors import StoreError, UsageError
from kg.locations import hide_secrets, is_url
from kg.model import Record
from kg.packing import PackError, list_shards, open_shard, unpack

VERSION = 3
DEFAULT = Path(".kg-store")
_AGAIN = "Build the graph again with `kg build`, or go back to another with `kg snapshots use`"
_SCHEMA = """
CREATE TABLE record (iri TEXT PRIMARY KEY, trial TEXT, file TEXT, format TEXT, sha256 TEXT, updated TEXT, part INTEGER,
text BLOB);
CREATE INDEX record_trial ON record (trial);
"""


class Manifest(msgspec.Struct, frozen=True):
    """What a snapshot is made of.

    :ivar version: Of the snapshot's format.
    :ivar snapshot: Digest of the statements: the same records give the same id, in any order, on any machine.
    :ivar newest: The latest date that a record gives for its own version.
    :ivar files: SHA-256 of every file of the folder but the manifest.
    :ivar sizes: Their sizes in bytes.
    :ivar shards: SHA-256 and number of the unpacked lines of each shard, by its number in hexadecimal digits.
    :ivar maker: Mark of the code and vocabularies that made it.
    :ivar created: Time of the build, UTC.
    :ivar quads: Number of statements.
    :ivar base: Snapshot that was updated; empty where all was built anew.
    :ivar changes: How often the index was changed since it was loaded.
    """

    version: int
    snapshot: str
    trials: int
    records: int
    rejected: int
    newest: str
    sources: tuple[str, ...]
    files: dict[str, str]
    sizes: dict[str, int] = {}
    shards: dict[str, tuple[str, int]] = {}
    maker: str = ""
    kg: str = ""
    created: str = ""
    quads: int = 0
    base: str = ""
    changes: int = 0


class StoredRecord(msgspec.Struct, frozen=True):
    """A stored record: its IRI (N-Triples), the trial it describes, and the record itself."""

    iri: str
    trial: str
    record: Record


def find_store(store: str | Path | None = None) -> Path:
    """The store's folder: the argument, else ``$KG_STORE``, else ``./.kg-store``.

    :raises UsageError: it is a URL.
    """
    named = str(store or os.environ.get("KG_STORE") or DEFAULT)
    url = re.sub(":/+", "://", named, count=1)  # a path has lost one of the slashes
    if is_url(url):
        mend = "Name a folder of this machine; `kg snapshots copy` and `fetch` take its snapshots to a URL and back"
        raise UsageError("a store needs a local disk", where=hide_secrets(url), mend=mend)
    return Path(named)


class Snapshot:
    """One immutable snapshot, open for reading.

    :raises StoreError: there is none, another kg wrote it, or a file is missing or has another size than it had.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self._check(is_full=False)

    @cached_property
    def engine(self) -> Engine:
        """The triples, read-only."""
        try:
            return Engine.read_only(str(self.folder / "index"))
        except (OSError, RuntimeError, ValueError) as error:
            raise StoreError(f"the index cannot be opened ({error})", where=str(self.folder), mend=_AGAIN) from None

    def read_records(self, trial: str | None = None) -> Iterator[StoredRecord]:
        """The records of a trial (an IRI as N-Triples), or all of them, in order of file name."""
        chosen = "" if trial is None else "WHERE trial = ?"
        with self._open_records() as records:
            for iri, of, file, form, sha256, updated, part, text in records.execute(
                f"SELECT iri, trial, file, format, sha256, updated, part, text FROM record {chosen} ORDER BY file, iri",  # noqa: S608
                (trial,) if chosen else (),
            ):
                record = Record(file, form, sha256, unpack(text).decode(), updated, bool(part))
                yield StoredRecord(iri, of, record)

    def open_texts(self) -> Callable[[str], str | None]:
        """A reader of record texts by the record's IRI (N-Triples); it gives None for an unknown record."""
        path = self.folder / "records.sqlite"
        records = open_records(path, is_new=False)

        def read(record: str) -> str | None:
            with explain_damage(path):
                row = records.execute("SELECT text FROM record WHERE iri = ?", (record,)).fetchone()
                return unpack(row[0]).decode() if row else None

        return read

    def list_records(self) -> Iterator[StoredRecord]:
        """All records without their texts, in order of file name."""
        with self._open_records() as records:
            for iri, of, file, form, sha256, updated, part in records.execute(
                "SELECT iri, trial, file, format, sha256, updated, part FROM record ORDER BY file, iri"
            ):
                yield StoredRecord(iri, of, Record(file, form, sha256, "", updated, bool(part)))

    @contextlib.contextmanager
    def _open_records(self) -> Iterator[sqlite3.Connection]:
        path = self.folder / "records.sqlite"
        with explain_damage(path), contextlib.closing(open_records(path, is_new=False)) as records:
            yield records

    def focus(self, trial: str) -> Snapshot:
        """The snapshot from which to read one trial (its IRI): itself, since everything is at hand."""
        return self

    def mirror(self, folder: Path) -> Snapshot:
        """The snapshot with all its files on this machine: itself; what is on a server is copied to the folder."""
        return self

    def read_quads(self) -> Iterator[str]:
        """The N-Quads lines of the records, shard by shard, sorted within each."""
        for path in list_shards(self.folder):
            with explain_damage(path), open_shard(path) as stream:
                yield from stream

    def verify(self) -> None:
        """Compare every file with the manifest, byte for byte.

        :raises StoreError: a file is missing or has changed since the build.
        """
        check_mark(self.folder)
        self._check(is_full=True)

    def _check(self, *, is_full: bool) -> None:
        for name, size in self.manifest.sizes.items():
            path = self.folder / name
            try:
                is_same = path.stat().st_size == size and (not is_full or hash_file(path) == self.manifest.files[name])
            except FileNotFoundError:
                raise StoreError("the file is missing", where=str(path), mend=_AGAIN) from None
            except OSError as error:
                raise StoreError(
                    f"cannot be read: {error.strerror}", where=str(path), mend="Check its rights"
                ) from None
            if not is_same:
                raise StoreError("the file is not the one that was built", where=str(path), mend=_AGAIN)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a snapshot's folder.

    :raises StoreError: there is none, it is damaged, or it is of another version.
    """
    path = folder / "manifest.json"
    try:
        content = path.read_bytes()
        version = msgspec.json.decode(content, type=_Version).version
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(
            "no graph here", where=str(folder), mend="Build one with `kg build`, or name its folder with --store"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"the manifest cannot be read ({error})", where=str(path), mend=_AGAIN) from None
    if version != VERSION:
        raise StoreError(
            f"the store has format {version}, and this kg reads {VERSION}",
            where=str(folder),
            mend="Install the kg that built it, or build the graph again with `kg build`",
        )
    check_mark(folder)
    try:
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise StoreError(f"the manifest cannot be read ({error})", where=str(path), mend=_AGAIN) from None


class _Version(msgspec.Struct):
    version: int


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest and its mark."""
    (folder / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    (folder / "manifest.sha256").write_text(hash_file(folder / "manifest.json") + "\n")


def check_mark(folder: Path) -> None:
    """See that the manifest is the one that was written.

    :raises StoreError: it is not.
    """
    try:
        is_same = (folder / "manifest.sha256").read_bytes() == hash_file(folder / "manifest.json").encode() + b"\n"
    except FileNotFoundError:
        is_same = False
    if not is_same:
        raise StoreError("the manifest is not the one that was written", where=str(folder), mend=_AGAIN)


def open_snapshot(store: str | Path | None = None, name: str | None = None) -> Snapshot:
    """The snapshot that the store serves, or another one of it by name.

    :raises StoreError: there is none, or it cannot be read.
    """
    folder = find_store(store)
    try:
        is_there = (folder / "current" / "manifest.json").exists()
        if not is_there:
            what = "is a file, and no store" if folder.is_file() else "no such store"
            if folder.is_dir():
                what = "this folder is no store"
                if (folder / "current").is_symlink():
                    what = "the snapshot that was served is gone"
            raise StoreError(what, where=str(folder), mend="Build one with `kg build`, or name its folder with --store")
        return Snapshot(folder / "snapshots" / name if name else (folder / "current").resolve())
    except OSError as error:
        raise StoreError(f"cannot be opened: {error.strerror}", where=str(folder), mend="Check the path") from None


def open_records(path: Path, *, is_new: bool) -> sqlite3.Connection:
    """The texts of the records, by IRI."""
    records = sqlite3.connect(path if is_new else f"file:{quote(str(path))}?mode=ro&immutable=1", uri=not is_new)
    if is_new:
        records.execute("PRAGMA journal_mode = OFF")
        records.execute("PRAGMA synchronous = OFF")
        if not records.execute("SELECT 1 FROM sqlite_master").fetchone():
            records.executescript(_SCHEMA)
    return records


@contextlib.contextmanager
def explain_damage(path: Path) -> Iterator[None]:
    """Turn what is raised where a file's bytes have changed since the build into one line.

    :raises StoreError: the file is damaged.
    """
    try:
        yield
    except (PackError, sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot be read, it is damaged ({error})", where=str(path), mend=_AGAIN) from None


def add_record(records: sqlite3.Connection, stored: StoredRecord, text: bytes) -> None:
    """Keep a record; ``text`` is its text, packed."""
    record = stored.record
    records.execute(
        "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stored.iri,
            stored.trial,
            record.file,
            record.format,
            record.sha256,
            record.updated,
            record.is_part,
            text,
        ),
    )


def hash_file(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def list_subjects(engine: Engine, predicate: str, value: NamedNode | Literal) -> list[str]:
    """IRIs that have the value for the predicate, sorted."""
    found = engine.quads_for_pattern(None, NamedNode(predicate), value, DefaultGraph())
    return sorted(quad.subject.value for quad in found if isinstance(quad.subject, NamedNode))
