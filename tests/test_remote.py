"""A remote endpoint answers the same stored queries, and its failures are one clear line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from kg.errors import EndpointError, UsageError
from kg.queries import find_query, run_query
from kg.remote import RemoteEngine

ROW = b'{"head":{"vars":["target"]},"results":{"bindings":[{"target":{"type":"literal","value":"IL3RA"}}]}}'


class Handler(BaseHTTPRequestHandler):
    """Answers by path: a result, an error, or a page."""

    asked: list[dict[str, list[str]]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        Handler.asked.append(parse_qs(body))
        status, kind, answer = {
            "/sparql": (200, "application/sparql-results+json", ROW),
            "/page": (200, "text/html", b"<html>"),
            "/": (405, "text/plain", b"Method Not Allowed"),
            "/absent": (404, "text/plain", b"Not Found"),
            "/broken": (500, "text/plain", b"boom"),
        }[self.path]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_the_bound_query_goes_by_post_and_its_rows_come_back(server: str) -> None:
    """The endpoint gets the query with its parameter in place, and the graph to ask."""
    answer = run_query(RemoteEngine(f"{server}/sparql", "urn:g"), find_query("antigen_synonyms"), {"target": "CD123"})
    assert answer.rows[0]["target"] == "IL3RA"
    assert "antigen/IL3RA>" in Handler.asked[-1]["query"][0]
    assert Handler.asked[-1]["default-graph-uri"] == ["urn:g"]


@pytest.mark.parametrize("path", ["broken", "page"])
def test_a_failing_endpoint_is_one_clear_line(server: str, path: str) -> None:
    """An HTTP error and a page that is no result name the endpoint."""
    with pytest.raises(EndpointError, match=f"{server}/{path}") as caught:
        RemoteEngine(f"{server}/{path}").query("SELECT * {}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["", "absent"])
def test_a_server_without_endpoint_there_runs(server: str, path: str) -> None:
    """It answers, so the address is at fault and not the server."""
    with pytest.raises(EndpointError) as caught:
        RemoteEngine(f"{server}/{path}").query("SELECT * {}")
    assert "no SPARQL endpoint; it often ends in /sparql or /query" in str(caught.value)
    assert "that the server runs" not in str(caught.value)


def test_nobody_there(server: str) -> None:
    """A closed port is one clear line too."""
    with pytest.raises(EndpointError, match="no answer"):
        RemoteEngine("http://127.0.0.1:9").query("SELECT * {}")


def test_only_web_addresses_are_endpoints() -> None:
    """A file is never opened as an endpoint."""
    with pytest.raises(UsageError):
        RemoteEngine("file:///etc/passwd")
