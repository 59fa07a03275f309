"""Open files, folders, globs, standard input; plain or gzip; one record or many. A stream: no file is held whole but a page.

What cannot be read becomes a `Rejected` and the rest goes on; only a source that does not exist is an error.
"""

from __future__ import annotations

import glob
import io
import sys
import zlib
from collections.abc import Iterable, Iterator
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from typing import IO, cast

import msgspec

from kg.errors import SourceError
from kg.model import Rejected, Study
from kg.sources import MAX_PAGE, read_json, read_page

MAX_LINE = 32 * 2**20
"""Longest line of a JSON lines file, in bytes."""
MAX_FILE = 2**30
"""Longest JSON file that holds many studies in one value, in bytes after decompression."""
_GZIP = b"\x1f\x8b"
_TEXT_PATTERN = 4 * MAX_PAGE


class Blob(msgspec.Struct, frozen=True):
    """The bytes of one record, still to be read; ``is_json`` is what their beginning says."""

    name: str
    content: bytes
    is_json: bool


def find_files(sources: Iterable[str]) -> list[Path]:
    """All files that the sources name, each once, in order; folders are walked by name; hidden files are left out.

    :raises SourceError: a source names nothing.
    """
    found: dict[Path, None] = {}
    for source in sources:
        path = Path(source)
        if source == "-" or path.is_file():
            found[path] = None
        elif path.is_dir():
            inside = [one for one in sorted(path.rglob("*")) if one.is_file()
                      and not any(part.startswith(".") for part in one.relative_to(path).parts)]
            if not inside:
                raise SourceError("the folder holds no file", where=source, mend="Name a folder with registry records")
            found.update(dict.fromkeys(inside))
        elif matched := [Path(one) for one in sorted(glob.glob(source, recursive=True)) if Path(one).is_file()]:
            found.update(dict.fromkeys(matched))
        else:
            raise SourceError("no such file or folder", where=source, mend="Check the path; `-` reads standard input")
    return list(found)


def read_sources(sources: Iterable[str]) -> Iterator[Study | Rejected]:
    """Every record of the sources, read."""
    for blob in open_sources(sources):
        yield blob if isinstance(blob, Rejected) else read_blob(blob)


def open_sources(sources: Iterable[str]) -> Iterator[Blob | Rejected]:
    """The bytes of every record, not yet read, so that reading can go on in other processes."""
    for path in find_files(sources):
        yield from open_file(path)


def read_blob(blob: Blob) -> Study | Rejected:
    """Read the bytes of one record."""
    if blob.is_json:
        return read_json(blob.content, blob.name)
    try:
        return read_page(blob.content.decode(), blob.name)
    except UnicodeDecodeError as error:
        what = "binary content" if b"\0" in blob.content[:1024] else f"not UTF-8 at byte {error.start:,}"
        return Rejected(blob.name, what, "Convert the file to UTF-8, for example with iconv" if "UTF" in what else
                        "Give a page as text or a study as JSON")


def open_file(path: Path) -> Iterator[Blob | Rejected]:
    """The records of one file."""
    name = "stdin" if str(path) == "-" else path.name
    try:
        with _open_plain(path) as stream:
            yield from _split_stream(stream, name)
    except (EOFError, BadGzipFile, zlib.error) as error:
        yield Rejected(name, f"broken gzip: {error}", "Download the file again; the records before the break were read")
    except OSError as error:
        yield Rejected(name, f"cannot be read: {error.strerror or error}", "Check the file's rights")


def _open_plain(path: Path) -> IO[bytes]:
    raw: IO[bytes] = sys.stdin.buffer if str(path) == "-" else path.open("rb")
    buffered = io.BufferedReader(cast("io.RawIOBase", raw), 1 << 16)
    is_gzip = buffered.peek(2)[:2] == _GZIP
    return io.BufferedReader(cast("io.RawIOBase", GzipFile(fileobj=buffered)), 1 << 16) if is_gzip else buffered


def _split_stream(stream: IO[bytes], name: str) -> Iterator[Blob | Rejected]:
    first = stream.readline(MAX_LINE + 1)
    while first and not first.strip():
        first = stream.readline(MAX_LINE + 1)
    head = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:1] not in (b"{", b"["):
        yield _take_page(first + stream.read(_TEXT_PATTERN), name)
    elif len(first) > MAX_LINE or _is_whole(head):
        yield from _split_lines(first, stream, name)
    else:
        yield from _split_value(head + stream.read(MAX_FILE + 1), name)


def _is_whole(line: bytes) -> bool:
    """Whether a first line is a JSON object of its own, or a broken one that more lines of objects may follow."""
    if not line.startswith(b"{") or not line.rstrip().endswith(b"}"):
        return False
    try:
        return not isinstance(msgspec.json.decode(line, type=_Envelope).studies, list)
    except (msgspec.DecodeError, RecursionError):
        return True


class _Envelope(msgspec.Struct):
    """Enough of ``{"studies": […]}`` to hand the studies on as the bytes they were."""

    studies: list[msgspec.Raw] | None = None


def _split_lines(first: bytes, stream: IO[bytes], name: str) -> Iterator[Blob | Rejected]:
    line, number = first, 1
    only = not stream.peek(1) if isinstance(stream, io.BufferedReader) else False
    while line:
        where = name if only else f"{name}:{number}"
        if len(line) > MAX_LINE:
            while line and not line.endswith(b"\n"):
                line = stream.readline(1 << 20)
            yield Rejected(where, f"a line longer than {MAX_LINE // 2**20} MB", "Put one study on a line")
        elif line.strip():
            yield Blob(where, line.removeprefix(b"\xef\xbb\xbf").strip(), is_json=True)
        line, number = stream.readline(MAX_LINE + 1), number + 1


def _split_value(content: bytes, name: str) -> Iterator[Blob | Rejected]:
    """One JSON value over several lines, or many studies in one value."""
    if len(content) > MAX_FILE:
        yield Rejected(name, f"one JSON value of more than {MAX_FILE // 2**20} MB", "Save the studies as JSON lines")
        return
    try:
        studies = (msgspec.json.decode(content, type=list[msgspec.Raw]) if content.startswith(b"[")
                   else msgspec.json.decode(content, type=_Envelope).studies)
    except (msgspec.DecodeError, RecursionError):
        studies = None
    if studies is None:
        yield Blob(name, content.strip(), is_json=True)
        return
    for number, study in enumerate(studies, 1):
        yield Blob(f"{name}:{number}", bytes(study), is_json=True)


def _take_page(content: bytes, name: str) -> Blob | Rejected:
    return Blob(name, content, is_json=False)
