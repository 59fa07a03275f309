"""How large the head of a request may be, and in how many parts its body may come.

They are read in the process that everybody waits for. So their size is bounded before they are taken apart: h11 bounds
the bytes of a head, which a query in the address needs, and neither its lines nor the chunks of a body.
"""

from __future__ import annotations

import h11
from h11._receivebuffer import ReceiveBuffer

MOST_HEAD = 512 << 10
"""Bytes of a head: a query in the address may have every byte written as %XX."""
MOST_LINES = 200
"""Lines of a head."""
MOST_HEADERS = 32 << 10
"""Bytes of a head without its first line."""
MOST_PATH = 8 << 10
"""Bytes of an address before its question mark."""
MOST_PARTS = 2_000
"""Pieces in which a body is read: chunks, or what the network brings at once."""


class HeadError(h11.RemoteProtocolError):
    """The request is larger than it may be. ``error_status_hint`` is the status that says so."""


class _Buffer(ReceiveBuffer):
    """Bytes that were received."""

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """The lines of a whole head, or of what follows the last chunk; None while they are not whole.

        :raises HeadError: there are too many, or they are too long.
        """
        lines: list[bytearray] | None = super().maybe_extract_lines()
        if lines:
            if len(lines) > MOST_LINES or sum(map(len, lines[1:])) > MOST_HEADERS:
                raise HeadError("the headers are too large", error_status_hint=431)
            if len(lines[0].partition(b"?")[0]) > MOST_PATH:
                raise HeadError("the address is too long", error_status_hint=414)
        return lines


class Reader(h11.Connection):
    """The server's side of a connection."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MOST_HEAD)
        self._receive_buffer = _Buffer()
        self._parts = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """What comes next.

        :raises RemoteProtocolError: it is no HTTP.
        :raises HeadError: it is too large.
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._parts = 0
        elif isinstance(event, h11.Data):
            self._parts += 1
            if self._parts > MOST_PARTS:
                raise HeadError("the body comes in too many pieces", error_status_hint=413)
        return event
