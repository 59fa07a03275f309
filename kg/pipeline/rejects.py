"""The list of what a build set aside."""

from __future__ import annotations

from collections.abc import Iterable

from kg.model import Rejected

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def order_rejects(rejected: Iterable[Rejected]) -> list[Rejected]:
    """By file and reason: the order of the sources does not matter."""
    return sorted(rejected, key=lambda one: (one.file, one.reason))


def write_rejects(rejected: Iterable[Rejected]) -> bytes:
    """A table of what was set aside: tab-separated, with a head; tabs, line ends and backslashes are escaped by one."""
    rows = [("file", "reason", "mend"), *((one.file, one.reason, one.mend) for one in rejected)]
    return "".join("\t".join(value.translate(_ESCAPES) for value in row) + "\n" for row in rows).encode()
