"""Files at URLs: listed, read to an end, fetched and put."""

from __future__ import annotations

import glob
import io
from collections.abc import Callable, Iterator
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

Result = TypeVar("Result")
MAX_BYTES = 2**36
"""Most bytes that are read from one URL."""
CHUNK = 1 << 16


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


def find_remote(url: str) -> list[RemoteFile]:
    """The files that a URL names, in order of their paths: one, those of a folder, or those that a pattern fits.

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
    return [RemoteFile(system, name, found[name].get("size")) for name in sorted(found)]


def _list(system: Any, path: str) -> dict[str, dict[str, Any]]:
    is_pattern = "*" in path if is_http(system) else glob.has_magic(path) and not system.isfile(path)
    if is_pattern:
        found = system.glob(path, detail=True)
    else:
        info = system.info(path)
        found = system.find(path, detail=True) if info["type"] == "directory" else {path: info}
    return {
        name: info
        for name, info in found.items()
        if info["type"] == "file" and not PurePosixPath(name).name.startswith(".")
    }


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
    file = find_remote(url)[0]
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
