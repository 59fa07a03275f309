"""No client holds a connection that it does not use."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from kg.web import connections
from kg.web.editions import Editions
from kg.web.service import Settings
from kg.web.serving import make_server, open_socket

HALF = b"GET / HTTP/1.1\r\nHost: loc"
DEADLINE = 60


@pytest.fixture(scope="module")
def port(store: Path) -> Iterator[int]:
    """A server in a thread."""
    listener = open_socket("127.0.0.1", 0)
    server = make_server(Editions(Settings(store=str(store), workers=2)), lambda _: ready.set())
    ready = threading.Event()
    running = threading.Thread(target=server.run, args=([listener],))
    running.start()
    assert ready.wait(DEADLINE)
    yield int(listener.getsockname()[1])
    server.should_exit = True
    running.join(DEADLINE)


def read_all(held: socket.socket) -> bytes:
    """What comes until the server closes; nothing where it resets."""
    held.settimeout(DEADLINE)
    said = b""
    with contextlib.suppress(ConnectionError):
        while chunk := held.recv(1 << 16):
            said += chunk
    return said


@pytest.mark.parametrize(
    "part",
    [
        b"",
        HALF,
        b"POST /sparql HTTP/1.1\r\nHost: a\r\nContent-Type: application/sparql-query\r\nContent-Length: 9\r\n\r\nASK",
    ],
    ids=["nothing", "header", "body"],
)
def test_a_request_that_does_not_end_is_ended(port: int, part: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 408 and the headers of every answer."""
    monkeypatch.setattr(connections, "RECEIVE", 0.5)
    with socket.create_connection(("127.0.0.1", port)) as held:
        held.sendall(part)
        said = read_all(held)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"content-security-policy:" in said.lower()


def test_half_requests_shut_nobody_out(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more connections than may be, the oldest without a request goes."""
    monkeypatch.setattr(connections, "MOST", 20)
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    try:
        for one in held:
            with contextlib.suppress(ConnectionError):  # it was evicted meanwhile
                one.sendall(HALF)
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=DEADLINE) as answer:  # loopback
            assert answer.status == 200
        assert read_all(held[0]) == b""
    finally:
        for one in held:
            one.close()


def test_what_is_no_http_is_refused_with_the_headers_of_every_answer(port: int) -> None:
    """uvicorn's own answer has none of them."""
    with socket.create_connection(("127.0.0.1", port)) as held:
        held.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        said = read_all(held)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"content-security-policy:" in said.lower()


DIRECT = b"Content-Type: application/sparql-query"
POST = b"POST /sparql HTTP/1.1\r\nHost: a\r\n" + DIRECT + b"\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:\r\n" * 100_000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nAccept: " + b"a;" * 100_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"%41" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /" + b"a/" * 100_000 + b"?q=a HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (POST + b"1\r\n#\r\n" * 30_000, 413),
        (POST + b"1\r\n#\r\n0\r\n" + b"a:\r\n" * 10_000 + b"\r\n", 431),
    ],
    ids=["lines", "header", "path", "steps", "pieces", "trailers"],
)
def test_a_head_or_a_body_in_pieces_has_bounds(port: int, request_: bytes, status: int) -> None:
    """They are taken apart in the process that everybody waits for."""
    with socket.create_connection(("127.0.0.1", port)) as held:
        with contextlib.suppress(ConnectionError):  # it hangs up before it has all
            held.sendall(request_)
        said = read_all(held)
    assert not said or said.startswith(b"HTTP/1.1 %d " % status)


def test_a_body_in_few_pieces_is_read(port: int) -> None:
    """As programs send it that do not know its length."""
    with socket.create_connection(("127.0.0.1", port)) as held:
        held.sendall(POST + b"4\r\nASK \r\n2\r\n{}\r\n0\r\n\r\n")
        assert held.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "part", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: b\r\nConnection: upgrade\r\n\r\n"]
)
def test_no_client_writes_into_the_log(port: int, part: bytes) -> None:
    """A line for each odd request would fill the disk, or a pipe that nobody empties."""
    lines: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = lines.append  # type: ignore[method-assign,assignment]
    logging.getLogger("uvicorn.error").addHandler(handler)
    try:
        with socket.create_connection(("127.0.0.1", port)) as held:
            held.sendall(part)
            assert held.recv(1 << 16).startswith(b"HTTP/1.1 ")
    finally:
        logging.getLogger("uvicorn.error").removeHandler(handler)
    assert not lines


def test_a_kept_connection_may_ask_again(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline of a request begins anew with each, and does not run between two."""
    monkeypatch.setattr(connections, "RECEIVE", 0.5)
    with socket.create_connection(("127.0.0.1", port)) as held:
        for _ in range(2):
            held.sendall(b"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert held.recv(1 << 16).startswith(b"HTTP/1.1 204 ")
            time.sleep(1)


def test_a_client_that_reads_nothing_is_dropped(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers do not wait for it for good; it finds less than the whole."""
    monkeypatch.setattr(connections, "STALL", 0.5)
    request = b"GET /page/trial/NCT05574608 HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        held.settimeout(DEADLINE)
        held.connect(("127.0.0.1", port))
        with pytest.raises(ConnectionError):  # the server, which answers one request after another, hangs up
            held.sendall(request * 500_000)
