"""The plain bytes of a source: counted, unpacked, and broken off where they break or never end."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from gzip import BadGzipFile, GzipFile
from typing import IO, Any
from zipfile import BadZipFile

MAX_PLAIN = 2**36
"""Most bytes that one file or member of an archive may unpack to."""
MAX_RATIO = 250
"""Most bytes that a byte of it may unpack to, beyond the first `FREE`; registry records take some ten."""
FREE = 2**26
CHUNK = 1 << 16
_GZIP = b"\x1f\x8b"


class Counted(io.RawIOBase):
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


class Input(io.RawIOBase):
    """The plain bytes of a file, gzip or not, up to where they break; ``broken`` then says why.

    :param packed: Bytes of the member of an archive, as it lies there; None for a file of its own.
    """

    def __init__(self, raw: Counted, packed: int | None = None) -> None:
        stream = io.BufferedReader(raw, CHUNK)
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
            data = self.plain.read1(min(len(buffer), CHUNK))
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
