"""The work log: records that were read, appended as they come, so that a build that was killed goes on where it was.

Each entry is its length, a CRC-32 and a MessagePack `Reading`. The CRC is over the entry's place and length too, so
that an entry proves itself: none is empty, and neither zeros nor a piece of the log at another place are one. Where
there is no entry the log ends: the rest is cut off, and read again. Entries are found by the record's bytes and file
name: a source may have changed since, so what fits is used and the rest is not.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from kg.errors import DamageError
from kg.pipeline.readings import Reading

_HEAD = struct.Struct("<II")
_PROVED = struct.Struct("<QI")
"""What the CRC is over besides the body: where that starts, and its length."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Reading).decode


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where an entry's MessagePack lies in the log."""

    start: int
    size: int


class WorkLog:
    """The log of one store, open for one writer.

    :param maker: What code, sources and restrictions make the entries; entries of another maker are dropped.
    :ivar fault: What was found amiss with the log and what was done about it; empty where nothing was.
    """

    def __init__(self, path: Path, maker: str) -> None:
        self.path, self.fault = path, ""
        self.entries: dict[tuple[str, str], tuple[Reading, Place]] = {}
        start = f"kg work log 2 {maker}\n".encode()
        self._stream = path.open("a+b")
        self._stream.seek(0)
        if (found := self._stream.read(len(start))) != start:
            self.fault = f"{path.name} is of another build, or damaged from its start: it was dropped" if found else ""
            self._stream.truncate(0)
            self._stream.write(start)
        self._end = len(start)
        for reading, place in self._scan():
            self.entries[reading.content, reading.file] = strip_reading(reading), place
        self._stream.flush()
        if lost := os.fstat(self._stream.fileno()).st_size - self._end:
            self.fault = f"{path.name} was damaged: its last {lost:,} bytes went, and what they held was read again"
            self._stream.truncate(self._end)
        self._stream.flush()

    def _scan(self) -> Iterator[tuple[Reading, Place]]:
        size = os.fstat(self._stream.fileno()).st_size
        self._stream.seek(self._end)
        while len(head := self._stream.read(_HEAD.size)) == _HEAD.size:
            length, crc = _HEAD.unpack(head)
            place = Place(self._end + _HEAD.size, length)
            if not 0 < length <= size - self._end or _prove(place, body := self._stream.read(length)) != crc:
                return
            try:
                reading = _decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return
            yield reading, place
            self._end += _HEAD.size + length

    def append(self, reading: Reading) -> Place:
        """Add an entry."""
        body = _encode(reading)
        place = Place(self._end + _HEAD.size, len(body))
        self._stream.write(_HEAD.pack(len(body), _prove(place, body)) + body)
        self._end += _HEAD.size + len(body)
        self.entries[reading.content, reading.file] = strip_reading(reading), place
        return place

    def flush(self) -> None:
        """Hand everything to the operating system: from here on kill -9 loses none of it."""
        self._stream.flush()

    def close(self) -> None:
        self._stream.close()


def strip_reading(reading: Reading) -> Reading:
    """A reading without its text and lines, light enough to hold for every record."""
    return msgspec.structs.replace(reading, text=b"", lines=b"")


def read_entry(descriptor: int, place: Place) -> Reading:
    """An entry of a log, by an open file descriptor.

    :raises DamageError: it is not what was written.
    """
    entry = os.pread(descriptor, _HEAD.size + place.size, place.start - _HEAD.size)
    body = entry[_HEAD.size :]
    if entry[: _HEAD.size] != _HEAD.pack(place.size, _prove(place, body)):
        mend = "Say the same command again: what was lost is read again"
        raise DamageError("an entry of the work log is damaged", where="unfinished.log", mend=mend)
    return _decode(body)


def _prove(place: Place, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(_PROVED.pack(place.start, place.size)))
