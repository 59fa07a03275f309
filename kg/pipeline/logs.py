"""The work log: records that were read, appended as they come, so that a build that was killed goes on where it was.

Each entry is its length, its CRC-32 and a MessagePack `Reading`; a torn entry at the end is cut off. Entries are found
by the record's bytes and file name: a source may have changed since, so what fits is used and the rest is not.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from kg.pipeline.readings import Reading

_HEAD = struct.Struct("<II")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Reading).decode


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where an entry's MessagePack lies in the log."""

    start: int
    size: int


class WorkLog:
    """The log of one store, open for one writer.

    :param maker: What code, sources and restrictions make the entries; entries of another maker are dropped.
    """

    def __init__(self, path: Path, maker: str) -> None:
        self.path = path
        self.entries: dict[tuple[str, str], tuple[Reading, Place]] = {}
        start = f"kg work log 1 {maker}\n".encode()
        self._stream = path.open("a+b")
        self._stream.seek(0)
        if self._stream.read(len(start)) != start:
            self._stream.truncate(0)
            self._stream.write(start)
        self._end = len(start)
        for reading, place in self._scan():
            self.entries[reading.content, reading.file] = strip_reading(reading), place
        self._stream.truncate(self._end)
        self._stream.flush()

    def _scan(self) -> Iterator[tuple[Reading, Place]]:
        size = os.fstat(self._stream.fileno()).st_size
        self._stream.seek(self._end)
        while len(head := self._stream.read(_HEAD.size)) == _HEAD.size:
            length, crc = _HEAD.unpack(head)
            if length > size - self._end or zlib.crc32(body := self._stream.read(length)) != crc:
                return
            yield _decode(body), Place(self._end + _HEAD.size, length)
            self._end += _HEAD.size + length

    def append(self, reading: Reading) -> Place:
        """Add an entry."""
        body = _encode(reading)
        self._stream.write(_HEAD.pack(len(body), zlib.crc32(body)) + body)
        place = Place(self._end + _HEAD.size, len(body))
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
    """An entry of a log, by an open file descriptor."""
    return _decode(os.pread(descriptor, place.size, place.start))
