"""What a request's head says of where it goes is a client's word: no address that the server gives rests on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from kg.errors import UsageError
from kg.web.app import make_app
from kg.web.editions import Editions
from kg.web.service import Settings

BASE = "https://trials.example.org"
FORGED = {
    "host": "evil.example.org",
    "x-forwarded-host": "evil.example.org",
    "x-forwarded-proto": "evil",
    "x-forwarded-for": "evil.example.org",
    "x-forwarded-prefix": "/evil",
    "forwarded": "host=evil.example.org;proto=evil",
    "x-original-url": "/evil",
}
PATHS = [
    "/", "/sparql", "/sparql/", "/sparql?query=DESCRIBE+%3Cx%3E", "/void", "/void/", "/.well-known/void",
    "/.well-known/void/", "/ontology", "/ontology/", "/ontology.ttl", "/ontology.ttl/", "/ask", "/ask/?q=a", "/ask?q=a",
    "/id/trial/NCT05574608", "/id/trial/NCT05574608/", "/id/trial/NCT05574608.ttl", "/page/trial/NCT05574608",
    "/page/trial/NCT05574608/", "/data/trial/NCT05574608.jsonld", "/data/trial/NCT05574608.json", "/queries/trials",
    "/queries/trials/", "/queries/trials/?offset=1", "/api/queries", "/api/queries/", "/api/queries/trials?limit=1",
    "/api/queries/trials/?limit=1", "/api/trials/NCT05574608", "/api/trials/NCT05574608/", "/api/ask?q=CD123+trials",
    "/api/ask/", "/api/openapi.json", "/api/openapi.json/", "/health", "/health/", "/static", "/static/", "/nothing",
    "/nothing/", "//evil.example.org", "//evil.example.org/", "/void//", "/%2F%2Fevil.example.org/",
]  # fmt: skip


@pytest.fixture(scope="module")
def fixed(store: Path) -> Iterator[TestClient]:
    """The application with an address that is fixed."""
    app = make_app(Editions(Settings(store=str(store), workers=2, base_url=f"{BASE}/")))
    with TestClient(app, follow_redirects=False) as running:
        yield running


@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/turtle", "application/ld+json"])
@pytest.mark.parametrize("path", PATHS)
def test_no_address_rests_on_the_request(fixed: TestClient, path: str, accept: str) -> None:
    """Redirects, links, descriptions and faults name the server as it is told, or a path."""
    answer = fixed.get(path, headers={**FORGED, "accept": accept})
    assert answer.status_code < 500
    places = [answer.headers.get(name, "") for name in ("location", "content-location", "link")]
    assert not [place for place in places if place.startswith(("//", "http"))]
    if "evil" not in path:
        assert "evil" not in "".join((*places, answer.text))


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/void/", "/void"),
        ("/api/queries/trials/?limit=1&output=csv", "/api/queries/trials?limit=1&output=csv"),
        ("/static", "/static/"),
        ("/queries/trials//", "/queries/trials"),
    ],
)
def test_a_slash_at_the_end_leads_to_the_path_that_is_there(fixed: TestClient, path: str, place: str) -> None:
    """On this server, wherever the client believes that to be."""
    answer = fixed.get(path)
    assert (answer.status_code, answer.headers["location"]) == (307, place)


def ask(client: TestClient, target: bytes, host: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    """Send a request whose target is a whole address, as to a proxy."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    path, _, query = target.partition(b"?")
    scope = {"type": "http", "method": "GET", "path": path.decode(), "raw_path": path, "query_string": query}
    headers = {"headers": [(b"host", host), (b"accept", b"text/turtle")], "root_path": "", "scheme": "http"}
    assert client.portal is not None
    client.portal.call(client.app, {**scope, **headers}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(one.get("body", b"") for one in sent[1:])


def test_a_whole_address_as_target_is_a_path_and_a_host(fixed: TestClient, client: TestClient) -> None:
    """It is accepted, its host is checked and counts in place of the header (RFC 9112, section 3.2.2)."""
    status, _, body = ask(client, b"http://kg.example.org/void", b"evil.example.org")
    assert (status, b"<http://kg.example.org/sparql>" in body, b"evil" in body) == (200, True, False)
    status, _, body = ask(fixed, b"http://evil.example.org/void", b"evil.example.org")
    assert (status, b"evil" in body) == (200, False)
    status, headers, _ = ask(fixed, b"http://evil.example.org/void/?a=b", b"evil.example.org")
    assert (status, headers[b"location"]) == (307, b"/void?a=b")
    assert ask(fixed, b'http://a"b/void', b"localhost")[0] == 400
    assert ask(fixed, b"http://", b"localhost")[0] == 400


@pytest.mark.parametrize("host", ["[zz]", "[1:2]", "[::::]", "[::1]x", "[::1", "", "a:b", "a:123456", "a,b"])
def test_odd_hosts_are_refused_without_a_stack_trace(fixed: TestClient, host: str) -> None:
    """Also those that Python's own reading of addresses stumbles over."""
    for path in ("/void", "/api/queries/", "/nothing"):
        answer = fixed.get(path, headers={"host": host})
        assert (answer.status_code, answer.text[:30]) != (500, "Internal Server Error")
        assert answer.status_code == 400
    assert fixed.get("/health", headers={"host": "[::1]:7878"}).status_code == 200


@pytest.mark.parametrize("base", ["trials.example.org", "ftp://a", "http://", "http://a?b", "http://a/#b", "http://a "])
def test_an_address_that_is_none_is_a_wrong_option(store: Path, base: str) -> None:
    """It would stand in every description."""
    with pytest.raises(UsageError, match="base-url"):
        Settings(store=str(store), base_url=base)


@pytest.mark.parametrize("path", ["/api/queries/trials", "/queries/trials", "/ask", "/", "/void", "/id/trial/NCT1"])
def test_an_address_is_no_longer_than_any_use(fixed: TestClient, path: str) -> None:
    """The web process takes it apart, so its length and its parameters have bounds."""
    assert fixed.get(f"{path}?{'a=%41&' * 10_000}").status_code == 414
    if path in ("/api/queries/trials", "/queries/trials", "/ask"):
        assert fixed.get(f"{path}?{'a&' * 101}").status_code == 400
