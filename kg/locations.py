"""Files at URLs, through fsspec: ``s3://``, ``gs://``, ``https://``, and chains such as ``zip://*.json::https://…``.

Nothing here is imported, and no network touched, unless a user gives a URL. Redirects, credentials and settings are
fsspec's affair; here are the bounds (time, size) and the errors of one line.
"""

from __future__ import annotations

import glob
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import unquote

from kg.errors import SourceError, StoreError, UsageError

Result = TypeVar("Result")
CONNECT_SECONDS = 30
SILENT_SECONDS = 120
"""Longest time that a server may send nothing."""
MAX_BYTES = 2**36
"""Most bytes that are read from one URL."""
CHUNK = 1 << 16
_URL = re.compile(r"(?i)(?:\w+::)*[a-z][a-z0-9+.-]*://")
_HTTP = ("http", "https")
_NO_RANGES = "the server sends no parts of a file, which an archive needs; put simplecache:: before its URL"
_MEND = "Check the address and your rights there"


def is_url(text: str) -> bool:
    """Whether a user's text is a URL and no path.

    >>> is_url("s3://bucket/x.zip"), is_url("data/x.zip")
    (True, False)
    """
    return _URL.match(text) is not None


def hide_secrets(url: str) -> str:
    """A URL as it may be shown and kept: without what lets its holder in.

    >>> hide_secrets("https://me:word@host/x.zip?signature=abc")
    'https://host/x.zip'
    """
    plain = re.sub(r"//[^/@:]*(:[^/@]*)?@", "//", url)
    return re.sub(r"(?i)(https?://[^?#]*?)[?#].*?(?=::|$)", r"\1", plain)


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
        if not _is_http(self._system):
            return self._wrap()
        stream = self._wrap(block_size=0)
        if stream.peek(2)[:2] != b"PK":
            return stream
        stream.close()
        archive = self._wrap()
        if not archive.seekable():
            raise OSError(_NO_RANGES)
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
            raise SourceError(f"cannot be read: {error}", where=hide_secrets(self.path), mend=_MEND) from None

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


def explain(error: BaseException) -> str:
    """What went wrong, without the URL, which may hold secrets."""
    cause = error.__cause__ or error
    if isinstance(status := getattr(cause, "status", None), int):
        said = f"the server says {status} {getattr(cause, 'message', '')}".strip()
        return "there is nothing" if status == 404 else said
    if isinstance(cause, FileNotFoundError):
        return "there is nothing"
    if isinstance(cause, TimeoutError):
        return "the server does not answer in time"
    if isinstance(cause, ValueError) and "range requests" in str(cause):
        return _NO_RANGES
    reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return hide_secrets(" ".join(reason.split()))[:300]


def open_filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path in it.

    :raises UsageError: a package for such URLs is not installed, or there is none.
    """
    where = hide_secrets(url)
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise UsageError("a URL needs fsspec", where=where, mend="pip install 'trialkg[remote]'") from None
    try:
        system, path = url_to_fs(url, **_bound_time(url))
    except ImportError as error:
        what = " ".join(str(error).split()) or "a package for such URLs is missing"
        mend = "pip install 'trialkg[remote]'" if "aiohttp" in what else "Install it with pip, beside kg"
        raise UsageError(what, where=where, mend=mend) from None
    except Exception as error:  # noqa: BLE001  # a chain opens its archive here, with errors of its own
        if "Protocol not known" in str(error):
            raise UsageError(explain(error), where=where, mend="Known are file, https, s3, gs, zip …") from None
        raise SourceError(f"cannot be opened: {explain(error)}", where=where, mend=_MEND) from None
    return system, path


def _bound_time(url: str) -> dict[str, Any]:
    """Options that put bounds on the waiting for HTTP servers; a user's own settings of fsspec stay."""
    named = [name for name in _HTTP if f"{name}://" in url.lower()]
    if not named:
        return {}
    from fsspec.config import conf

    try:
        from aiohttp import ClientTimeout
    except ImportError:
        return {}  # fsspec will say what is missing
    bound = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENT_SECONDS)
    own = {name: conf.get(name, {}).get("client_kwargs", {}) for name in named}
    return {name: {"client_kwargs": {"timeout": bound, **own[name]}} for name in named}


def find_remote(url: str) -> list[RemoteFile]:
    """The files that a URL names, in order of their paths: one, those of a folder, or those that a pattern fits.

    :raises SourceError: there is none, or the server does not answer.
    """
    system, path = open_filesystem(url)
    try:
        found = _list(system, path)
    except Exception as error:  # noqa: BLE001  # each backend raises errors of its own
        raise SourceError(f"cannot be opened: {explain(error)}", where=hide_secrets(url), mend=_MEND) from None
    if not found:
        raise SourceError("there is nothing", where=hide_secrets(url), mend=_MEND)
    return [RemoteFile(system, name, found[name].get("size")) for name in sorted(found)]


def _list(system: Any, path: str) -> dict[str, dict[str, Any]]:
    if "*" in path if _is_http(system) else glob.has_magic(path):
        found = system.glob(path, detail=True)
    else:
        info = system.info(path)
        found = system.find(path, detail=True) if info["type"] == "directory" else {path: info}
    return {
        name: info
        for name, info in found.items()
        if info["type"] == "file" and not PurePosixPath(name).name.startswith(".")
    }


def _is_http(system: Any) -> bool:
    return "https" in system.protocol


def join_url(url: str, place: str) -> str:
    """The URL of something below another.

    >>> join_url("s3://bucket/folder/", "x.json"), join_url("simplecache::https://host/a", "x.json")
    ('s3://bucket/folder/x.json', 'simplecache::https://host/a/x.json')
    """
    links = url.split("::")
    head = next((number for number, link in enumerate(links) if "://" in link), 0)
    links[head] = f"{links[head].rstrip('/')}/{place}"
    return "::".join(links)


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
    if _is_http(system):
        raise UsageError("cannot be written over HTTP", where=where, mend="Give a URL of a file system: s3, gs, file …")
    for local, place in files.items():
        target = f"{path.rstrip('/')}/{place}" if place else path
        try:
            system.makedirs(target.rpartition("/")[0], exist_ok=True)
            system.put_file(str(local), target)
        except Exception as error:  # noqa: BLE001  # each backend raises errors of its own
            raise StoreError(f"cannot be written: {explain(error)}", where=where, mend=_MEND) from None
