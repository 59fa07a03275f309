"""Connections that no client holds for longer than it uses them.

uvicorn has no deadline for a request that does not come to its end nor for an answer that nobody reads, so a sweep
over all connections sees to both.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Collection
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from kg.web.heads import HeadError, Reader
from kg.web.replies import SECURITY

RECEIVE = 10.0
"""Seconds for a request, its body included, from its first byte or from the connection's start."""
STALL = 30.0
"""Seconds in which a client takes no byte of its answer."""
MOST = 1_000
"""Connections at once."""


class Connection(H11Protocol):
    """One client's connection.

    :ivar waits_since: Since when (the loop's time) a request is awaited; None while none is.
    """

    waits_since: float | None = None
    _unsent, _took = 0, 0.0

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.conn = Reader()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.waits_since = self._took = self.loop.time()
        if len(self.connections) > MOST and not self._evict():
            self._turn_away(503, "the server is busy. Try again in a moment", retry=2)

    def handle_events(self) -> None:
        super().handle_events()
        if not self.is_listening or self.timeout_keep_alive_task is not None:
            self.waits_since = None
        elif self.waits_since is None:
            self.waits_since = self.loop.time()

    @property
    def is_listening(self) -> bool:
        """Whether the client has the next word: its request is not whole."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    @property
    def unsent(self) -> int:
        """Bytes of answers that the client has not taken."""
        return self.transport.get_write_buffer_size()

    def _evict(self) -> bool:
        """End the oldest connection without a request, of the address that has most of them; False where none is."""
        idle = [one for one in list_connections(self.connections) if one.is_listening and not one.unsent]
        held = Counter(one.address for one in idle if one is not self)
        if not held:
            return False
        address = held.most_common(1)[0][0]
        oldest = min(
            (one for one in idle if one.address == address and one is not self),
            key=lambda one: one.waits_since if one.waits_since is not None else one._took,
        )
        oldest.transport.abort()
        self.connections.discard(oldest)
        return True

    @property
    def address(self) -> str:
        """Where the client is."""
        return self.client[0] if self.client else ""

    def check(self, now: float) -> None:
        """End the connection when its client has used up its time."""
        unsent = self.unsent
        if not unsent or unsent < self._unsent:
            self._took = now
        self._unsent = unsent
        if now - self._took > STALL:
            self.transport.abort()
        elif self.waits_since is not None and now - self.waits_since > RECEIVE:
            self._turn_away(408, f"the request was not whole after {RECEIVE:g} s")

    def send_400_response(self, msg: str) -> None:
        error = sys.exception()
        if isinstance(error, HeadError):
            self._turn_away(error.error_status_hint, str(error))
        else:
            self._turn_away(400, "the request is no HTTP")

    def _should_upgrade(self) -> bool:
        return False  # uvicorn would write a line into the log for each request that wants to

    def _turn_away(self, status: int, text: str, *, retry: int = 0) -> None:
        """Close, with a word where none is under way."""
        self.waits_since = None
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.transport.is_closing():
            headers = {**SECURITY, "Content-Type": "text/plain; charset=utf-8", "Connection": "close"}
            if retry:
                headers["Retry-After"] = str(retry)
            head = h11.Response(status_code=status, headers=list(headers.items()), reason=STATUS_PHRASES[status])
            for event in (head, h11.Data(data=f"{text}\n".encode()), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event))
        self.transport.close()


def list_connections(held: Collection[Any]) -> list[Connection]:
    """Those of our kind; a change of protocol would be another."""
    return [one for one in held if isinstance(one, Connection)]
