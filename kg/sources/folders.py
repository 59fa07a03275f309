"""Files of folders and patterns, each once and in order; a place that cannot be read stands among them as `Lost`.

Links are followed, but for those that lead up. A folder is looked into once, whatever links lead to it, so that links
in a circle come to an end.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import translate
from glob import has_magic
from pathlib import Path

from kg.model import Frozen, Rejected

_OTHERS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_RIGHTS = "Give yourself the right to read it; a folder needs the right to enter it too"
_MENDS = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.ENOENT: "It was there a moment ago: say the same again",
}
_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
"""Errors of a path that leads to nothing."""


class Place(Frozen, frozen=True):
    """A file or folder: the path that leads to it, and the one without links, by which it is known."""

    path: str
    real: str
    is_folder: bool = False


class Lost(Frozen, frozen=True):
    """A place that cannot be read, and why."""

    path: str
    real: str
    rejected: Rejected


Found = Place | Lost


def find_place(path: str) -> Found:
    """The file or folder at a path.

    >>> find_place("/")
    Place(path='/', real='/', is_folder=True)

    :raises OSError: there is nothing.
    """
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
    except OSError as error:
        if error.errno in _NOTHING and not os.path.islink(path):
            raise
        return Lost(path, os.path.abspath(path), reject_place(path, error))
    if kind in _OTHERS:
        mend = "Name it by itself, or remove it from there" if kind == stat.S_IFIFO else "Remove it from there"
        rejected = Rejected(show_name(path), f"{_OTHERS[kind]}, which is no file", mend, is_cut=True)
        return Lost(path, os.path.realpath(path), rejected)
    return Place(path, os.path.realpath(path), is_folder=kind == stat.S_IFDIR)


def reject_place(path: str, error: OSError) -> Rejected:
    """A place that the system does not give; a name that leads to nothing is a link that does not."""
    if error.errno in (errno.ENOENT, errno.ELOOP) and os.path.islink(path):
        reason, mend = "a link that leads nowhere", "Mend the link, or remove it"
    else:
        reason = error.strerror or str(error)
        mend = _MENDS.get(error.errno or 0, "Check the disk that it lies on")
    return Rejected(show_name(path), f"cannot be read: {reason}", mend, is_cut=True)


def show_name(name: str) -> str:
    """A file's name as it can be printed and stored: file systems allow any bytes, and line ends too."""
    readable = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in readable)


class Walk:
    """Lists the files of folders; each folder once.

    :param outside: Real path of a folder whose files are no input.
    :ivar has_left_out: Whether that folder was met.
    """

    def __init__(self, outside: str | None = None) -> None:
        self._outside = outside
        self.has_left_out = False
        self._seen: set[str] = set()

    def list_files(self, top: Place) -> list[Found]:
        """Every file in and below a folder, in the order of the paths; hidden ones are left out."""
        return sorted(self._walk(top), key=lambda one: Path(one.path).parts)

    def is_outside(self, real: str) -> bool:
        """Whether a real path lies in the folder that is no input."""
        is_outside = self._outside is not None and _is_inside(real, self._outside)
        self.has_left_out |= is_outside
        return is_outside

    def _walk(self, top: Place) -> Iterator[Found]:
        waiting = [top]
        while waiting:
            here = waiting.pop()
            if here.real not in self._seen and not self.is_outside(here.real):
                self._seen.add(here.real)
                for one in list_folder(here):
                    if isinstance(one, Place) and one.is_folder:
                        waiting.append(one)
                    elif not self.is_outside(one.real):
                        yield one


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def list_folder(folder: Place, shown: re.Pattern[str] | None = None) -> list[Found]:
    """What lies directly in a folder, by name.

    :param shown: What the names must fit; where it is not given, hidden ones are left out.
    """
    found: list[Found] = []
    try:
        with os.scandir(folder.path) as entries:
            for entry in entries:
                if shown.match(entry.name) if shown else not entry.name.startswith("."):
                    found.append(_look_at(entry, folder.real))
    except OSError as error:
        found.append(Lost(folder.path, folder.real, reject_place(folder.path, error)))
    return sorted(found, key=_name_path)


def _name_path(one: Found) -> str:
    return one.path


def _look_at(entry: os.DirEntry[str], folder: str) -> Found:
    own = os.path.join(folder, entry.name)
    try:
        if not entry.is_symlink() and (entry.is_file() or entry.is_dir()):
            return Place(entry.path, own, entry.is_dir())
        found = find_place(entry.path)
    except OSError as error:
        return Lost(entry.path, own, reject_place(entry.path, error))
    if isinstance(found, Lost):
        return Lost(entry.path, own, found.rejected)
    if found.is_folder and found.real != folder and _is_inside(folder, found.real):
        rejected = Rejected(show_name(entry.path), "a link to a folder that holds this one", "Name that folder itself")
        return Lost(entry.path, own, rejected)
    return found


def expand_pattern(pattern: str) -> list[Found]:
    """The files and folders that fit a pattern, as `glob` knows them, each once; ``**`` is any number of folders."""
    top = "/" if pattern.startswith("/") else "."
    places = [Place(top, os.path.realpath(top), is_folder=True)]
    lost: dict[str, Found] = {}
    for part in re.split("/+", pattern.lstrip("/")):
        found: dict[str, Place] = {}
        for one in _match_part(places, part):
            if isinstance(one, Place):
                found.setdefault(one.real, one)
            else:
                lost.setdefault(one.real, one)
        places = list(found.values())
    return sorted((*lost.values(), *places), key=_name_path)


def _match_part(places: Iterable[Place], part: str) -> Iterator[Found]:
    for place in places:
        if not has_magic(part):
            with suppress(OSError):
                yield find_place(os.path.join(place.path, part))
        elif place.is_folder and part == "**":
            yield from _list_below(place)
        elif place.is_folder:
            hidden = "" if part.startswith(".") else r"(?!\.)"
            yield from list_folder(place, re.compile(hidden + translate(part)))


def _list_below(top: Place) -> Iterator[Found]:
    """A folder, and all files and folders below it; into each folder once."""
    seen: set[str] = set()
    waiting: list[Found] = [top]
    while waiting:
        here = waiting.pop()
        yield here
        if isinstance(here, Place) and here.is_folder and here.real not in seen:
            seen.add(here.real)
            waiting += reversed(list_folder(here))
