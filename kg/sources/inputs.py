"""Open files, folders, globs, standard input; plain, gzip or zip; one record or many.

A stream: nothing is held whole but a page, a line, or one JSON value of many studies, each up to its limit. What cannot
be read becomes a `Rejected` and the rest goes on; only a source that does not exist is an error.
"""

from __future__ import annotations

import glob
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import msgspec

from kg.errors import SourceError
from kg.model import Rejected, Study
from kg.sources import MAX_PAGE, mend_surrogates, read_json, read_page

MAX_LINE = 32 * 2**20
"""Longest line of a JSON lines file, in bytes."""
MAX_FILE = 2**28
"""Longest JSON value that holds many studies, in bytes; 1,000 studies with results are some 100 MB."""
MAX_PLAIN = 2**36
"""Most bytes that one file or member of an archive may unpack to."""
MAX_RATIO = 250
"""Most bytes that a byte of it may unpack to, beyond the first `FREE`; registry records take some ten."""
FREE = 2**26
_GZIP, _ZIP, _EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
_BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 16
_PAGE_BYTES = 4 * MAX_PAGE
_CHECK = "Check the path; `-` reads standard input"
_GIVE = "Give a page as text or a study as JSON, in UTF-8"
_RECODE = "Convert the file to UTF-8, for example with iconv"
_SIGNATURES = (
    (0, b"\xff\xfe", "UTF-16 text"),
    (0, b"\xfe\xff", "UTF-16 text"),
    (0, _ZIP, "a zip archive on standard input or inside another file"),
    (4, b"1AY&SY", "bzip2 data"),
    (0, b"\xfd7zXZ", "xz data"),
    (0, b"\x28\xb5\x2f\xfd", "zstd data"),
    (0, b"%PDF-", "a PDF"),
    (257, b"ustar", "a tar archive"),
)
"""Content that is told apart from a damaged page, by its first bytes: offset, bytes, what it is."""
_MANY = re.compile(rb'\[\s*\{|\{(?:\s*"\w{1,40}"\s*:\s*(?:"[^"\\]{0,200}"|[\w.-]{1,40})\s*,){0,9}\s*"studies"\s*:\s*\[')
"""How a value that holds many studies begins."""
_MAX_BROKEN = 100
_OPEN_ENDS = (b"{", b"[", b",", b":")
_STUDY = re.compile(r'\{\s*"(?:protocolSection|study)"\s*:')


class Blob(msgspec.Struct, frozen=True):
    """The bytes of one record, still to be read; ``is_json`` is what their beginning says."""

    name: str
    content: bytes
    is_json: bool


class _Envelope(msgspec.Struct):
    """Enough of ``{"studies": […]}`` to hand the studies on as the bytes they were."""

    studies: list[msgspec.Raw] | None = None


class _Counted(io.RawIOBase):
    """The bytes of a file as they lie on disk, counted as they are taken."""

    def __init__(self, stream: IO[bytes], count: Callable[[int], None]) -> None:
        self._stream, self._count = stream, count
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read1(len(buffer)) if hasattr(self._stream, "read1") else self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self.taken += len(data)
        self._count(len(data))
        return len(data)


class _Input(io.RawIOBase):
    """The plain bytes of a file, gzip or not, up to where they break; ``broken`` then says why.

    :param packed: Bytes of the member of an archive, as it lies there; None for a file of its own.
    """

    def __init__(self, raw: _Counted, packed: int | None = None) -> None:
        stream = io.BufferedReader(raw, _CHUNK)
        is_gzip = stream.peek(2)[:2] == _GZIP
        self.plain = GzipFile(fileobj=stream) if is_gzip else stream
        self.broken = ""
        self._raw, self._packed, self._size = raw, packed, 0
        self._is_packed = is_gzip or packed is not None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.broken:
            return 0
        try:
            data = self.plain.read1(min(len(buffer), _CHUNK))
        except (EOFError, BadGzipFile, zlib.error) as error:
            self.broken = f"broken gzip: {error}"
        except (BadZipFile, NotImplementedError) as error:
            self.broken = f"broken zip archive: {error}"
        except OSError as error:
            self.broken = f"cannot be read: {error.strerror or error}"
        else:
            self._size += len(data)
            self._check_size()
            if not self.broken:
                buffer[: len(data)] = data
                return len(data)
        return 0

    def _check_size(self) -> None:
        if self._is_packed and self._size > FREE:
            packed = self._raw.taken if self._packed is None else min(self._packed, self._raw.taken)
            if self._size > MAX_PLAIN:
                self.broken = f"unpacks to more than {MAX_PLAIN / 2**30:,.1f} GB"
            elif self._size > MAX_RATIO * packed:
                self.broken = f"unpacks to more than {MAX_RATIO} times its size, as no registry's file does"


def find_files(sources: Iterable[str], outside: Path | None = None) -> list[Path]:
    """All files that the sources name, each once, in order; folders are walked by name; hidden files are left out.

    :param outside: A folder whose files are no input: the store, where it lies inside a source.
    :raises SourceError: a source names nothing.
    """
    found: dict[Path, None] = {}
    store = outside.resolve() if outside else None
    for source in sources:
        try:
            found.update(
                (path, None)
                for path in _find_source(source)
                if store is None or str(path) == "-" or not path.resolve().is_relative_to(store)
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SourceError(f"cannot be opened: {reason}", where=_show_name(source[:80]), mend=_CHECK) from None
    return list(found)


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
    files: Iterable[Path], count: Callable[[int], None] = lambda _: None
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
            return Rejected(blob.name, "binary content", _GIVE)
        return Rejected(blob.name, f"not UTF-8 at byte {error.start:,}", _RECODE)


def open_file(path: Path, count: Callable[[int], None] = lambda _: None) -> Iterator[Blob | Rejected]:
    """The records of one file."""
    name = "stdin" if str(path) == "-" else _show_name(path.name)
    try:
        with ExitStack() as stack:
            raw = sys.stdin.buffer if str(path) == "-" else stack.enter_context(path.open("rb"))
            if str(path) != "-" and raw.seekable():
                head = raw.read(4)
                raw.seek(0)
                if head in (_ZIP, _EMPTY_ZIP):
                    yield from _open_zip(raw, name, count)
                    return
            yield from _open_stream(_Counted(raw, count), name)
    except OSError as error:
        yield Rejected(name, f"cannot be read: {error.strerror or error}", "Check the file's rights", is_cut=True)


def _open_stream(raw: _Counted, name: str, packed: int | None = None) -> Iterator[Blob | Rejected]:
    source = _Input(raw, packed)
    yield from _split_stream(io.BufferedReader(source, _CHUNK), source, name)
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
            yield Rejected(name, "a zip archive that holds no file", _GIVE)
        for member in members:
            yield from _open_member(archive, member, f"{name}:{_show_name(member.filename)}")
            count(member.compress_size)


def _open_member(archive: ZipFile, member: ZipInfo, name: str) -> Iterator[Blob | Rejected]:
    try:
        with archive.open(member) as stream:
            yield from _open_stream(_Counted(stream, lambda _: None), name, member.compress_size)
    except (BadZipFile, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        # zipfile says RuntimeError where a password is needed.
        yield Rejected(name, f"cannot be unpacked: {error}", "Pack it without a password, with deflate", is_cut=True)


def _is_hidden(name: str) -> bool:
    return name.startswith("__MACOSX/") or any(part.startswith(".") for part in name.split("/"))


def _show_name(name: str) -> str:
    """A file's name as it can be printed and stored: file systems allow any bytes, and line ends too."""
    readable = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in readable)


def _split_stream(stream: io.BufferedReader, source: _Input, name: str) -> Iterator[Blob | Rejected]:
    blank = _skip_blank(stream)
    head = stream.peek(512)
    signature = next((what for offset, sign, what in _SIGNATURES if head.startswith(sign, offset)), "")
    if signature:
        yield Rejected(name, f"{signature}, which is not read", _RECODE if "UTF" in signature else _GIVE)
    elif head[:1] in (b"{", b"[") and b"\0" in head[:4]:
        yield Rejected(name, "binary content", _GIVE)
    elif head[:1] in (b"{", b"["):
        yield from _split_json(stream, source, name, 1 + blank.count(b"\n"))
    else:
        yield from _take_page(blank, stream, source, name)


def _skip_blank(stream: io.BufferedReader) -> bytes:
    """Step over white space and a byte order mark, at most a page full; what was stepped over."""
    skipped = bytearray()
    while len(skipped) <= _PAGE_BYTES and (chunk := stream.peek(len(_BOM))):
        size = len(chunk) - len(chunk.lstrip(b" \t\r\n")) or len(_BOM) * chunk.startswith(_BOM)
        if not size:
            break
        skipped += stream.read(size)
    return bytes(skipped)


def _take_page(blank: bytes, stream: io.BufferedReader, source: _Input, name: str) -> Iterator[Blob | Rejected]:
    content = _read_rest(blank, stream, _PAGE_BYTES)
    if len(content) > _PAGE_BYTES:
        yield Rejected(name, f"a page of more than {MAX_PAGE:,} characters", "Split the file")
    elif not source.broken:
        yield Blob(name, content, is_json=False)


def _read_rest(head: bytes, stream: io.BufferedReader, limit: int) -> bytes:
    """``head`` and what follows it, up to one byte more than ``limit``."""
    parts, missing = [head], limit + 1 - len(head)
    while missing > 0 and (part := stream.read(min(missing, 1 << 20))):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _split_json(stream: io.BufferedReader, source: _Input, name: str, number: int) -> Iterator[Blob | Rejected]:
    """One value over several lines, or lines of one value each: the first two lines tell, for either may be broken."""
    first, second = stream.readline(MAX_LINE + 1), b""
    is_long = len(first) > MAX_LINE
    if not is_long and not _is_value(first) and (len(first) > 200 or not first.rstrip().endswith(_OPEN_ENDS)):
        second = stream.readline(MAX_LINE + 1)
    if (is_long and not _MANY.match(first)) or _is_value(first) or _is_value(second):
        yield from _split_lines(first, second, stream, source, name, number)
    else:
        yield from _split_value(_read_rest(first + second, stream, MAX_FILE), source, name, number)


def _is_value(line: bytes) -> bool:
    """Whether a line is an object or array of its own."""
    content = _strip(line)
    if len(line) > MAX_LINE or not content.startswith((b"{", b"[")):
        return False
    try:
        _decode(content, msgspec.Raw)
    except RecursionError:
        return True
    except msgspec.DecodeError:
        return False
    return True


def _decode(content: bytes, kind: Any) -> Any:
    """Decode JSON whose strings may hold half characters; they are mended when the record is read."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError:
        mended = mend_surrogates(content)
        if mended == content:
            raise
        return msgspec.json.decode(mended, type=kind)


def _strip(line: bytes) -> bytes:
    """A line without its end, and without the byte order mark that joined files carry inside."""
    return line.strip().removeprefix(_BOM)


def _split_lines(
    first: bytes, second: bytes, stream: io.BufferedReader, source: _Input, name: str, number: int
) -> Iterator[Blob | Rejected]:
    line, only = first, not second and not stream.peek(1)
    while line:
        where = name if only else f"{name}:{number}"
        is_cut = source.broken and not line.endswith(b"\n") and not _is_value(line)
        if len(line) > MAX_LINE:
            while line and not line.endswith(b"\n"):
                line = stream.readline(_CHUNK)
            yield Rejected(where, f"a line longer than {MAX_LINE // 2**20} MB", "Put one study on a line")
        elif not is_cut and (content := _strip(line)):
            yield from _open_members(content, where) or (Blob(where, content, is_json=True),)
        line, second, number = second or stream.readline(MAX_LINE + 1), b"", number + 1


def _open_members(content: bytes, where: str) -> list[Blob | Rejected]:
    """The studies of a list or of ``{"studies": […]}``; nothing where the value is neither, or holds no object."""
    if not content.startswith(b"[") and b'"studies"' not in content:
        return []
    try:
        members: list[msgspec.Raw] | None = (
            _decode(content, list[msgspec.Raw]) if content.startswith(b"[") else _decode(content, _Envelope).studies
        )
    except (msgspec.DecodeError, RecursionError):
        return []
    if members is None or (members and not any(bytes(member).startswith(b"{") for member in members)):
        return []
    if not members:
        return [Rejected(where, "a list without studies", "Ask the registry for fewer restrictions")]
    return [Blob(f"{where}:{number}", bytes(member), is_json=True) for number, member in enumerate(members, 1)]


def _split_value(content: bytes, source: _Input, name: str, number: int) -> Iterator[Blob | Rejected]:
    """One JSON value over several lines, or many studies in one value; what a broken one holds is saved."""
    if len(content) > MAX_FILE:
        yield Rejected(name, f"one JSON value of more than {MAX_FILE // 2**20} MB", "Save the studies as JSON lines")
        return
    content = content.strip()
    try:
        _decode(content, msgspec.Raw)
    except RecursionError:
        yield Rejected(name, "JSON nested too deeply", "A registry record is at most some 20 levels deep")
    except msgspec.DecodeError as error:
        saved = _save(content, name, number, str(error))
        yield from (one for one in saved if isinstance(one, Blob) or not source.broken)
    else:
        yield from _open_members(content, name) or (Blob(name, content, is_json=True),)


def _save(content: bytes, name: str, number: int, reason: str) -> list[Blob | Rejected]:
    """What a broken value holds: by line where that saves as many studies, since a line's number helps to mend it."""
    saved = list(_save_studies(content, name, reason))
    studies = sum(isinstance(one, Blob) for one in saved)
    lines = content.split(b"\n")
    if studies and sum(b"protocolSection" in line and _is_value(line) for line in lines) >= studies:
        return [
            Blob(f"{name}:{here}", _strip(line), is_json=True)
            for here, line in enumerate(lines, number)
            if _strip(line)
        ]
    if len(saved) == 1:
        return [msgspec.structs.replace(one, **{"name" if isinstance(one, Blob) else "file": name}) for one in saved]
    return saved


def _save_studies(content: bytes, name: str, reason: str) -> Iterator[Blob | Rejected]:
    """Whole studies in a value that is broken elsewhere, or one after the other without a list around them."""
    text = content.decode("utf-8", "surrogateescape")
    decode, end, number, broken, outside = json.JSONDecoder().raw_decode, 0, 0, 0, ""
    for found in _STUDY.finditer(text):
        if found.start() < end or broken > _MAX_BROKEN:
            continue
        number, outside = number + 1, outside + text[end : found.start()].strip()
        try:
            _, end = decode(text, found.start())
        except (ValueError, RecursionError) as error:
            broken, end = broken + 1, found.end()
            yield Rejected(f"{name}:{number}", f"not JSON: {error}", "Get the record again")
        else:
            study = text[found.start() : end].encode("utf-8", "surrogateescape")
            yield Blob(f"{name}:{number}", study, is_json=True)
    if not broken and (outside or text[end:].strip()):
        mend = f"The {number:,} whole studies in it were read" if number else "Get it again; a study is one object"
        yield Rejected(name, f"not JSON: {reason}", mend)
