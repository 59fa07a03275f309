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
from typing import NoReturn
from urllib.parse import quote

import msgspec
from pyoxigraph import DefaultGraph, Literal, NamedNode
from pyoxigraph import Store as Engine

from kg.engines import guard_engine, is_corruption, is_unreadable
from kg.errors import DamageError, StoreError, UsageError
from kg.inventories import MEND, Inventory, Look, explain_refusal, hash_file, tell_damage
from kg.locations import hide_secrets, is_url
from kg.manifests import MANIFEST, MARK, VERSION, Manifest, read_manifest, read_mark, write_manifest
from kg.model import Record
from kg.packing import SHARD, PackError, list_shards, open_shard, unpack

__all__ = [
    "VERSION",
    "Manifest",
    "Snapshot",
    "StoredRecord",
    "add_record",
    "explain_damage",
    "find_store",
    "hash_file",
    "list_subjects",
    "open_records",
    "open_snapshot",
    "read_manifest",
    "write_manifest",
]
DEFAULT = Path(".kg-store")
_RECORDS = "records.sqlite"
_SCHEMA = """
CREATE TABLE record (iri TEXT PRIMARY KEY, trial TEXT, file TEXT, format TEXT, sha256 TEXT, updated TEXT, part INTEGER,
text BLOB);
CREATE INDEX record_trial ON record (trial);
"""


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
    """One immutable snapshot, open for reading. Nothing is read that its manifest does not name, and nothing is told
    from a file that was not seen to be what was built.

    :raises StoreError: there is none, another kg wrote it, or a file is missing.
    :raises DamageError: a file has another size than it had.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.inventory.check_sizes()

    @cached_property
    def inventory(self) -> Inventory:
        """The files of the folder."""
        return Inventory(self.folder, self.manifest.files, self.manifest.sizes, (MANIFEST, MARK))

    @cached_property
    def engine(self) -> Engine:
        """The triples, read-only.

        :raises DamageError: a file of the index is not what was built; also later, while an answer is read.
        """
        try:
            self._check_places()
        except DamageError as error:
            if Path(error.where).parent != self.folder / "index":
                raise
            what = f"the index cannot be opened: {error.what.removeprefix('cannot be read: ')}"
            raise DamageError(what, where=error.where, mend=error.mend) from None
        try:
            return guard_engine(Engine.read_only(str(self.folder / "index")), self._explain)
        except (OSError, RuntimeError, ValueError) as error:
            self.inventory.check_digests(self._list_places())  # what the engine says of damage can be anything
            raise StoreError(f"the index cannot be opened ({error})", where=str(self.folder), mend=MEND) from None

    def _explain(self, error: Exception) -> NoReturn:
        """Raise what an error of the engine means; an error of the query is left as it is."""
        path = self.folder / "index"
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        if is_corruption(error):
            self._forget_note()
            raise tell_damage(path, said) from None
        if is_unreadable(error):
            raise StoreError(f"cannot be read: {said}", where=str(path), mend="Check the disk") from None
        raise error

    def _check_places(self) -> None:
        """See, once, that the files which are read in places are what was built."""
        if not self._is_checked:
            self.inventory.check_below("index")
            self.inventory.check_noted(self._list_places(), self._find_note(), read_mark(self.folder).decode().strip())
            self._is_checked = True

    _is_checked = False

    def _list_places(self) -> list[str]:
        return [name for name in self.manifest.files if name == _RECORDS or name.startswith("index/")]

    def _find_note(self) -> Path | None:
        """Where it is noted that the files were seen to be what was built: in the store, beside the snapshots."""
        is_stored = self.folder.parent.name == "snapshots" and not self.folder.name.startswith(".")
        return self.folder.parent.parent / "checks" / f"{self.folder.name}.json" if is_stored else None

    def check_index(self) -> None:
        """Read all of an index that is open, and compare it; nothing where it is not open.

        :raises DamageError: it is not what was built.
        """
        if "engine" in self.__dict__:
            try:
                self.inventory.check_digests(name for name in self.manifest.files if name.startswith("index/"))
            except DamageError:
                self._forget_note()
                raise

    def _forget_note(self) -> None:
        if (note := self._find_note()) is not None:
            with contextlib.suppress(OSError):
                note.unlink(missing_ok=True)

    def read_records(self, trial: str | None = None) -> Iterator[StoredRecord]:
        """The records of a trial (an IRI as N-Triples), or all of them, in order of file name."""
        chosen = "" if trial is None else "WHERE trial = ?"
        with self._open_records() as records:
            for iri, of, file, form, sha256, updated, part, text in records.execute(
                f"SELECT iri, trial, file, format, sha256, updated, part, text FROM record {chosen} ORDER BY file, iri",  # noqa: S608
                (trial,) if chosen else (),
            ):
                record = Record(file, form, sha256, self._unpack(text, sha256), updated, bool(part))
                yield StoredRecord(iri, of, record)

    def open_texts(self) -> Callable[[str], str | None]:
        """A reader of record texts by the record's IRI (N-Triples); it gives None for an unknown record."""
        self._check_places()
        path = self.folder / _RECORDS
        with explain_damage(path):
            records = open_records(path, is_new=False)

        def read(record: str) -> str | None:
            with explain_damage(path):
                row = records.execute("SELECT text, sha256 FROM record WHERE iri = ?", (record,)).fetchone()
                return self._unpack(*row) if row else None

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
        self._check_places()
        path = self.folder / _RECORDS
        with explain_damage(path), contextlib.closing(open_records(path, is_new=False)) as records:
            yield records

    def focus(self, trial: str) -> Snapshot:
        """The snapshot from which to read one trial (its IRI): itself, since everything is at hand."""
        return self

    def mirror(self, folder: Path) -> Snapshot:
        """The snapshot with all its files on this machine: itself; what is on a server is copied to the folder."""
        return self

    def _unpack(self, packed: bytes, sha256: str) -> str:
        """A record's text, which its own digest proves; a mirror of a server may have none."""
        text = unpack(packed)
        if text and sha256 and hashlib.sha256(text).hexdigest() != sha256:
            raise tell_damage(self.folder / _RECORDS)
        return text.decode()

    def list_shards(self) -> list[Path]:
        """The shards that the manifest names, in order of their numbers."""
        names = [name for name in self.manifest.files if name.startswith("quads/") and name.endswith(SHARD)]
        return [self.folder / name for name in sorted(names)] if self.manifest.files else list_shards(self.folder)

    def check_shards(self) -> None:
        """See that the shards are what was built; before any line of them is told.

        :raises DamageError: one is not.
        """
        self.inventory.check_digests(name for name in self.manifest.files if name.startswith("quads/"))

    def read_quads(self) -> Iterator[str]:
        """The N-Quads lines of the records, shard by shard, sorted within each.

        :raises DamageError: a shard is not what was built.
        """
        self.check_shards()
        for path in self.list_shards():
            with explain_damage(path), open_shard(path) as stream:
                yield from stream

    def read_file(self, name: str) -> bytes | None:
        """The content of a small file, by its name in the manifest; None where that names none.

        :raises DamageError: it is not what was built.
        """
        return self.inventory.read(name) if name in self.manifest.files else None

    def verify(self) -> None:
        """Compare the folder with the manifest, both ways and byte for byte.

        :raises DamageError: a file has changed since the build, or was added.
        :raises StoreError: a file is missing, or cannot be read.
        """
        read_manifest(self.folder)
        self.inventory.check_names()
        looks = {name: self.inventory.look(name) for name in self._list_places()}
        self.inventory.check_digests(self.manifest.files)
        self._write_note(looks)

    def note_checked(self) -> None:
        """Note that the files are what was built, for who has just hashed them all."""
        self._write_note({name: self.inventory.look(name) for name in self._list_places()})

    def _write_note(self, looks: dict[str, Look]) -> None:
        if (note := self._find_note()) is not None:
            self.inventory.write_note(looks, note, read_mark(self.folder).decode().strip())


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

    :raises DamageError: the file is damaged.
    :raises StoreError: it cannot be read.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        with explain_refusal(path), path.open("rb") as stream:
            stream.read(1)
        if (error.sqlite_errorcode & 0xFF) in _REFUSALS:
            raise StoreError(f"cannot be read: {error}", where=str(path), mend="Check the disk") from None
        raise tell_damage(path, str(error)) from None
    except (PackError, sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise tell_damage(path, str(error)) from None


_REFUSALS = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM}
"""Faults of SQLite that do not lie in the file's bytes."""


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


def list_subjects(engine: Engine, predicate: str, value: NamedNode | Literal) -> list[str]:
    """IRIs that have the value for the predicate, sorted."""
    found = engine.quads_for_pattern(None, NamedNode(predicate), value, DefaultGraph())
    return sorted(quad.subject.value for quad in found if isinstance(quad.subject, NamedNode))
