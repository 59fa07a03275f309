"""The members of a JSON list, as the bytes they are, one at a time: a list of millions takes no more memory than its
text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from kg.model import Rejected
from kg.sources import mend_surrogates

MOST_COMMAS = 500_000
"""Commas up to which a list is taken apart in one go, for each may end a member that takes some 64 bytes more."""
WINDOW = 1 << 20
"""Bytes of a longer list that are looked at at once."""
_AFTER = frozenset(", \t\r\n]")
_BETWEEN = re.compile(r"[ \t\r\n,]*")


class Blob(msgspec.Struct, frozen=True):
    """The bytes of one record, still to be read; ``is_json`` is what their beginning says."""

    name: str
    content: bytes
    is_json: bool


class _Envelope(msgspec.Struct):
    """Enough of ``{"studies": […]}`` to hand the studies on as the bytes they were."""

    studies: msgspec.Raw = msgspec.Raw(b"")


def decode_json(content: bytes, kind: Any) -> Any:
    """Decode JSON whose strings may hold half characters; they are mended when the record is read.

    :raises msgspec.DecodeError: it is none, or of another kind.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError:
        mended = mend_surrogates(content)
        if mended == content:
            raise
        return msgspec.json.decode(mended, type=kind)


def open_members(content: bytes, where: str) -> Iterator[Blob | Rejected] | None:
    """The studies of a list or of ``{"studies": […]}``; None where the value is neither, or holds no object."""
    if not content.startswith(b"[") and b'"studies"' not in content:
        return None
    try:
        listed = content if content.startswith(b"[") else bytes(decode_json(content, _Envelope).studies)
        list_members = _find_way(listed)
    except (msgspec.DecodeError, RecursionError):
        return None
    is_empty = next(list_members(), None) is None
    if is_empty and listed:
        return iter((Rejected(where, "a list without studies", "Ask the registry for fewer restrictions"),))
    if not any(member.startswith(b"{") for member in list_members()):
        return None
    return (Blob(f"{where}:{number}", member, is_json=True) for number, member in enumerate(list_members(), 1))


def _find_way(listed: bytes) -> Callable[[], Iterator[bytes]]:
    """How to list the members.

    :raises msgspec.DecodeError: it is no list.
    """
    if not listed:
        return lambda: iter(())
    if listed.count(b",") <= MOST_COMMAS:
        members = decode_json(listed, list[msgspec.Raw])
        return lambda: map(bytes, members)
    decode_json(listed, msgspec.Raw)
    if not listed.startswith(b"["):
        raise msgspec.DecodeError("no list")
    return lambda: walk_members(listed)


def walk_members(listed: bytes) -> Iterator[bytes]:
    """The members of a list, which is known to be JSON, a window at a time.

    >>> list(walk_members(b'[{"a": 1}, 22 ]'))
    [b'{"a": 1}', b'22']
    """
    start, size = 1, WINDOW
    while start < len(listed):
        text = listed[start : start + size].decode("utf-8", "surrogateescape")
        taken = 0
        for begin, end in _find_members(text):
            yield text[begin:end].encode("utf-8", "surrogateescape")
            taken = end
        if taken:
            start, size = start + len(text[:taken].encode("utf-8", "surrogateescape")), WINDOW
        elif start + size >= len(listed):
            if rest := listed[start:].strip(b" \t\r\n,]"):  # nested deeper than Python reads: told as no JSON
                yield rest
            return
        else:
            size *= 2


def _find_members(text: str) -> Iterator[tuple[int, int]]:
    """Where the members of a part of a list begin and end; one that its end cuts is left."""
    decode, end = json.JSONDecoder().raw_decode, 0
    while True:
        begin = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]  # it fits nothing at all, too
        try:
            _, end = decode(text, begin)
        except (ValueError, RecursionError):
            return
        if text[end : end + 1] not in _AFTER:  # the window cuts a number
            return
        yield begin, end
