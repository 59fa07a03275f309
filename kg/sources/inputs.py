"""Open files, folders, globs, URLs, standard input; plain, gzip or zip; one record or many.

What cannot be read becomes a `Rejected` and the rest goes on; only a source that does not exist is an error.
"""

from __future__ import annotations

import glob
import io
import sys
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

from kg.errors import SourceError
from kg.locations import is_url
from kg.model import Rejected, Study
from kg.remote_files import RemoteFile, find_remote
from kg.sources import read_json, read_page
from kg.sources.splits import GIVE, RECODE, ZIP, Blob, split_stream
from kg.sources.streams import CHUNK, Counted, Input

__all__ = [
    "Blob",
    "File",
    "find_files",
    "measure_file",
    "open_file",
    "open_files",
    "open_sources",
    "read_blob",
    "read_sources",
]
File = Path | RemoteFile
_CHECK = "Check the path; `-` reads standard input"
_EMPTY_ZIP = b"PK\x05\x06"


def find_files(sources: Iterable[str], outside: Path | None = None) -> list[File]:
    """All files that the sources name, each once, in order; folders are walked by name; hidden files are left out.

    :param outside: A folder whose files are no input: the store, where it lies inside a source.
    :raises SourceError: a source names nothing.
    :raises UsageError: what reads such a URL is not installed.
    """
    found: dict[str, File] = {}
    store = outside.resolve() if outside else None
    for source in sources:
        if is_url(source):
            found.update((file.path, file) for file in find_remote(source))
            continue
        try:
            found.update(
                (str(path), path)
                for path in _find_source(source)
                if store is None or str(path) == "-" or not path.resolve().is_relative_to(store)
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SourceError(f"cannot be opened: {reason}", where=_show_name(source[:80]), mend=_CHECK) from None
    return list(found.values())


def _find_source(source: str) -> list[Path]:
    path = Path(source)
    if source == "-" or path.is_file() or path.is_fifo():
        return [path]
    if path.is_dir():
        inside = [
            one
            for one in sorted(path.rglob("*"))
            if one.is_file() and not any(part.startswith(".") for part in one.relative_to(path).parts)
        ]
        if not inside:
            raise SourceError("the folder holds no file", where=source, mend="Name a folder with registry records")
        return inside
    matched = [Path(one) for one in sorted(glob.glob(source, recursive=True)) if Path(one).is_file()]
    if not matched:
        raise SourceError("no such file or folder", where=_show_name(source[:200]), mend=_CHECK)
    return matched


def read_sources(sources: Iterable[str]) -> Iterator[Study | Rejected]:
    """Every record of the sources, read."""
    for blob in open_sources(sources):
        yield blob if isinstance(blob, Rejected) else read_blob(blob)


def open_sources(sources: Iterable[str], outside: Path | None = None) -> Iterator[Blob | Rejected]:
    """The bytes of every record, not yet read, so that reading can go on in other processes."""
    return open_files(find_files(sources, outside))


def open_files(
    files: Iterable[File], count: Callable[[int], None] = lambda _: None
) -> Generator[Blob | Rejected, None, None]:
    """The bytes of every record of the files; ``count`` is told how many bytes on disk were taken."""
    for path in files:
        yield from open_file(path, count)


def read_blob(blob: Blob) -> Study | Rejected:
    """Read the bytes of one record."""
    if blob.is_json:
        return read_json(blob.content, blob.name)
    try:
        return read_page(blob.content.decode(), blob.name)
    except UnicodeDecodeError as error:
        if b"\0" in blob.content[:1024]:
            return Rejected(blob.name, "binary content", GIVE)
        return Rejected(blob.name, f"not UTF-8 at byte {error.start:,}", RECODE)


def measure_file(file: File) -> int | None:
    """Its size in bytes; None where that is not known: of a pipe, and where a server does not tell."""
    if isinstance(file, RemoteFile):
        return file.size
    return file.stat().st_size if file.is_file() else None


def open_file(file: File, count: Callable[[int], None] = lambda _: None) -> Iterator[Blob | Rejected]:
    """The records of one file."""
    is_stdin, is_remote = str(file) == "-", isinstance(file, RemoteFile)
    name = "stdin" if is_stdin else _show_name(file.name)
    try:
        with ExitStack() as stack:
            raw = sys.stdin.buffer if is_stdin else stack.enter_context(_open(file))
            if not is_stdin and raw.seekable():
                head = raw.read(4)
                raw.seek(0)
                if head in (ZIP, _EMPTY_ZIP):
                    yield from _open_zip(raw, name, count)
                    return
            yield from _open_stream(Counted(raw, count), name)
    except OSError as error:
        mend = "Say the same again: what was read is kept" if is_remote else "Check the file's rights"
        yield Rejected(name, f"cannot be read: {error.strerror or error}", mend, is_cut=True)


def _open(file: File) -> IO[bytes]:
    return file.open() if isinstance(file, RemoteFile) else file.open("rb")


def _open_stream(raw: Counted, name: str, packed: int | None = None) -> Iterator[Blob | Rejected]:
    source = Input(raw, packed)
    yield from split_stream(io.BufferedReader(source, CHUNK), source, name)
    if source.broken:
        yield Rejected(name, source.broken, "Get the file again; the records before the break were read", is_cut=True)


def _open_zip(stream: IO[bytes], name: str, count: Callable[[int], None]) -> Iterator[Blob | Rejected]:
    """The records of an archive, member by member; nothing is unpacked to disk."""
    try:
        archive = ZipFile(stream)
    except (BadZipFile, NotImplementedError, ValueError) as error:
        yield Rejected(name, f"broken zip archive: {error}", "Get the file again; nothing of it was read", is_cut=True)
        return
    with archive:
        members = [one for one in archive.infolist() if not one.is_dir() and not _is_hidden(one.filename)]
        if not members:
            yield Rejected(name, "a zip archive that holds no file", GIVE)
        for member in members:
            yield from _open_member(archive, member, f"{name}:{_show_name(member.filename)}")
            count(member.compress_size)


def _open_member(archive: ZipFile, member: ZipInfo, name: str) -> Iterator[Blob | Rejected]:
    try:
        with archive.open(member) as stream:
            yield from _open_stream(Counted(stream, lambda _: None), name, member.compress_size)
    except (BadZipFile, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        # zipfile says RuntimeError where a password is needed.
        yield Rejected(name, f"cannot be unpacked: {error}", "Pack it without a password, with deflate", is_cut=True)


def _is_hidden(name: str) -> bool:
    return name.startswith("__MACOSX/") or any(part.startswith(".") for part in name.split("/"))


def _show_name(name: str) -> str:
    """A file's name as it can be printed and stored: file systems allow any bytes, and line ends too."""
    readable = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in readable)
