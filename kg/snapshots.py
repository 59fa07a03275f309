"""The snapshots of a store: which there are, which is served, and who may write.

``current`` is a symlink that is swapped in one step, so a killed or failed build leaves the previous graph served. A
snapshot's folder is never written again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from kg.engines import is_unreadable
from kg.errors import DamageError, LimitReached, StoreError, UsageError, VersionError
from kg.inventories import explain_refusal
from kg.packing import PackError
from kg.store import Manifest, Snapshot, open_snapshot, write_manifest

KEEP = 2
"""Snapshots that a build leaves: its own and the one before it."""


class Entry(msgspec.Struct, frozen=True):
    """A snapshot in the list of them.

    :ivar name: Of its folder: its id, with a number behind where the same graph was built twice.
    :ivar size: Bytes on disk, as far as they can be counted; files that two snapshots share count for each.
    :ivar fault: Why it cannot be opened; empty where it can.
    :ivar is_damaged: Whether that is because a file is not what was built, which no time will mend.
    :ivar is_foreign: Whether that is because another kg wrote it, which can open it.
    """

    name: str
    created: str
    records: int
    trials: int
    newest: str
    size: int
    is_served: bool
    base: str = ""
    fault: str = ""
    is_damaged: bool = False
    is_foreign: bool = False


def list_snapshots(store: Path) -> list[Entry]:
    """All snapshots of a store, the newest first; one that cannot be opened is told with its reason.

    :raises StoreError: the folder is no store, or cannot be read.
    """
    served = find_served(store)
    if served is None:
        open_snapshot(store)
    with explain_refusal(store / "snapshots"):
        folders = [path for path in (store / "snapshots").iterdir() if not path.name.startswith(".")]
    entries = [_describe(folder, is_served=folder.name == served) for folder in folders if _is_folder(folder)]
    return sorted(entries, key=lambda one: (one.created, one.name), reverse=True)


def _is_folder(path: Path) -> bool:
    """Whether there is a folder; of what cannot be looked at, the name is as good."""
    try:
        return path.is_dir()
    except OSError:
        return True


def _describe(folder: Path, *, is_served: bool) -> Entry:
    size = _measure(folder)
    try:
        one = Snapshot(folder).manifest
    except StoreError as error:
        is_damaged, is_foreign = isinstance(error, DamageError), isinstance(error, VersionError)
        return Entry(folder.name, "", 0, 0, "", size, is_served, "", error.what, is_damaged, is_foreign)
    return Entry(folder.name, one.created, one.records, one.trials, one.newest, size, is_served, one.base)


def _measure(folder: Path) -> int:
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(place, name)).st_size
    return size


def find_served(store: Path) -> str | None:
    """Name of the snapshot that is served; None where there is none."""
    try:
        return Path(os.readlink(store / "current")).name
    except OSError:
        return None


def find_snapshot(store: Path, name: str) -> Snapshot:
    """A snapshot by its name or the beginning of it; ``current`` and ``previous`` are names too.

    :raises UsageError: none or several are meant.
    """
    entries = list_snapshots(store)
    if name in ("current", "previous"):
        ordered = [one for one in entries if one.is_served] + [one for one in entries if not one.is_served]
        found = ordered[:1] if name == "current" else ordered[1:2]
    else:
        found = [one for one in entries if one.name == name] or [one for one in entries if one.name.startswith(name)]
    if name == "previous" and not found:
        mend = "The next build or update makes one"
        raise UsageError("holds no snapshot before the served one", where=str(store), mend=mend)
    if len(found) != 1:
        raise UsageError(
            f"{name!r} names {len(found) or 'no'} snapshot{'s' if found else ''} of {store}",
            mend="`kg snapshots list` names them all",
        )
    return Snapshot(store / "snapshots" / found[0].name)


def use_snapshot(store: Path, name: str) -> Snapshot:
    """Serve another snapshot.

    :raises StoreError: it is damaged.
    """
    with lock_store(store):
        snapshot = find_snapshot(store, name)
        snapshot.verify()
        _serve(store, snapshot.folder.name)
    return snapshot


def prune_snapshots(store: Path, keep: int = KEEP) -> list[str]:
    """Remove all but the newest snapshots and the served one, and what is damaged; the names of what was removed."""
    with lock_store(store):
        return remove_old(store, keep)


def remove_old(store: Path, keep: int) -> list[str]:
    """What `prune_snapshots` does, for one who holds the lock.

    What cannot be opened now, or by this kg, is nobody's to remove: a disk may be away for a moment. Only what is not
    what was built goes, for it never will be again.
    """
    entries = list_snapshots(store)
    kept = sum(one.is_served for one in entries)
    doomed = []
    for one in entries:
        if not one.is_served:
            kept += not one.fault
            if one.is_damaged or (not one.fault and kept > keep):
                doomed.append(one.name)
    for name in doomed:
        _remove(store / "snapshots" / name)
    remove_leftovers(store)
    return doomed


def remove_leftovers(store: Path) -> None:
    """Remove what builds that were killed left in the store."""
    for path in (*(store / "snapshots").glob(".*"), *store.glob(".current-*")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def publish(store: Path, building: Path, manifest: Manifest, keep: int = KEEP) -> Path:
    """Make a finished folder the served snapshot, in one step; the one before it is kept, older ones are removed."""
    write_manifest(building, manifest)
    return place_snapshot(store, building, manifest, keep)


def place_snapshot(store: Path, building: Path, manifest: Manifest, keep: int = KEEP) -> Path:
    """Give a whole folder its name and serve it, for one who holds the lock."""
    final = store / "snapshots" / manifest.snapshot
    number = 1
    while final.exists():
        number += 1
        final = final.with_name(f"{manifest.snapshot}-{number}")
    # A power cut keeps what reached the disk, in any order. So that no link outlives the files it leads to, contents
    # and names go there first, then the folder's name, and the link last; only then may the snapshot before go.
    for path in (*building.rglob("*"), building):
        _sync(path)
    building.rename(final)
    _sync(final.parent)
    _serve(store, final.name)
    for folder in (store / "snapshots").glob(f"{manifest.snapshot}*"):
        if folder != final and not _describe(folder, is_served=False).fault:  # the same graph, built before
            _remove(folder)
    remove_old(store, keep)
    Snapshot(final).note_checked()  # last: a file that another snapshot shares has changed its state with that one
    return final


def _sync(path: Path) -> None:
    """See a file's content, or a folder's list of names, through to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(folder: Path) -> None:
    """Remove a snapshot; renamed first, so that a removal that is cut short leaves no half of one under its name."""
    away = folder.with_name(f".old-{folder.name}")
    with suppress(OSError):
        folder.rename(away)
        shutil.rmtree(away, ignore_errors=True)
        (folder.parent.parent / "checks" / f"{folder.name}.json").unlink(missing_ok=True)


def _serve(store: Path, name: str) -> None:
    link = store / f".current-{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("snapshots") / name)
    link.replace(store / "current")
    _sync(store)


@contextmanager
def lock_store(folder: Path) -> Iterator[None]:
    """Hold the store for one writer.

    :raises StoreError: another build holds it, or the folder cannot be written.
    """
    if folder.is_file():
        raise StoreError("is a file, and no folder to build in", where=str(folder), mend="Name a folder with --store")
    with explain_faults(folder):
        (folder / "snapshots").mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    with lock:
        # A lock of the process: worker processes that outlive a killed build for a moment do not hold it.
        try:
            if folder.resolve() in _HELD:
                raise BlockingIOError
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise StoreError("another build is writing here", where=str(folder), mend="Wait for it to end") from None
        _HELD.add(folder.resolve())
        try:
            yield
        finally:
            _HELD.discard(folder.resolve())


_HELD: set[Path] = set()
"""Stores that this process is writing."""


@contextmanager
def explain_faults(store: Path) -> Iterator[None]:
    """Turn what the operating system refuses while a store is written into one line.

    :raises StoreError: no space, no rights, no such disk …
    :raises DamageError: what is built upon is not what was built.
    :raises LimitReached: no memory.
    """
    rest = "the previous graph is unchanged" if find_served(store) else "nothing was built"
    try:
        yield
    except (OSError, sqlite3.OperationalError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not is_unreadable(error):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        if "disk is full" in reason or "No space left" in reason:
            what, mend = "No space left on the disk", "Free some, or name a folder elsewhere with --store"
        else:
            what, mend = f"cannot be written: {reason}", "Check its rights, or name another folder with --store"
        raise StoreError(f"{what}; {rest}", where=str(store), mend=mend) from None
    except (sqlite3.DatabaseError, PackError) as error:
        mend = "`kg snapshots verify` tells what is damaged; build again with `kg build`"
        raise DamageError(f"the graph before is damaged ({error}); {rest}", where=str(store), mend=mend) from None
    except MemoryError:
        raise LimitReached(f"out of memory; {rest}", mend="Give fewer --workers: what was read is kept") from None
