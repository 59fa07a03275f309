"""Open files, folders, globs, URLs, standard input; plain, gzip or zip; one record or many.

What cannot be read becomes a `Rejected` and the rest goes on; only a source that does not exist is an error.
"""

from __future__ import annotations

import errno
import glob
import io
import os
import stat
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO
from zipfile import ZipFile, ZipInfo

from kg.errors import SourceError
from kg.locations import find_local, is_url
from kg.model import Rejected, Study
from kg.remote_files import RemoteFile, find_remote
from kg.sources import read_json, read_page
from kg.sources.folders import Found, Place, Walk, expand_pattern, find_place, reject_place, show_name
from kg.sources.members import Blob
from kg.sources.splits import GIVE, RECODE, ZIP, split_stream
from kg.sources.streams import BREAKS, CHUNK, Counted, Input

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
File = Path | RemoteFile | Rejected
"""Where records are read from; a place that cannot be read stands among the files, and is told in its turn."""
_CHECK = "Check the path; `-` reads standard input"
_EMPTY_ZIP = b"PK\x05\x06"
_TAIL = 22 + 65_535
"""Most bytes of an archive's end: the record that says how many members there are, and a comment."""
_MANY = 65_535


def find_files(sources: Iterable[str], outside: Path | None = None) -> list[File]:
    """All files that the sources name, each once, in order; folders are walked by name; hidden files are left out.

    :param outside: A folder whose files are no input: the store, where it lies inside a source.
    :raises SourceError: a source names nothing.
    :raises UsageError: what reads such a URL is not installed.
    """
    found: dict[str, File] = {}
    store = os.path.realpath(outside) if outside else None
    for source in sources:
        for key, file in _find_source(source, Walk(store)):
            found.setdefault(key, file)
    return list(found.values())


def _find_source(source: str, walk: Walk) -> Iterator[tuple[str, File]]:
    """The files of a source, each with what it is known by."""
    path = find_local(source) if is_url(source) else source
    if path is None:
        yield from ((one.file if isinstance(one, Rejected) else one.path, one) for one in find_remote(source))
    elif path == "-" or _is_pipe(path):
        yield path, Path(path)
    else:
        for one in _find_places(path, walk):
            yield one.real, Path(one.path) if isinstance(one, Place) else one.rejected


def _is_pipe(path: str) -> bool:
    """Whether a path is a pipe, as the shell's ``<(…)`` gives one; it is read where it is named, and only there."""
    with suppress(OSError, ValueError):
        return stat.S_ISFIFO(os.stat(path).st_mode)
    return False


def _find_places(source: str, walk: Walk) -> Iterator[Found]:
    """What a path or a pattern names, with all files of the folders among it."""
    matched = _match(source)
    for one in matched:
        if isinstance(one, Place) and one.is_folder:
            files = walk.list_files(one)
            if not files and not walk.has_left_out and len(matched) == 1:
                mend = "Name a folder with registry records"
                raise SourceError("the folder holds no file", where=show_name(source), mend=mend)
            yield from files
        elif not walk.is_outside(one.real):
            yield one


def _match(source: str) -> list[Found]:
    where = show_name(source[:200])
    try:
        return [find_place(source)]
    except (OSError, ValueError) as error:
        is_nothing = isinstance(error, FileNotFoundError | NotADirectoryError)
        if is_nothing and glob.has_magic(source) and (found := expand_pattern(source)):
            return found
        what = "no such file or folder" if is_nothing else f"cannot be opened: {getattr(error, 'strerror', 0) or error}"
        raise SourceError(what, where=where, mend=_CHECK) from None


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
    if isinstance(file, Rejected):
        return 0
    with suppress(OSError):  # gone or shut since it was found: told when it is opened
        return file.stat().st_size if file.is_file() else None
    return 0


def open_file(file: File, count: Callable[[int], None] = lambda _: None) -> Iterator[Blob | Rejected]:
    """The records of one file."""
    if isinstance(file, Rejected):
        yield file
        return
    is_stdin = str(file) == "-"
    name = "stdin" if is_stdin else show_name(file.name)
    try:
        with ExitStack() as stack:
            raw = _open_stdin() if is_stdin else stack.enter_context(_open(file))
            if not is_stdin and raw.seekable():
                head = raw.read(4)
                raw.seek(0)
                if head in (ZIP, _EMPTY_ZIP):
                    yield from _open_zip(raw, name, count)
                    return
            yield from _open_stream(Counted(raw, count), name)
    except OSError as error:
        yield _reject_file(file, error)


def _open_stdin() -> IO[bytes]:
    if sys.stdin is None:  # closed before Python started
        raise OSError(errno.EBADF, "standard input is closed")
    return sys.stdin.buffer


def _open(file: Path | RemoteFile) -> IO[bytes]:
    return file.open() if isinstance(file, RemoteFile) else file.open("rb")


def _reject_file(file: Path | RemoteFile, error: OSError) -> Rejected:
    """A file that cannot be opened, or read to its end."""
    if isinstance(file, Path):
        return reject_place("stdin" if str(file) == "-" else str(file), error)
    return Rejected(
        show_name(file.name),
        f"cannot be read: {error.strerror or error}",
        "Say the same again: what was read is kept",
        is_cut=True,
    )


def _open_stream(raw: Counted, name: str, packed: int | None = None) -> Iterator[Blob | Rejected]:
    source = Input(raw, packed)
    yield from split_stream(io.BufferedReader(source, CHUNK), source, name)
    if source.broken:
        yield Rejected(name, source.broken, "Get the file again; the records before the break were read", is_cut=True)


def _open_zip(stream: IO[bytes], name: str, count: Callable[[int], None]) -> Iterator[Blob | Rejected]:
    """The records of an archive, member by member; nothing is unpacked to disk."""
    try:
        archive = ZipFile(stream)
    except BREAKS as error:
        yield Rejected(name, f"broken zip archive: {error}", "Get the file again; nothing of it was read", is_cut=True)
        return
    with archive:
        members = [one for one in archive.infolist() if not one.is_dir() and not _is_hidden(one.filename)]
        if not members:
            yield Rejected(name, "a zip archive that holds no file", GIVE)
        said, listed = _count_members(stream), len(archive.infolist())
        if said not in (None, listed % (_MANY + 1)):
            reason = f"broken zip archive: it lists {listed:,} members, and says that they are {said:,}"
            yield Rejected(name, reason, "Get the file again; the members that it lists were read", is_cut=True)
        for member in members:
            yield from _open_member(archive, member, f"{name}:{show_name(member.filename)}")
            count(member.compress_size)


def _open_member(archive: ZipFile, member: ZipInfo, name: str) -> Iterator[Blob | Rejected]:
    try:
        with archive.open(member) as stream:
            yield from _open_stream(Counted(stream, lambda _: None), name, member.compress_size)
    except BREAKS as error:
        # zipfile says RuntimeError where a password is needed.
        yield Rejected(name, f"cannot be unpacked: {error}", "Pack it without a password, with deflate", is_cut=True)


def _count_members(stream: IO[bytes]) -> int | None:
    """How many members an archive says at its end that it has; None where it says so elsewhere, as those of 65,535 and
    more do. Python's reader lists what it finds, and does not compare."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _TAIL))
    tail = stream.read(_TAIL)
    end = tail.rfind(_EMPTY_ZIP)
    count = int.from_bytes(tail[end + 10 : end + 12], "little")
    return None if end < 0 or count == _MANY else count


def _is_hidden(name: str) -> bool:
    return name.startswith("__MACOSX/") or any(part.startswith(".") for part in name.split("/"))
