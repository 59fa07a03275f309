"""The plain bytes of a source: counted, unpacked, and broken off where they break or never end."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from gzip import BadGzipFile, GzipFile
from typing import IO, Any
from zipfile import BadZipFile

try:
    from lzma import LZMAError

    _LZMA: tuple[type[Exception], ...] = (LZMAError,)
except ImportError:  # a Python that was built without it, whose zipfile knows no such member either
    _LZMA = ()

MAX_PLAIN = 2**36
"""Most bytes that one file or member of an archive may unpack to."""
MAX_RATIO = 250
"""Most bytes that a byte of it may unpack to, beyond the first `FREE`; registry records take some ten."""
FREE = 2**24
CHUNK = 1 << 16
BREAKS: tuple[type[Exception], ...] = (
    EOFError,
    BadGzipFile,
    BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    zlib.error,
    *_LZMA,
)
"""What Python raises where packed bytes are damaged, or packed in a way that it does not know."""
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
        self.broken = ""
        self._raw, self._packed, self._size = raw, packed, 0
        is_gzip = self._try(lambda: stream.peek(2)[:2]) == _GZIP
        self.plain = GzipFile(fileobj=stream) if is_gzip else stream
        self._is_packed = is_gzip or packed is not None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = b"" if self.broken else self._try(lambda: self.plain.read1(min(len(buffer), CHUNK)))
        self._size += len(data)
        self._check_size()
        if self.broken:
            return 0
        buffer[: len(data)] = data
        return len(data)

    def _try(self, read: Callable[[], bytes]) -> bytes:
        """What is read; nothing, and why, where it cannot be."""
        try:
            return read()
        except BREAKS as error:
            self.broken = f"broken {'gzip' if self._packed is None else 'zip archive'}: {error}"
        except OSError as error:
            self.broken = f"cannot be read: {error.strerror or error}"
        return b""

    def _check_size(self) -> None:
        if self._is_packed and self._size > FREE:
            packed = self._raw.taken if self._packed is None else min(self._packed, self._raw.taken)
            if self._size > MAX_PLAIN:
                self.broken = f"unpacks to more than {MAX_PLAIN / 2**30:,.1f} GB"
            elif self._size > MAX_RATIO * packed:
                self.broken = f"unpacks to more than {MAX_RATIO} times its size, as no registry's file does"
