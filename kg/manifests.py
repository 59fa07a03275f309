"""The manifest of a snapshot's folder: what the snapshot is, and the size and digest of each of its files. A mark
beside it guards the manifest itself."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from kg.errors import StoreError, VersionError
from kg.inventories import explain_refusal, hash_file, list_names, tell_damage

VERSION = 3
MANIFEST, MARK = "manifest.json", "manifest.sha256"
_NEWER = "Install the kg that built it, or build the graph again with `kg build`"


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


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a snapshot's folder.

    :raises StoreError: there is none, or it cannot be read.
    :raises DamageError: it is not the one that was written.
    :raises VersionError: another kg wrote it.
    """
    path = folder / MANIFEST
    content = _read(path, folder)
    is_marked = read_mark(folder) == _mark(content)
    try:
        version = msgspec.json.decode(content, type=_Version).version
        if version == VERSION and is_marked:
            return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if is_marked:
            raise VersionError(f"the manifest cannot be read ({error})", where=str(path), mend=_NEWER) from None
        version = VERSION
    if version != VERSION:
        what = f"the store has format {version}, and this kg reads {VERSION}"
        raise VersionError(what, where=str(folder), mend=_NEWER)
    raise tell_damage(path, "not the one that was written")


def _read(path: Path, folder: Path) -> bytes:
    try:
        with explain_refusal(path):
            return path.read_bytes()
    except StoreError as error:
        is_nothing = isinstance(error.__context__, FileNotFoundError | NotADirectoryError)
        if not is_nothing or os.path.islink(folder):  # a Path would raise where nobody may look
            raise
        mend = "Build one with `kg build`, or name its folder with --store"
        raise StoreError("no graph here", where=str(folder), mend=mend) from None


class _Version(msgspec.Struct):
    version: int


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest and its mark."""
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (folder / MANIFEST).write_bytes(content)
    (folder / MARK).write_bytes(_mark(content))


def seal_folder(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest with the sizes and digests of the folder's files as they are; what was written."""
    names = [name for name in list_names(folder) if name not in (MANIFEST, MARK)]
    sealed = msgspec.structs.replace(
        manifest,
        files={name: hash_file(folder / name) for name in names},
        sizes={name: (folder / name).stat().st_size for name in names},
    )
    write_manifest(folder, sealed)
    return sealed


def read_mark(folder: Path) -> bytes:
    """The digest of the manifest, as it stands beside it.

    :raises StoreError: it is missing, or cannot be read.
    """
    with explain_refusal(folder / MARK):
        return (folder / MARK).read_bytes()


def _mark(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode() + b"\n"
