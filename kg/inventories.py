"""Whether the files of a folder are those that were written: by name, by size, and by digest (decision 0015).

Hashing hundreds of megabytes before each question would cost more than the question. So a digest that was found right
is noted with what the file system then said of the file, which any write to it changes: as long as it says the same,
and the note is young, the file is not read again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from kg.errors import DamageError, StoreError

MEND = "Build the graph again with `kg build`, or go back to another with `kg snapshots use`"
_REMOVE = "Take it away, or build the graph again with `kg build`"
DAY = 86_400 * 10**9
"""Nanoseconds that a note counts, and as many more for each gigabyte: reading all of it again then takes about a second
a day. What rots on the disk changes no time of the file."""
_TICK, _COARSE_TICK = 50_000_000, 2_000_000_000
"""Nanoseconds between two times that a file system tells apart, at most; the second of one that keeps whole seconds."""
_GIGABYTE = 10**9
_MUCH = 2**28
"""Bytes from which on several threads read faster than one."""


class Look(msgspec.Struct, frozen=True, array_like=True):
    """What the file system says of a file: its inode, size, and times (ns) of the last change of content and of state.
    No program can set the last of them."""

    inode: int
    size: int
    written: int
    changed: int


class Note(msgspec.Struct, frozen=True):
    """That the digests of some files were right.

    :ivar at: When it was seen, in nanoseconds since 1970.
    :ivar mark: Digest of the manifest that named them.
    """

    at: int
    mark: str
    looks: dict[str, Look]


class Inventory:
    """The files that a folder was written with.

    :param digests: SHA-256 by name; the name is a path below the folder, with slashes. Where it is empty, nothing is
        known of the files, and nothing is compared.
    :param sizes: Bytes by name.
    :param beside: Names of the files that hold the inventory itself.
    """

    def __init__(
        self, folder: Path, digests: Mapping[str, str], sizes: Mapping[str, int], beside: Collection[str] = ()
    ) -> None:
        self.folder, self.digests, self.sizes, self.beside = folder, digests, sizes, beside
        self._place = str(folder)

    def look(self, name: str) -> Look:
        """What is at a name.

        :raises DamageError: something other than a file, or one of another size.
        :raises StoreError: nothing, or it may not be looked at.
        """
        try:
            found = os.lstat(f"{self._place}/{name}")  # a Path for each of 300 files takes longer than the looks
        except OSError as error:
            with explain_refusal(self.folder / name):
                raise error from None
        if not stat.S_ISREG(found.st_mode) or found.st_size != self.sizes.get(name, found.st_size):
            raise tell_damage(self.folder / name)
        return Look(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def check_sizes(self) -> None:
        """See that every file is there, in the size that it had.

        :raises DamageError: one has another size.
        :raises StoreError: one is missing, or may not be looked at.
        """
        for name in self.sizes:
            self.look(name)

    def check_names(self) -> None:
        """See that the folder holds nothing else.

        :raises DamageError: it does.
        """
        for name in list_names(self.folder) if self.digests else ():
            if name not in self.digests and name not in self.beside:
                raise DamageError("the file was added after the build", where=str(self.folder / name), mend=_REMOVE)

    def check_below(self, place: str) -> None:
        """As `check_names`, for what is right below a place. What is hidden (a file manager's) is not looked at, for
        nothing reads it."""
        folder = self.folder / place
        with explain_refusal(folder):
            names = sorted(os.listdir(folder)) if self.digests else []
        for name in names:
            if f"{place}/{name}" not in self.digests and not name.startswith("."):
                raise DamageError("the file was added after the build", where=str(folder / name), mend=_REMOVE)

    def check_digests(self, names: Iterable[str]) -> None:
        """Read files, several at a time where they are large, and compare them.

        :raises DamageError: one is not what was written.
        :raises StoreError: one is missing, or cannot be read.
        """
        ordered = sorted(names, key=lambda name: -self.sizes.get(name, 0))
        if sum(self.sizes.get(name, 0) for name in ordered) < _MUCH:
            for name in ordered:
                self._compare(name)
            return
        from concurrent.futures import ThreadPoolExecutor  # here: a noted file needs none

        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for _ in pool.map(self._compare, ordered):
                pass

    def _compare(self, name: str) -> None:
        path = self.folder / name
        self.look(name)
        with explain_refusal(path):
            digest = hash_file(path)
        if digest != self.digests[name]:
            raise tell_damage(path)

    def read(self, name: str) -> bytes:
        """The content of a small file, compared.

        :raises DamageError: it is not what was written.
        :raises StoreError: it is missing, or cannot be read.
        """
        path = self.folder / name
        self.look(name)
        with explain_refusal(path):
            content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != self.digests[name]:
            raise tell_damage(path)
        return content

    def check_noted(self, names: Collection[str], path: Path | None, mark: str) -> None:
        """See that files are what was written: by the note, if there is one of today's files, else by reading them.

        :param path: Where the note is or goes; None for no note.
        :param mark: Digest of the manifest.
        :raises DamageError: one is not what was written.
        :raises StoreError: one is missing, or cannot be read.
        """
        looks = {name: self.look(name) for name in names}
        if path is not None and _is_valid(_read_note(path), mark, looks):
            return
        self.check_digests(names)
        if path is not None:
            self.write_note(looks, path, mark)

    def write_note(self, looks: dict[str, Look], path: Path, mark: str) -> None:
        """Note that files are what was written. A place that cannot be written is no fault: files are then read again.

        :param looks: As they were before the files were read.
        """
        _wait_for_tick(looks.values())
        note = Note(time.time_ns(), mark, looks)
        if any(self.look(name) != look for name, look in looks.items()):
            return
        part = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(exist_ok=True)
            part.write_bytes(msgspec.json.encode(note))
            part.replace(path)
        except OSError:
            return


def _read_note(path: Path) -> Note | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Note)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _is_valid(note: Note | None, mark: str, looks: Mapping[str, Look]) -> bool:
    """Whether a note tells of these very files. A file that changed right before the note may have changed right after
    it too, at the same time by the file system's clock."""
    if note is None or note.mark != mark:
        return False
    age = DAY * (1 + sum(one.size for one in looks.values()) // _GIGABYTE)
    is_young = 0 <= time.time_ns() - note.at < age
    return is_young and all(
        note.looks.get(name) == look and look.changed + _find_tick(look) <= note.at for name, look in looks.items()
    )


def _find_tick(look: Look) -> int:
    return _TICK if look.changed % 10**9 else _COARSE_TICK


def _wait_for_tick(looks: Iterable[Look]) -> None:
    """Let the file system's clock move on from the last change, where that takes a moment only."""
    wait = max((one.changed + _TICK - time.time_ns() for one in looks), default=0)
    if 0 < wait <= _TICK:
        time.sleep(wait / 10**9 + 0.001)


def list_names(folder: Path) -> list[str]:
    """Names of all that lies below a folder and is not a folder itself (a link to one is not), in order.

    :raises StoreError: a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        with explain_refusal(Path(error.filename)):
            raise error

    skipped = len(str(folder)) + 1
    return sorted(
        os.path.join(place, name)[skipped:].replace(os.sep, "/")  # a Path for each takes longer
        for place, folders, files in os.walk(folder, onerror=refuse)
        for name in (*files, *(one for one in folders if os.path.islink(os.path.join(place, one))))
    )


@contextmanager
def explain_refusal(path: Path) -> Iterator[None]:
    """Turn what the operating system says of a file that cannot be read into one line; such a file may be whole.

    :raises StoreError: it is missing, or cannot be read.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError("the file is missing", where=str(path), mend=MEND) from None
    except PermissionError:
        raise StoreError("may not be read", where=str(path), mend="Check its rights") from None
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise StoreError(what, where=str(path), mend="Check the disk, or the network it is on") from None


def tell_damage(path: Path, why: str = "not the one that was built") -> DamageError:
    """The error of a file that is not what was written."""
    return DamageError(f"cannot be read: it is damaged, {why}", where=str(path), mend=MEND)


def hash_file(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
