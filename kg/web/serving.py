"""Listen: the port is taken first, the workers are warmed, and only then does the port answer."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn

from kg.errors import UsageError
from kg.web.app import make_app
from kg.web.connections import Connection, list_connections
from kg.web.editions import Editions
from kg.web.service import Settings
from kg.web.streams import log_apart

_BACKLOG = 1_000
_log = logging.getLogger(__name__)
_FAULTS = {
    errno.EADDRINUSE: ("another program listens there", "Stop it, or choose another --port"),
    errno.EACCES: ("this user may not listen there", "Choose a --port above 1023"),
    errno.EADDRNOTAVAIL: ("this machine has no such address", "Choose another --host; 0.0.0.0 is all of its own"),
}


def open_socket(host: str, port: int) -> socket.socket:
    """A bound socket that does not answer yet.

    :param port: 0 for any that is free.
    :raises UsageError: the address is taken, forbidden, or none of this machine's.
    """
    where = f"{_show_host(host)}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"no address ({error.strerror})", where=where, mend="Choose another --host") from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        what, mend = _FAULTS.get(error.errno or 0, (f"cannot listen ({error.strerror})", "Choose another --port"))
        raise UsageError(what, where=where, mend=mend) from None
    return listener


def _show_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _Server(uvicorn.Server):
    """Says where it is once it answers."""

    def __init__(self, config: uvicorn.Config, editions: Editions, announce: Callable[[str], None]) -> None:
        super().__init__(config)
        self.editions, self.announce = editions, announce
        self.has_terminal = self.is_asked_to_look = False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the server, as uvicorn does it; SIGHUP does so only where the terminal is gone."""
        with super().capture_signals():
            if threading.current_thread() is not threading.main_thread() or _is_ignored(signal.SIGHUP):
                yield
                return
            self.has_terminal = _has_terminal()
            before = signal.signal(signal.SIGHUP, self._take_hangup)
            try:
                yield
            finally:
                signal.signal(signal.SIGHUP, before)

    def _take_hangup(self, _: int, __: FrameType | None) -> None:
        if self.has_terminal and not _has_terminal():
            self.should_exit = True
        else:
            self.is_asked_to_look = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.editions.start()  # here, since uvicorn makes a stack trace of what fails in the application
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            self._tell(f"http://{_show_host(host)}:{port}/")

    def _tell(self, address: str) -> None:
        with suppress(OSError):  # nobody listens; the server is for its clients
            self.announce(address)
        pool = self.editions.current.queries
        for lack in pool.lacks:
            _log.warning("workers run with %s", lack)

    async def on_tick(self, counter: int) -> bool:
        if self.is_asked_to_look:
            self.is_asked_to_look = False
            self.editions.look()
        now = asyncio.get_running_loop().time()
        for connection in list_connections(self.server_state.connections):
            connection.check(now)
        return await super().on_tick(counter)


def _is_ignored(number: signal.Signals) -> bool:
    """Whether a signal is to be passed over, as nohup has it."""
    return signal.getsignal(number) is signal.SIG_IGN


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def make_server(editions: Editions, announce: Callable[[str], None]) -> uvicorn.Server:
    """The server over the application, not yet running.

    :param announce: Is told the address as soon as it answers.
    """

    def count_unsent() -> int:
        return sum(one.unsent for one in list_connections(server.server_state.connections))

    config = uvicorn.Config(
        make_app(editions, count_unsent=count_unsent),
        http=Connection,
        log_config=None,  # uvicorn's own handlers write where a pipe that nobody empties would stop the server
        log_level="warning",
        proxy_headers=False,  # whoever sends X-Forwarded-… may be anybody; --base-url says what a proxy is called
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=int(editions.settings.desk_deadline) + 5,
        timeout_keep_alive=15,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    server = _Server(config, editions, announce)
    return server


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line is worth the log: not what any client can have written there, which is told it anyway."""
    return record.msg != "Invalid HTTP request received."


def serve(settings: Settings, listener: socket.socket, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first. SIGHUP takes up the newest snapshot.

    :param announce: Is told the address as soon as it answers.
    :raises StoreError: there is no graph.
    :raises Refused: the workers cannot start.
    """
    with suppress(KeyboardInterrupt), log_apart():
        make_server(Editions(settings), announce).run(sockets=[listener])
