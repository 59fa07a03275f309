"""``kg serve --endpoint``: the same answers from a graph that another server holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from kg.graph import open_graph
from kg.loading import find_target, load_snapshot
from kg.web.app import make_app
from kg.web.editions import Editions
from kg.web.service import Settings
from tests.servers import run_oxigraph


@pytest.fixture(scope="module")
def remote_client(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application over ``oxigraph serve``."""
    with run_oxigraph(tmp_path_factory.mktemp("remote-serving") / "data") as url:
        load_snapshot(open_graph(store).snapshot, find_target(f"{url}/query", None))
        settings = Settings(endpoint=f"{url}/query", workers=2)
        with TestClient(make_app(Editions(settings)), raise_server_exceptions=False, follow_redirects=False) as running:
            yield running


@pytest.mark.parametrize(
    "path",
    [
        "/api/queries/trials",
        "/api/trials/NCT05574608",
        "/api/ask?q=who%20targets%20KIT",
        "/page/trial/NCT05574608",
        "/page/antigen/IL3RA",
        "/data/trial/NCT05574608.nt",
        "/sparql?query=SELECT%20*%20%7B%20%3Fs%20a%20%3Chttps%3A%2F%2Fw3id.org%2Ftrialkg%2Fontology%23Trial%3E%20%7D%20ORDER%20BY%20%3Fs",
        "/sparql?query=ASK%20%7B%7D",
    ],
)
def test_the_same_answers(path: str, client: TestClient, remote_client: TestClient) -> None:
    """Byte for byte."""
    here, there = client.get(path), remote_client.get(path)
    assert (there.status_code, here.status_code) == (200, 200), there.text[:300]
    assert there.text == here.text


def test_limits_hold_before_another_server_too(remote_client: TestClient) -> None:
    """What is refused is not passed on."""
    assert remote_client.get("/sparql", params={"query": "{" * 100}).status_code == 400
    assert remote_client.get("/sparql", params={"query": "CONSTRUCT WHERE { ?s ?p ?o } LIMIT 3"}).status_code == 200
