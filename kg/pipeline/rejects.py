"""The list of what a build set aside. However much that is, the list stays short: of each source and reason the first
are shown, and the others counted."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from kg.model import Rejected

LISTED = 100
"""Rejects of one source and reason that are listed."""
MOST_LISTED = 10_000
"""Rejects that are listed in all; of sources that come later they are only counted."""
MOST_WORDS = 500
"""Characters of a reason; of a name it is fewer."""
_MOST_NAME = 300
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NUMBER = re.compile(r"(?<!\w)\d[\d,]*")


class _Group(msgspec.Struct):
    """Rejects of one source and reason: how many, and the first of them."""

    mend: str
    count: int = 0
    first: list[Rejected] = []


class Rejects:
    """What was set aside.

    :ivar count: How many.
    :ivar is_cut: Whether anything is missing of which nobody knows how much.
    """

    def __init__(self, rejected: Iterable[Rejected] = ()) -> None:
        self.count, self.is_cut = 0, False
        self._groups: dict[tuple[str, str], _Group] = {}
        self._room = MOST_LISTED
        for one in rejected:
            self.add(one)

    def add(self, one: Rejected) -> None:
        """Count one, and list it where it is among the first."""
        self.count += 1
        self.is_cut |= one.is_cut
        source, reason = one.file.partition(":")[0], name_reason(one.reason)
        group = self._groups.get((source, reason))
        if group is None:
            group = self._groups.setdefault((source if self._room else "", reason), _Group(one.mend))
        group.count += 1
        if self._room:
            self._room -= 1
            group.first.append(_shorten(one))
            if len(group.first) > 2 * LISTED:
                self._room += len(group.first) - LISTED
                group.first = order_rejects(group.first)[:LISTED]

    def list_rows(self) -> tuple[Rejected, ...]:
        """The first of each source and reason, in order, then how many there are more."""
        for group in self._groups.values():
            group.first = order_rejects(group.first)[:LISTED]
        listed = (one for group in self._groups.values() for one in group.first)
        more = (
            Rejected(source or "other files", f"{group.count - len(group.first):,} more: {reason}", group.mend)
            for (source, reason), group in self._groups.items()
            if group.count > len(group.first)
        )
        return (*order_rejects(listed), *order_rejects(more))


def name_reason(reason: str) -> str:
    """What reasons of one kind have in common: their beginning, without numbers.

    >>> name_reason("not JSON: unexpected character (byte 57)"), name_reason("not UTF-8 at byte 1,205")
    ('not JSON', 'not UTF-# at byte #')
    """
    return _NUMBER.sub("#", reason.partition(":")[0])[:80]


def _shorten(one: Rejected) -> Rejected:
    """A reject whose words do not go on for ever: both may hold what a file says."""
    file, reason = cut_middle(one.file, _MOST_NAME), cut_middle(one.reason, MOST_WORDS)
    return one if (file, reason) == (one.file, one.reason) else msgspec.structs.replace(one, file=file, reason=reason)


def cut_middle(text: str, limit: int) -> str:
    """A text without the middle of what is beyond a limit.

    >>> cut_middle("abcdefghij", 5)
    'ab…ij'
    """
    return text if len(text) <= limit else f"{text[: limit // 2]}…{text[-(limit // 2) :]}"


def _order(one: Rejected) -> tuple[tuple[tuple[int, str], ...], str]:
    """By file, numbers in it as numbers, then by reason."""
    parts = re.split(r"(\d{1,18})", one.file)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), one.reason


def order_rejects(rejected: Iterable[Rejected]) -> list[Rejected]:
    """By file and reason: the order of the sources does not matter."""
    return sorted(rejected, key=_order)


def write_rejects(rejected: Iterable[Rejected]) -> bytes:
    """A table of what was set aside: tab-separated, with a head; tabs, line ends and backslashes are escaped by one."""
    rows = [("file", "reason", "mend"), *((one.file, one.reason, one.mend) for one in rejected)]
    return "".join("\t".join(value.translate(_ESCAPES) for value in row) + "\n" for row in rows).encode()
