"""A budget for answers that clients have not taken, so that many who do not read cannot fill the memory."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SMALL = 64 << 10
"""Bytes of an answer that is sent in any case; the cap on connections bounds their sum."""


class Budget:
    """Refuses an answer (503) that does not fit beside those under way.

    :param most: Bytes under way at once.
    :param count_unsent: Bytes that wait in the buffers of connections.
    """

    def __init__(self, app: ASGIApp, most: int, count_unsent: Callable[[], int]) -> None:
        self.app, self.most, self.count_unsent = app, most, count_unsent
        self._held = 0
        """Bytes of bodies that are being handed over to connections, which take them when they have sent what is
        before."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_refused = False

        async def send_within(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start" and self._is_too_much(message):
                is_refused = True
                refusal = PlainTextResponse(
                    "the server is busy sending answers. Try again in a moment\n",
                    503,
                    {"Retry-After": "5", "Cache-Control": "no-store"},
                )
                await refusal(scope, receive, send)
            if is_refused:
                return
            size = len(message.get("body", b""))
            self._held += size
            try:
                await send(message)
            finally:
                self._held -= size

        await self.app(scope, receive, send_within)

    def _is_too_much(self, start: Message) -> bool:
        size = int(Headers(raw=start["headers"]).get("content-length", "0"))
        return size > _SMALL and self._held + self.count_unsent() + size > self.most
