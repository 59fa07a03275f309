"""Real servers give what the embedded store gives: rows, answers, cards and findings."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rdflib

from kg.cards import find_trials
from kg.errors import EndpointError, UsageError
from kg.export.rdf_formats import write_rdf, write_turtle
from kg.graph import Graph, open_endpoint, open_graph
from kg.loading import Target, find_target, load_snapshot
from kg.neighbourhood import collect_neighbourhood
from kg.pipeline import build
from kg.queries import load_queries
from kg.shapes.runs import validate_snapshot
from kg.store import Snapshot
from tests.conftest import ROOT
from tests.servers import run_oxigraph, run_virtuoso
from tests.test_queries import CASES, show

GRAPH = "urn:trialkg:test"
SERVERS = ("oxigraph", "virtuoso")
QUERIES = load_queries()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """The graph of the shipped records and the fixtures."""
    folder = tmp_path_factory.mktemp("remote") / "store"
    build([str(ROOT / "data" / "trials"), str(ROOT / "tests" / "fixtures" / "records")], folder, workers=1)
    return open_graph(folder)


@pytest.fixture(scope="module")
def oxigraph(tmp_path_factory: pytest.TempPathFactory, embedded: Graph) -> Iterator[Graph]:
    """``oxigraph serve``, filled by the Graph Store Protocol, asked in its default graph."""
    with run_oxigraph(tmp_path_factory.mktemp("oxigraph") / "data") as url:
        load_snapshot(embedded.snapshot, find_target(f"{url}/query", None))
        yield open_endpoint(f"{url}/query")


@pytest.fixture(scope="module")
def virtuoso(tmp_path_factory: pytest.TempPathFactory, embedded: Graph) -> Iterator[Graph]:
    """Virtuoso, filled with digest credentials from the environment, asked in a named graph."""
    with run_virtuoso(tmp_path_factory.mktemp("virtuoso")) as url:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (("USER", "dba"), ("PASSWORD", "dba"), ("AUTH", "digest")):
                patch.setenv(f"KG_ENDPOINT_{name}", value)
            load_snapshot(embedded.snapshot, find_target(f"{url}/sparql", GRAPH))
        yield open_endpoint(f"{url}/sparql", GRAPH)


@pytest.fixture(params=SERVERS)
def remote(request: pytest.FixtureRequest) -> Graph:
    """Each server in turn; skipped where it is not installed."""
    found: Graph = request.getfixturevalue(request.param)
    return found


def read(graph: Graph, name: str, params: dict[str, str]) -> list[tuple[str, ...]]:
    query = QUERIES[name]
    return [tuple(show(row[column]) for column in query.columns) for row in graph.answer(name, params).rows]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_stored_queries_give_equal_rows(name: str, remote: Graph, embedded: Graph) -> None:
    """With each case of its file of rows, and with each parameter's example."""
    query = QUERIES[name]
    needed = {key: one.example for key, one in query.parameters.items() if one.required}
    asked: list[dict[str, Any]] = [case.params for case in CASES if case.name == name]
    asked += [{**needed, key: one.example} for key, one in query.parameters.items() if one.example]
    for params in asked:
        assert read(remote, name, params) == read(embedded, name, params), params


@pytest.mark.parametrize(
    "question", ["which CD123 trials use allogeneic cells?", "who targets KIT?", "recruiting CAR-NK studies in China"]
)
def test_questions_have_equal_answers(question: str, remote: Graph, embedded: Graph) -> None:
    """Understood the same, answered the same."""
    there, here = remote.ask(question), embedded.ask(question)
    assert there.understood == here.understood
    assert there.answer is not None
    assert here.answer is not None
    assert [{k: show(v) for k, v in row.items()} for row in there.answer.rows] == [
        {k: show(v) for k, v in row.items()} for row in here.answer.rows
    ]


def test_cards_are_equal(remote: Graph, embedded: Graph) -> None:
    """Every card of the graph, with every quote, by any id of its trial."""
    here = list(embedded.cards())
    assert len(here) > 10
    assert list(remote.cards()) == here
    assert remote.card("NCT05574608") == embedded.card("NCT05574608")
    assert remote.meta == embedded.meta
    with pytest.raises(UsageError, match="no trial"):
        remote.card("NCT00000000")


def test_a_trial_as_turtle_has_equal_statements(remote: Graph, embedded: Graph) -> None:
    """``kg show --format ttl`` of a server: the same values, though Virtuoso writes 10.0 as 10."""
    (trial,) = find_trials(embedded.snapshot, "NCT05574608")
    here, there = io.BytesIO(), io.BytesIO()
    write_rdf(embedded.snapshot, "ttl", here, trial=trial)
    write_turtle(collect_neighbourhood(remote.source, trial), there)
    assert read_values(there) == read_values(here)


def read_values(turtle: io.BytesIO) -> set[tuple[str, ...]]:
    """Statements, with the values of their literals."""
    graph = rdflib.Graph().parse(data=turtle.getvalue(), format="turtle")
    assert len(graph) > 400
    return {(str(s), str(p), read_value(o)) for s, p, o in graph}


def read_value(term: rdflib.term.Node) -> str:
    is_decimal = isinstance(term, rdflib.Literal) and term.datatype == rdflib.XSD.decimal
    return f"{Decimal(str(term)).normalize()}" if is_decimal else str(term)


def test_findings_are_equal(remote: Graph, embedded: Graph, tmp_path: Path) -> None:
    """The shapes find the same, and every quote stands in its record."""
    mirrored = remote.snapshot.mirror(tmp_path)
    assert find(mirrored) == find(embedded.snapshot)
    wanted = find_trials(remote.snapshot, "NCT05574608")
    assert find(mirrored, wanted) == find(embedded.snapshot, wanted) != []


def find(snapshot: Snapshot, wanted: list[str] | None = None) -> list[str]:
    """What is found, but for the record: a server does not know which of a trial's records said a thing."""
    return sorted(str(msgspec.structs.replace(one, record="")) for one in validate_snapshot(snapshot, trials=wanted))


def test_a_load_that_was_broken_off_goes_on(embedded: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run sends only what is missing, by updates too; a third finds all there; another graph is refused."""
    monkeypatch.setattr("kg.loading.SMALL_PORTION", 5_000)
    with run_oxigraph(tmp_path / "data") as url:
        target = Target(f"{url}/query", GRAPH, update_url=f"{url}/update")

        def stop_at(number: int, _: int) -> None:
            if number == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            load_snapshot(embedded.snapshot, target, progress=stop_at)
        sent: list[int] = []
        report = load_snapshot(embedded.snapshot, target, progress=lambda number, _: sent.append(number))
        assert sent[0] == 3
        assert report.was_resumed
        assert report.triples == len(embedded.snapshot.engine)
        assert open_endpoint(f"{url}/query", GRAPH).card("NCT05574608") == embedded.card("NCT05574608")
        sent.clear()
        again = load_snapshot(embedded.snapshot, target, progress=lambda number, _: sent.append(number))
        assert again.was_there
        assert again.triples == report.triples
        assert sent == []
        build([str(ROOT / "data" / "trials")], tmp_path / "other", workers=1)
        with pytest.raises(UsageError, match="not empty"):
            load_snapshot(open_graph(tmp_path / "other").snapshot, target)
        assert load_snapshot(embedded.snapshot, target, is_new=True).triples == report.triples


def test_a_server_that_refuses_is_one_clear_line(embedded: Graph, oxigraph: Graph) -> None:
    """A read-only address says so."""
    url = oxigraph.snapshot.remote.url.removesuffix("query")  # type: ignore[attr-defined]
    with pytest.raises(EndpointError, match="refused") as caught:
        load_snapshot(embedded.snapshot, Target(f"{url}query", "urn:other", store_url=f"{url}nothing"))
    assert "\n" not in str(caught.value)
