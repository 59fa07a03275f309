"""The records in a stream: one page, one JSON value, a value of many studies, or a value on each line.

Nothing is held whole but a page, a line, or one JSON value of many studies, each up to its limit.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from itertools import chain

import msgspec

from kg.model import Rejected
from kg.sources import MAX_PAGE
from kg.sources.members import Blob, decode_json, open_members
from kg.sources.streams import CHUNK, Input

MAX_LINE = 32 * 2**20
"""Longest line of a JSON lines file, in bytes."""
MAX_FILE = 2**28
"""Longest JSON value that holds many studies, in bytes; 1,000 studies with results are some 100 MB."""
ZIP = b"PK\x03\x04"
GIVE = "Give a page as text or a study as JSON, in UTF-8"
RECODE = "Convert the file to UTF-8, for example with iconv"
_BOM = b"\xef\xbb\xbf"
_PAGE_BYTES = 4 * MAX_PAGE
_SIGNATURES = (
    (0, b"\xff\xfe", "UTF-16 text", True),
    (0, b"\xfe\xff", "UTF-16 text", True),
    (0, ZIP, "a zip archive on standard input or inside another file", True),
    (0, b"\x1f\x8b", "gzip (binary) data inside gzip", True),
    (4, b"1AY&SY", "bzip2 data", True),
    (0, b"\xfd7zXZ", "xz data", True),
    (0, b"\x28\xb5\x2f\xfd", "zstd data", True),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", True),
    (0, b"Rar!\x1a\x07", "a rar archive", True),
    (0, b"%PDF-", "a PDF", False),
    (257, b"ustar", "a tar archive", True),
)
"""Content that is told apart from a damaged page, by its first bytes: offset, bytes, what it is, and whether it may
hold many records, of which nobody knows how many are missing."""
_MANY = re.compile(rb'\[\s*\{|\{(?:\s*"\w{1,40}"\s*:\s*(?:"[^"\\]{0,200}"|[\w.-]{1,40})\s*,){0,9}\s*"studies"\s*:\s*\[')
"""How a value that holds many studies begins."""
_MAX_BROKEN = 100
_OPEN_ENDS = (b"{", b"[", b",", b":")
_STUDY = re.compile(r'\{\s*"(?:protocolSection|study)"\s*:')


def split_stream(stream: io.BufferedReader, source: Input, name: str) -> Iterator[Blob | Rejected]:
    """The records of a stream; their kind is told from its beginning."""
    blank = _skip_blank(stream)
    head = stream.peek(512)
    signed = next((one for one in _SIGNATURES if head.startswith(one[1], one[0])), None)
    if signed:
        _, _, what, holds_many = signed
        mend = RECODE if "UTF" in what else "Unpack it first" if holds_many else GIVE
        yield Rejected(name, f"{what}, which is not read", mend, is_cut=holds_many)
    elif head[:1] in (b"{", b"[") and b"\0" in head[:4]:
        yield Rejected(name, "binary content", GIVE)
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


def _take_page(blank: bytes, stream: io.BufferedReader, source: Input, name: str) -> Iterator[Blob | Rejected]:
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


def _split_json(stream: io.BufferedReader, source: Input, name: str, number: int) -> Iterator[Blob | Rejected]:
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
        decode_json(content, msgspec.Raw)
    except RecursionError:
        return True
    except msgspec.DecodeError:
        return False
    return True


def _strip(line: bytes) -> bytes:
    """A line without its end, and without the byte order mark that joined files carry inside."""
    return line.strip().removeprefix(_BOM)


def _split_lines(
    first: bytes, second: bytes, stream: io.BufferedReader, source: Input, name: str, number: int
) -> Iterator[Blob | Rejected]:
    line, only = first, not second and not stream.peek(1)
    while line:
        where = name if only else f"{name}:{number}"
        is_cut = source.broken and not line.endswith(b"\n") and not _is_value(line)
        if len(line) > MAX_LINE:
            is_many = _holds_many(line)
            while line and not line.endswith(b"\n"):
                line = stream.readline(CHUNK)
            reason = f"a line longer than {MAX_LINE // 2**20} MB"
            yield Rejected(where, reason, "Put one study on a line", is_cut=is_many)
        elif not is_cut and (content := _strip(line)):
            yield from _take_line(content, source, where)
        line, second, number = second or stream.readline(MAX_LINE + 1), b"", number + 1


def _take_line(content: bytes, source: Input, where: str) -> Iterator[Blob | Rejected]:
    """What a line holds; a list on it that cannot be taken apart is treated as one over several lines."""
    members = open_members(content, where)
    if members is None and _holds_many(content):
        return _split_value(content, source, where, 1)
    return members or iter((Blob(where, content, is_json=True),))


def _split_value(content: bytes, source: Input, name: str, number: int) -> Iterator[Blob | Rejected]:
    """One JSON value over several lines, or many studies in one value; what a broken one holds is saved."""
    if len(content) > MAX_FILE:
        reason = f"one JSON value of more than {MAX_FILE // 2**20} MB"
        yield Rejected(name, reason, "Save the studies as JSON lines", is_cut=_holds_many(content))
        return
    content = content.strip()
    try:
        decode_json(content, msgspec.Raw)
    except RecursionError:
        mend = "A registry record is at most some 20 levels deep"
        yield Rejected(name, "JSON nested too deeply", mend, is_cut=_holds_many(content))
    except msgspec.DecodeError as error:
        saved = _save(content, name, number, str(error))
        if _holds_many(content) and _breaks_off(content, str(error)):
            saved = _tell_break(saved, name)
        yield from (one for one in saved if isinstance(one, Blob) or not source.broken)
    else:
        yield from open_members(content, name) or (Blob(name, content, is_json=True),)


def _holds_many(content: bytes) -> bool:
    """Whether a value is one of many studies, by how it begins."""
    return _MANY.match(content.lstrip()) is not None


def _breaks_off(content: bytes, reason: str) -> bool:
    """Whether a value that is no JSON ends before its last bracket does, as a file does that was not got whole."""
    return "truncated" in reason or not content.endswith((b"]", b"}"))


def _tell_break(saved: Iterator[Blob | Rejected], name: str) -> Iterator[Blob | Rejected]:
    """What a list that breaks off holds; what is told of it says too that nobody knows how many studies are missing."""
    is_told = False
    for one in saved:
        is_told |= isinstance(one, Rejected)
        yield msgspec.structs.replace(one, is_cut=True) if isinstance(one, Rejected) else one
    if not is_told:
        mend = "Get the file again; the whole studies before the break were read"
        yield Rejected(name, "the list of studies breaks off", mend, is_cut=True)


def _save(content: bytes, name: str, number: int, reason: str) -> Iterator[Blob | Rejected]:
    """What a broken value holds: by line where that saves as many studies, since a line's number helps to mend it."""
    studies = sum(isinstance(one, Blob) for one in _save_studies(content, name, reason))
    on_lines = sum(b"protocolSection" in line and _is_value(line) for line in io.BytesIO(content)) if studies else 0
    if studies and on_lines >= studies:
        return _take_lines(content, name, number)
    saved = _save_studies(content, name, reason)
    first, second = next(saved, None), next(saved, None)
    if first and not second:
        return iter((msgspec.structs.replace(first, **{"name" if isinstance(first, Blob) else "file": name}),))
    return chain((one for one in (first, second) if one), saved)


def _take_lines(content: bytes, name: str, number: int) -> Iterator[Blob]:
    for here, line in enumerate(io.BytesIO(content), number):
        if _strip(line):
            yield Blob(f"{name}:{here}", _strip(line), is_json=True)


def _save_studies(content: bytes, name: str, reason: str) -> Iterator[Blob | Rejected]:
    """Whole studies in a value that is broken elsewhere, or one after the other without a list around them."""
    text = content.decode("utf-8", "surrogateescape")
    decode, end, number, broken, is_more = json.JSONDecoder().raw_decode, 0, 0, 0, False
    for found in _STUDY.finditer(text):
        if found.start() < end or broken > _MAX_BROKEN:
            continue
        number, is_more = number + 1, is_more or bool(text[end : found.start()].strip())
        try:
            _, end = decode(text, found.start())
        except (ValueError, RecursionError) as error:
            broken, end = broken + 1, found.end()
            yield Rejected(f"{name}:{number}", f"not JSON: {error}", "Get the record again")
        else:
            study = text[found.start() : end].encode("utf-8", "surrogateescape")
            yield Blob(f"{name}:{number}", study, is_json=True)
    if not broken and (is_more or text[end:].strip()):
        mend = f"The {number:,} whole studies in it were read" if number else "Get it again; a study is one object"
        yield Rejected(name, f"not JSON: {reason}", mend)
