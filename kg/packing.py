"""How texts and shards are packed: with zstd, which packs them smaller and in a third of zlib's time."""

from __future__ import annotations

from pathlib import Path
from threading import local
from typing import IO, TextIO

import zstandard

SHARD = ".nq.zst"
"""How the name of a shard ends: unpacked it is N-Quads."""
LEVEL = 3
PackError = zstandard.ZstdError
"""What is raised where bytes are not what was packed."""


class _Kept(local):
    """A packer of each thread: making one takes a third of the time that it then needs for a record."""

    def __init__(self) -> None:
        self.packer = zstandard.ZstdCompressor(level=LEVEL)


_kept = _Kept()


def pack(data: bytes) -> bytes:
    """Some bytes, packed."""
    return _kept.packer.compress(data)


def unpack(packed: bytes) -> bytes:
    """What `pack` was given."""
    return zstandard.decompress(packed)


class Packer:
    """Packs a stream; the same pieces give the same bytes."""

    def __init__(self) -> None:
        self._packer = zstandard.ZstdCompressor(level=LEVEL).compressobj()

    def take(self, piece: bytes) -> bytes:
        """Packed bytes that are ready after a piece."""
        return self._packer.compress(piece)

    def end(self) -> bytes:
        """The rest of them."""
        return self._packer.flush()


def open_packed(path: Path) -> IO[bytes]:
    """A packed file, to read what was packed."""
    stream: IO[bytes] = zstandard.open(path, "rb")
    return stream


def read_packed(path: Path) -> bytes:
    """What was packed into a file."""
    with open_packed(path) as stream:
        return stream.read()


def list_shards(folder: Path) -> list[Path]:
    """The shards of a snapshot's folder, in order of their numbers."""
    return sorted((folder / "quads").glob(f"*{SHARD}"))


def open_shard(path: Path, mode: str = "rt") -> TextIO:
    """The N-Quads lines of a shard; mode ``wt`` writes one."""
    stream: TextIO = zstandard.open(path, mode, encoding="utf-8", newline="\n")
    return stream
