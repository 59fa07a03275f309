"""Files at URLs: listed, read to an end, fetched and put."""

from __future__ import annotations

import glob
import io
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import unquote

from kg.errors import MissingError, SourceError, StoreError, UsageError
from kg.locations import (
    MEND,
    NO_RANGES,
    explain,
    find_mend,
    has_folders,
    hide_secrets,
    is_http,
    is_missing,
    open_filesystem,
)
from kg.model import Rejected

Result = TypeVar("Result")
MAX_BYTES = 2**36
"""Most bytes that are read from one URL."""
CHUNK = 1 << 16
MAX_DEPTH = 100
"""Most folders in folders that are looked into; what a server lists may have no end."""


class RemoteFile:
    """A file at a URL.

    :ivar name: The last part of its path.
    :ivar size: In bytes; None where the server does not tell.
    """

    def __init__(self, system: Any, path: str, size: int | None) -> None:
        self._system, self.path, self.size = system, path, size
        self.name = unquote(PurePosixPath(hide_secrets(path)).name)

    def open(self) -> io.BufferedReader:
        """Its bytes. Over HTTP they come as one stream, which any server can send; a zip archive is read at any place,
        and its server must take range requests.

        :raises OSError: it cannot be read.
        """
        if not is_http(self._system):
            return self._wrap()
        stream = self._wrap(block_size=0)
        try:
            is_archive = stream.peek(2)[:2] == b"PK"
        except OSError:
            stream.close()
            raise
        if not is_archive:
            return stream
        stream.close()
        archive = self._wrap()
        if not archive.seekable():
            archive.close()
            raise OSError(NO_RANGES)
        return archive

    def read(self, limit: int) -> Iterator[bytes]:
        """Its bytes in chunks.

        :raises SourceError: it cannot be read, or is longer than ``limit`` bytes.
        """
        left = limit
        try:
            with self.open() as stream:
                while chunk := stream.read(1 << 20):
                    left -= len(chunk)
                    if left < 0:
                        raise OSError(f"it is longer than {limit:,} bytes")
                    yield chunk
        except OSError as error:
            raise SourceError(f"cannot be read: {error}", where=hide_secrets(self.path), mend=MEND) from None

    def _wrap(self, **options: int) -> io.BufferedReader:
        return io.BufferedReader(_Stream(_ask(lambda: self._system.open(self.path, "rb", **options))), CHUNK)


class _Stream(io.RawIOBase):
    """A remote file that raises nothing but OSError, and comes to an end."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._taken = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return getattr(self._stream, "size", 0) is not None and bool(self._stream.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(_ask(lambda: self._stream.seek(offset, whence)))

    def tell(self) -> int:
        return int(self._stream.tell())

    def readinto(self, buffer: Any) -> int:
        data = _ask(lambda: self._stream.read(len(buffer)))
        self._taken += len(data)
        if self._taken > MAX_BYTES:
            raise OSError(f"more than {MAX_BYTES / 2**30:,.1f} GB come from there")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._stream.close()


def _ask(run: Callable[[], Result]) -> Result:
    """Run what asks a backend; whatever it raises becomes an OSError of few words."""
    try:
        return run()
    except Exception as error:  # noqa: BLE001  # each backend raises errors of its own
        raise OSError(explain(error)) from None


def find_remote(url: str) -> list[RemoteFile | Rejected]:
    """The files that a URL names, in order of their paths: one, those of a folder, or those that a pattern fits; a
    place that cannot be read stands among them.

    :raises MissingError: there is none.
    :raises SourceError: the server does not answer, or refuses to.
    """
    system, path = open_filesystem(url)
    try:
        found = _list(system, path)
    except Exception as error:  # noqa: BLE001  # each backend raises errors of its own
        kind = MissingError if is_missing(error) else SourceError
        what = f"cannot be opened: {explain(error)}"
        raise kind(what, where=hide_secrets(url), mend=find_mend(url, error)) from None
    if not found:
        raise MissingError("there is nothing", where=hide_secrets(url), mend=MEND)
    return [found[name] for name in sorted(found)]


def find_remote_file(url: str) -> RemoteFile:
    """The file at a URL, the first of several.

    :raises SourceError: there is none, or it cannot be read.
    """
    file = find_remote(url)[0]
    if isinstance(file, Rejected):
        raise SourceError(file.reason, where=file.file, mend=file.mend)
    return file


Listing = dict[str, dict[str, Any] | Rejected]
"""What lies at places: what is known of it, or why it cannot be read."""


def _list(system: Any, path: str) -> dict[str, RemoteFile | Rejected]:
    is_pattern = "*" in path if is_http(system) else glob.has_magic(path) and not system.isfile(path)
    found = _match(system, path) if is_pattern else _find(system, path)
    files = {name: _make_file(system, name, info) for name, info in found.items() if not _is_hidden(name)}
    return {name: file for name, file in files.items() if file}


def _is_hidden(name: str) -> bool:
    return PurePosixPath(name).name.startswith(".")


def _make_file(system: Any, name: str, info: dict[str, Any] | Rejected) -> RemoteFile | Rejected | None:
    if isinstance(info, Rejected):
        return info
    if info["type"] == "directory":
        return None
    if info["type"] != "file":
        return Rejected(hide_secrets(name), f"neither a file nor a folder, but {info['type']!r}", MEND, is_cut=True)
    return RemoteFile(system, name, info.get("size"))


def _find(system: Any, path: str) -> Listing:
    """What lies at a path, and below it."""
    info = system.info(path)
    return _find_below(system, path) if info["type"] == "directory" else {path: info}


def _find_below(
    system: Any,
    path: str,
    depth: int = MAX_DEPTH,
    may_hold: Callable[[str], bool] = lambda _: True,
    *,
    is_source: bool = True,
) -> Listing:
    """What lies below a path, folder by folder: fsspec's own way passes over what it cannot list. Stores without
    folders are listed in one go.

    :param may_hold: Whether a folder may hold what is looked for.
    :param is_source: Whether there is nothing to read where the path itself cannot be listed: its error is raised.
    """
    if _is_flat(system, path):
        found: Listing = system.find(path, detail=True)
        return found
    found, waiting = {}, [(path, depth)]
    while waiting:
        here, left = waiting.pop()
        for name, info in _list_folder(system, here, is_source=is_source and here == path).items():
            is_new = name not in found
            if is_new or isinstance(info, Rejected):
                found[name] = info
            if is_new and _is_folder(info) and name != here.rstrip("/") and may_hold(name):
                if left > 1:
                    waiting.append((name, left - 1))
                elif depth == MAX_DEPTH:
                    found[name] = Rejected(hide_secrets(name), "folders that do not end", MEND, is_cut=True)
    return found


def _is_flat(system: Any, path: str) -> bool:
    return not (has_folders(path) or is_http(system))


def _is_folder(info: dict[str, Any] | Rejected) -> bool:
    return not isinstance(info, Rejected) and info["type"] == "directory"


def _match(system: Any, pattern: str) -> Listing:
    """What fits a pattern, with what lies in the folders among it."""
    if _is_flat(system, pattern):
        found: Listing = system.glob(pattern, detail=True)
    else:
        found = _match_folders(system, pattern)
    for name in [name for name, info in found.items() if _is_folder(info)]:
        found |= _find_below(system, name, is_source=False)
    return found


def _match_folders(system: Any, pattern: str) -> Listing:
    from fsspec.utils import glob_translate

    first = re.search(r"[*[]" if is_http(system) else r"[*?[]", pattern)
    top = pattern[: pattern.rindex("/", 0, first.start() if first else None) + 1]
    depth = MAX_DEPTH if "**" in pattern else pattern.count("/") - top.count("/") + 1
    shown = re.compile(glob_translate(pattern.rstrip("/")))
    found = _find_below(system, top, depth, lambda name: _may_hold(pattern, name))
    return {name: info for name, info in found.items() if isinstance(info, Rejected) or shown.match(name)}


def _may_hold(pattern: str, folder: str) -> bool:
    """Whether something in or below a folder may fit a pattern.

    >>> _may_hold("/a*/x.json", "/ab"), _may_hold("/a*/x.json", "/b"), _may_hold("/**/x.json", "/b/c")
    (True, False, True)
    """
    for part, name in zip(pattern.split("/"), folder.split("/"), strict=False):
        if part == "**" or not fnmatchcase(name, part):
            return part == "**"
    return True


def _list_folder(system: Any, path: str, *, is_source: bool) -> Listing:
    try:
        return {info["name"].rstrip("/"): info for info in system.ls(path, detail=True)}
    except Exception as error:
        if is_source:
            raise
        return {path.rstrip("/"): Rejected(hide_secrets(path), f"cannot be read: {explain(error)}", MEND, is_cut=True)}


def list_folders(url: str) -> list[str]:
    """Names of the folders that lie directly below a URL, in order; none where the server does not list them."""
    system, path = open_filesystem(url)
    try:
        found = system.ls(path, detail=True)
    except Exception:  # noqa: BLE001  # each backend raises errors of its own
        return []
    return sorted(PurePosixPath(one["name"]).name for one in found if one["type"] == "directory")


def fetch_file(url: str, path: Path, limit: int) -> None:
    """Copy a file at a URL to this machine.

    :raises SourceError: it cannot be read, or is longer than ``limit`` bytes.
    """
    file = find_remote_file(url)
    with path.open("wb") as target:
        target.writelines(file.read(limit))


def put_files(files: dict[Path, str], url: str) -> None:
    """Copy files of this machine to places below a URL, in their order; to the URL itself where the place is empty.

    :raises StoreError: they cannot be written.
    """
    system, path = open_filesystem(url)
    where = hide_secrets(url)
    if is_http(system):
        raise UsageError("cannot be written over HTTP", where=where, mend="Give a URL of a file system: s3, gs, file …")
    for local, place in files.items():
        target = f"{path.rstrip('/')}/{place}" if place else path
        try:
            if has_folders(target):
                system.makedirs(target.rpartition("/")[0], exist_ok=True)
            system.put_file(str(local), target)
        except Exception as error:  # noqa: BLE001  # each backend raises errors of its own
            raise StoreError(f"cannot be written: {explain(error)}", where=where, mend=MEND) from None
