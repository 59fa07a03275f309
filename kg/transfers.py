"""Snapshots on their way: copied to a URL, and fetched from one into a store.

Neither SQLite nor the engine reads a bucket, so a snapshot is asked where a disk is; a bucket keeps it and hands it on.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from kg.errors import MissingError, StoreError, UsageError
from kg.locations import hide_secrets, join_url
from kg.manifests import MANIFEST, MARK, Manifest, read_manifest
from kg.remote_files import fetch_file, find_remote_file, list_folders, put_files
from kg.snapshots import KEEP, explain_faults, lock_store, place_snapshot, remove_leftovers
from kg.store import Snapshot

_MAX_MANIFEST = 2**28
_MAX_MARK = 100
_PART = re.compile(r"[A-Za-z0-9_][\w.-]*", re.ASCII)
_ID = re.compile(r"[0-9a-f]{16,64}")


def copy_snapshot(snapshot: Snapshot, url: str) -> str:
    """Copy a snapshot, checked byte for byte, into a folder of its name below a URL; the URL of that folder.

    The mark of the manifest goes last: a copy that was broken off has none, and cannot be fetched.

    :raises StoreError: the snapshot is damaged, or the place cannot be written.
    :raises UsageError: another snapshot of that name is there.
    """
    snapshot.verify()
    target = join_url(url, snapshot.folder.name)
    held = _read_mark(target)
    if held and held != (snapshot.folder / MARK).read_bytes():
        raise UsageError("another build of this graph is there", where=hide_secrets(target), mend="Remove it first")
    if not held:
        names = (*sorted(snapshot.manifest.files), MANIFEST, MARK)
        put_files({snapshot.folder / name: name for name in names}, target)
    return target


def _read_mark(url: str) -> bytes:
    """The mark of a snapshot at a URL; empty where there is none yet.

    :raises SourceError: the server does not tell whether there is one.
    """
    try:
        return b"".join(find_remote_file(join_url(url, MARK)).read(_MAX_MARK))
    except MissingError:
        return b""


def fetch_snapshot(store: Path, url: str, keep: int = KEEP) -> Snapshot:
    """Fetch a snapshot from its folder at a URL, or from the folder above where it is the only one there; check every
    byte of it, and serve it. Where that very snapshot is served already and whole, nothing is fetched.

    :raises SourceError: there is none, or the server does not answer.
    :raises UsageError: the URL is of a folder of several snapshots.
    :raises StoreError: what came is not what was built, or the store cannot be written.
    """
    with lock_store(store), explain_faults(store):
        remove_leftovers(store)
        coming = store / "snapshots" / f".fetching-{os.getpid()}"
        coming.mkdir()
        try:
            url = _find_snapshot(url)
            if held := _find_served(store, _read_mark(url)):
                return held
            manifest = _fetch_manifest(url, coming)
            for name, size in manifest.sizes.items():
                (coming / name).parent.mkdir(parents=True, exist_ok=True)
                fetch_file(join_url(url, name), coming / name, size)
            Snapshot(coming).verify()
            return Snapshot(place_snapshot(store, coming, manifest, keep))
        finally:
            shutil.rmtree(coming, ignore_errors=True)


def _find_served(store: Path, mark: bytes) -> Snapshot | None:
    """The served snapshot, checked byte for byte, where a mark is its own; None where it is another, or damaged."""
    folder = (store / "current").resolve()
    try:
        if (folder / MARK).read_bytes() != mark:
            return None
        snapshot = Snapshot(folder)
        snapshot.verify()
    except (OSError, StoreError):
        return None
    return snapshot


def _find_snapshot(url: str) -> str:
    """The URL of a snapshot's folder: the one given, or that of the only snapshot below it."""
    if _read_mark(url):
        return url
    names = [name for name in list_folders(url) if _read_mark(join_url(url, name))]
    if len(names) > 1:
        what = f"there are {len(names)} snapshots: {', '.join(names)}"
        raise UsageError(what, where=hide_secrets(url), mend="Put the name of one behind the URL")
    return join_url(url, names[0]) if names else url


def _fetch_manifest(url: str, folder: Path) -> Manifest:
    """The manifest at a URL. It was written elsewhere, so no name in it may lead out of the folder."""
    for name, limit in ((MARK, _MAX_MARK), (MANIFEST, _MAX_MANIFEST)):
        fetch_file(join_url(url, name), folder / name, limit)
    manifest = read_manifest(folder)
    names = [part for name in manifest.sizes for part in name.split("/")]
    is_sound = manifest.sizes.keys() == manifest.files.keys() and all(map(_PART.fullmatch, names))
    is_sound = is_sound and manifest.files.keys().isdisjoint((MANIFEST, MARK))
    if not is_sound or not _ID.fullmatch(manifest.snapshot):
        raise StoreError("the manifest names files that no build writes", where=hide_secrets(url), mend="Do not use it")
    return manifest
