"""Damage of the graph's files is told as what it is, and no answer rests on it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from kg.graph import Graph
from kg.store import open_snapshot
from kg.web import editions, integrity, service, worker
from kg.web.app import make_app
from kg.web.editions import Editions
from kg.web.frames import Job
from kg.web.service import Settings
from tests.web.conftest import start_server, stop

STREAMS = "SELECT ?s ?p ?o { ?s ?p ?o }"
SORTS = "SELECT ?s ?p ?o { ?s ?p ?o } ORDER BY ?o LIMIT 5"
COUNTS = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
BUILDS = "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }"
PATHS = [
    *(f"/sparql?query={quote(query)}" for query in (STREAMS, SORTS, COUNTS, BUILDS)),
    "/page/trial/NCT05574608", "/data/trial/NCT05574608.ttl", "/api/trials/NCT05574608", "/api/queries/trials",
    "/queries/trials", "/api/ask?q=allogeneic+CD123+trials", "/ask?q=allogeneic+CD123+trials", "/void",
]  # fmt: skip


def hurt(store: Path) -> None:
    """Change a page in the middle of each larger file of the index; the sizes stay."""
    for path in (store / "current" / "index").glob("*.sst"):
        content = bytearray(path.read_bytes())
        if len(content) > 20_000:
            for place in range(8_000, len(content) - 12_000, 8_000):
                content[place] ^= 4
        path.write_bytes(content)


@pytest.fixture
def whole(store: Path, tmp_path: Path) -> Path:
    """A store of its own."""
    shutil.copytree(store, tmp_path / "store", symlinks=True)
    return tmp_path / "store"


@pytest.fixture
def running(whole: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The application over a store that is damaged while it is served, and not known to be."""
    monkeypatch.setattr(service, "_SMALL", 0)
    monkeypatch.setattr(integrity.Integrity, "begin", lambda self: done())
    settings = Settings(store=str(whole), workers=2, memory=512 << 20, deadline=60.0)
    with TestClient(make_app(Editions(settings)), raise_server_exceptions=False, follow_redirects=False) as client:
        hurt(whole)
        yield client


def done() -> Any:
    """A look that saw nothing."""
    import asyncio

    look = asyncio.get_running_loop().create_future()
    look.set_result(None)
    return look


@pytest.mark.parametrize("query", [STREAMS, BUILDS], ids=["streams", "builds"])
def test_an_error_of_the_engine_ends_the_answer_as_damage(whole: Path, query: str) -> None:
    """Not as the query's fault; what a client reads names no file, what the log gets does."""
    hurt(whole)
    graph = Graph(open_snapshot(whole))
    form = "ttl" if query == BUILDS else "json"
    graphs: dict[str, Any] = {"default_graphs": [], "named_graphs": []}
    bounds = {"max_rows": 10**6, "max_bytes": 10**9, "is_lenient": True}
    reply = worker.answer(graph, Job("sparql", {"text": query, "form": form, "base": "x:", **graphs, **bounds}))
    assert reply.body == b""
    assert reply.fault
    assert (reply.fault.status, reply.fault.is_damage) == (503, True)
    assert ".sst" not in reply.fault.what + reply.fault.mend
    assert "kg snapshots" in reply.fault.mend
    assert ".sst" in reply.trace


@pytest.mark.parametrize("path", PATHS)
def test_a_damaged_graph_answers_nothing(running: TestClient, path: str) -> None:
    """Pages, cards, queries, files: 503 and what to do; the server's health says so too."""
    running.get(PATHS[0])  # the engine meets the damage
    answer = running.get(path)
    assert answer.status_code == 503
    assert "damaged" in answer.text
    assert "kg snapshots" in answer.text
    health = running.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "damaged")
    assert running.get("/").status_code == 200


def test_the_first_error_of_the_engine_is_damage_for_all(running: TestClient) -> None:
    """Also of questions whose answer would not show it."""
    assert running.get("/health").status_code == 200
    first = running.get(PATHS[0])
    assert (first.status_code, "damaged" in first.text) == (503, True)
    assert running.get("/health").json()["status"] == "damaged"
    assert running.get("/sparql", params={"query": "ASK {}"}).status_code == 503


@pytest.mark.parametrize("query", [SORTS, STREAMS, COUNTS], ids=["sorts", "streams", "counts"])
def test_damage_that_comes_while_it_is_served_is_told(whole: Path, query: str) -> None:
    """Also where the engine runs out of memory or of time over it, which a query does too."""
    server = start_server("--store", str(whole), "--workers", "2", "--memory", "256", "--timeout", "20")
    try:
        with TestClient.__mro__[1](base_url=server.url, timeout=120) as client:  # the client of HTTP itself
            assert client.get("/health").json()["status"] == "ok"
            hurt(whole)
            answer = client.get("/sparql", params={"query": query})
            assert (answer.status_code, "damaged" in answer.text) == (503, True)
            assert client.get("/health").status_code == 503
    finally:
        stop(server.process)


def test_a_fault_of_reading_that_has_passed_is_forgotten(whole: Path) -> None:
    """Once the digests say that the files are what was written."""
    settings = Settings(store=str(whole), workers=2)
    with TestClient(make_app(Editions(settings))) as client:
        assert client.portal is not None
        current = client.app.editions.current  # type: ignore[attr-defined]
        client.portal.call(current.integrity.report, "IO error: once")
        assert current.integrity.fault
        for _ in range(200):
            if client.get("/health").status_code == 200:
                break
            time.sleep(0.05)
        assert client.get("/health").json()["status"] == "ok"
        assert client.get("/api/trials/NCT05574608").status_code == 200


def test_a_damaged_snapshot_is_not_taken_up(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The good one is served on."""
    monkeypatch.setattr(editions, "PAUSE", 0.05)
    with TestClient(make_app(Editions(Settings(store=str(whole), workers=2)))) as client:
        name = (whole / "current").resolve().name
        shutil.copytree(whole / "snapshots" / name, whole / "snapshots" / "other")
        link = whole / "link"
        link.symlink_to(Path("snapshots") / "other")
        link.replace(whole / "current")
        hurt(whole)
        for _ in range(600):
            if "is served on" in caplog.text:
                break
            time.sleep(0.05)
        assert "other is not served" in caplog.text
        assert client.get("/health").json()["status"] == "ok"
        assert client.get("/api/trials/NCT05574608").status_code == 200
