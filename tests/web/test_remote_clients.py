"""``kg serve`` as the remote back end of another ``kg``: every verb gives what it gives over the store itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import Request, urlopen

import pytest
from pyoxigraph import RdfFormat
from pyoxigraph import Store as Engine
from starlette.testclient import TestClient

from kg.graph import open_endpoint, open_graph
from kg.queries import load_queries
from kg.terms import DATASET, LOAD
from tests.test_queries import show
from tests.web.conftest import Server, start_server, stop

TEXTS = LOAD.rstrip("#")
TRIAL = "https://w3id.org/trialkg/id/trial/NCT05574608"


@pytest.fixture(scope="module")
def url(store: Path) -> Iterator[str]:
    """The SPARQL address of a server whose deadline no honest query meets."""
    running: Server = start_server("--store", str(store), "--workers", "2", "--timeout", "60")
    yield f"{running.url}/sparql"
    stop(running.process)


def run_verb(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``kg``."""
    return subprocess.run([sys.executable, "-m", "kg", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "words",
    [
        ("query", "trials_by_target_and_source", "-p", "target=CD123", "--format", "json"),
        ("ask", "who targets KIT?", "--format", "json"),
        ("show", "NCT05574608", "--format", "json"),
        ("show", "--all", "--format", "jsonl"),
        ("validate", "NCT05574608", "--fail-on", "never", "--format", "json"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("graph", [(), ("--graph", DATASET)], ids=["unnamed", "named"])
def test_every_verb_gives_the_same(words: tuple[str, ...], graph: tuple[str, ...], url: str, store: Path) -> None:
    """Also where the default graph is asked by its name."""
    here = run_verb(*words, "--store", str(store))
    there = run_verb(*words, "--endpoint", url, *graph)
    assert (there.returncode, here.returncode) == (0, 0), there.stderr
    assert len(here.stdout) > 100
    assert there.stdout == here.stdout


def test_the_turtle_of_a_trial_says_the_same(url: str, store: Path) -> None:
    """But for the way in which an engine writes numbers."""
    here, there = (
        run_verb("show", "NCT05574608", "--format", "ttl", *place).stdout
        for place in (("--store", str(store)), ("--endpoint", url))
    )
    assert read_values(there) == read_values(here) != set()


def read_values(turtle: str) -> set[str]:
    """The triples of a Turtle text as an engine holds them."""
    engine = Engine()
    engine.load(input=turtle, format=RdfFormat.TURTLE)
    return {str(quad) for quad in engine}


def test_every_stored_query_gives_the_same(url: str, store: Path) -> None:
    """With what it needs."""
    here, there = open_graph(store), open_endpoint(url)
    assert there.meta == here.meta
    for name, query in load_queries().items():
        needed = {key: one.example for key, one in query.parameters.items() if one.required}
        rows = [[{key: show(value) for key, value in row.items()} for row in graph.query(name, **needed)]
                for graph in (there, here)]  # fmt: skip
        assert rows[0] == rows[1], name


def ask_texts(client: TestClient, query: str) -> list[dict[str, str]]:
    """Rows of a query over the graph of texts."""
    answer = client.get("/sparql", params={"query": query, "default-graph-uri": TEXTS})
    assert answer.status_code == 200, answer.text
    return [{key: one["value"] for key, one in row.items()} for row in answer.json()["results"]["bindings"]]


def test_texts_are_those_of_the_trials_that_a_query_names(client: TestClient, store: Path) -> None:
    """Heads are there for all records; texts only for trials by their full names, and for so many."""
    records = list(open_graph(store).snapshot.list_records())
    heads = ask_texts(client, f"SELECT ?r {{ ?r <{LOAD}head> ?head }}")
    assert sorted(row["r"] for row in heads) == sorted(one.iri[1:-1] for one in records)
    assert ask_texts(client, f"SELECT ?r {{ ?r <{LOAD}text> ?text }}") == []
    found = ask_texts(client, f"SELECT ?r {{ ?r <{LOAD}trial> <{TRIAL}> ; <{LOAD}text> ?text }}")
    assert [row["r"] for row in found] == [one.iri[1:-1] for one in records if one.trial == f"<{TRIAL}>"] != []
    many = " ".join(f"<{TRIAL}{number}>" for number in range(101))
    answer = client.get("/sparql", params={"query": f"ASK {{ VALUES ?t {{ {many} }} }}", "default-graph-uri": TEXTS})
    assert answer.status_code == 400
    assert "100 or fewer" in answer.text




@contextmanager
def run_relay(url: str, status: int) -> Iterator[str]:
    """A server that passes queries on, and refuses with a status what names a graph."""

    class Relay(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if b"default-graph-uri" in body:
                self.send_error(status, "no such graph")
                return
            headers = {name: self.headers[name] for name in ("Content-Type", "Accept")}
            with urlopen(Request(url, body, headers), timeout=60) as answer:  # noqa: S310  # loopback
                self.send_response(200)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.end_headers()
                self.wfile.write(answer.read())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Relay) as relay:
        thread = Thread(target=relay.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{relay.server_port}/"
        relay.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [400, 404])
def test_a_server_without_texts_shows_cards_without_their_words(status: int, url: str, store: Path) -> None:
    """One that refuses to hear of the graph of texts is asked for the rest."""
    here = open_graph(store)
    with run_relay(url, status) as address:
        there = open_endpoint(address)
        assert there.meta.trials == here.meta.trials
        card, whole = there.card("NCT05574608"), here.card("NCT05574608")
    assert card["title"] == whole["title"]
    assert [one["targets"] for one in card["interventions"]] == [one["targets"] for one in whole["interventions"]] != []


def test_what_a_server_says_is_passed_on(url: str) -> None:
    """One line with the server's own reason, not the name of the client's exception."""
    done = run_verb("query", "trials", "--endpoint", url, "--graph", "http://example.org/none")
    assert done.returncode != 0
    assert "no graph here is named http://example.org/none" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "QueryBadFormed" not in done.stderr
