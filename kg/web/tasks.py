"""What a worker can be asked to do. Each task is a function of the open graph and plain arguments."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from pyoxigraph import DefaultGraph, NamedNode
from pyoxigraph import Store as Engine

from kg.errors import LimitReached, UsageError
from kg.graph import Graph, open_endpoint
from kg.store import open_snapshot
from kg.terms import ID
from kg.web.frames import Plan, Reply
from kg.web.limits import check_query
from kg.web.names import UnknownNameError, read_card
from kg.web.negotiation import GRAPHS, ROWS
from kg.web.record_texts import ask_texts, is_for_texts
from kg.web.things import show_thing, show_trial

_BY_PREDICATE = "SELECT ?p (COUNT(*) AS ?n) WHERE { ?s ?p ?o } GROUP BY ?p ORDER BY ?p"
_BY_CLASS = "SELECT ?c (COUNT(*) AS ?n) WHERE { ?s a ?c } GROUP BY ?c ORDER BY ?c"
_SUBJECTS = "SELECT (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s ?p ?o }"


def open_graph(plan: Plan) -> Graph:
    """A snapshot of the store, or a remote endpoint.

    :raises StoreError: there is no such snapshot.
    """
    if plan.endpoint:
        return open_endpoint(plan.endpoint, plan.graph or None)
    return Graph(open_snapshot(plan.store, plan.snapshot or None))


def warm(graph: Graph, plan: Plan) -> None:
    """Load what the first job would wait for, while files may still be opened.

    :raises StoreError: the index cannot be opened.
    """
    import kg.web.results  # noqa: F401

    check_query("ASK {}")
    engine = graph.snapshot.engine
    with suppress(RuntimeError):  # what is damaged is told to whoever asks
        _warm_reading(graph, engine, plan)


def _warm_reading(graph: Graph, engine: Engine, plan: Plan) -> None:
    if not plan.endpoint:
        for _ in engine.quads_for_pattern(NamedNode(f"{ID}none"), None, None, DefaultGraph()):
            pass
    if plan.is_desk:
        from kg import ask, cards, queries
        from kg.export import rdf_formats

        queries.load_queries()
        ask.understand_question("allogeneic CD123 trials")
        cards.card_key("cellSource")
        rdf_formats.shorten(f"<{ID}>")
        if not plan.endpoint:
            trials = cards.list_trials(graph.snapshot)
            if trials:
                show_trial(graph, trials[0].removeprefix(ID))


class NotOfferedError(UsageError):
    """The client accepts none of the formats that its query can be answered in."""

    status = 406


def run_query(graph: Graph, text: str, forms: list[str], known: list[str] | None, **rest: Any) -> Reply:
    """Check a client's query, and evaluate it.

    :param forms: Formats that the client accepts for rows and for a graph; empty where it accepts none.
    :param known: Graphs that FROM may name; None where the request names its dataset itself.
    :returns: Beside what `run_sparql` gives, ``form`` and ``is_lasting``.
    :raises QueryRefused: a limit is passed, or the query reaches outside.
    :raises NotOfferedError: no format fits.
    """
    checked = check_query(text, graphs=known or (), has_dataset=known is None)
    is_graph = checked.form in ("CONSTRUCT", "DESCRIBE")
    form = forms[is_graph]
    if not form:
        kinds = ", ".join(offer.media[0] for offer in (GRAPHS if is_graph else ROWS))
        raise NotOfferedError("no format that the client accepts", mend=f"On offer are {kinds}")
    reply = run_sparql(graph, text, form, **rest)
    return Reply({**reply.meta, "form": form, "is_lasting": checked.is_lasting}, body=reply.body)


def run_sparql(
    graph: Graph,
    text: str,
    form: str,
    base: str,
    default_graphs: list[str],
    named_graphs: list[str],
    max_rows: int,
    max_bytes: int,
    is_lenient: bool,
) -> Reply:
    """Evaluate a query that was checked.

    :param form: Name of the format to write.
    :param is_lenient: Whether a cut answer is wanted rather than none.
    :raises LimitReached: the answer is longer than it may be.
    """
    from kg.web.results import write_results

    if is_for_texts(default_graphs, named_graphs):
        found = ask_texts(graph, text, base)
    else:
        found = graph.evaluate(text, base=base, default_graphs=default_graphs, named_graphs=named_graphs)
    written = write_results(found, form, max_rows, max_bytes)
    if written.truncated and (not is_lenient or len(written.body) > 2 * max_bytes):
        bound = f"{max_rows:,} rows" if written.truncated == "rows" else f"{max_bytes:,} bytes"
        raise LimitReached(
            f"the answer is longer than {bound}",
            mend="Add LIMIT and OFFSET, or send 'Prefer: handling=lenient' for its beginning",
        )
    return Reply({"rows": written.rows, "truncated": written.truncated}, body=written.body)


def run_stored(graph: Graph, name: str, parameters: dict[str, str]) -> Reply:
    """Answer a stored query: its rows as JSON lines."""
    found = graph.answer(name, parameters)
    rows = b"".join(msgspec.json.encode(row) + b"\n" for row in found.rows)
    return Reply({"columns": found.columns, "total": len(found.rows), "query": name}, body=rows)


def run_question(graph: Graph, question: str) -> Reply:
    """Answer a question in words."""
    reply = graph.ask(question)
    meta: dict[str, Any] = {"understood": reply.understood, "query": reply.query, "parameters": reply.parameters}
    if reply.answer is None:
        raise UsageError(f"the question was not understood: {reply.understood}", mend=reply.hint)
    rows = b"".join(msgspec.json.encode(row) + b"\n" for row in reply.answer.rows)
    return Reply({**meta, "columns": reply.answer.columns, "total": len(reply.answer.rows)}, body=rows)


def show_card(graph: Graph, trial: str) -> Reply:
    """The card of a trial, by any id of it.

    :raises UsageError: no trial has the id (404).
    """
    return Reply(body=msgspec.json.encode(read_card(graph, trial)))


def describe(graph: Graph, iri: str, form: str) -> Reply:
    """A thing's part of the graph as RDF.

    :raises UsageError: the graph does not know it.
    """
    from kg.neighbourhood import collect_neighbourhood
    from kg.web.results import write_graph

    triples = collect_neighbourhood(graph.source, NamedNode(iri).value)
    if not triples:
        raise UnknownNameError(f"nothing here has the name {iri[:200]}")
    return Reply(body=write_graph(triples, form, 1_000_000, 2**30).body)


def count_triples(graph: Graph) -> Reply:
    """Triples by property, instances by class, and distinct subjects, for the descriptions of the data set."""
    engine = graph.snapshot.engine
    found: dict[str, Any] = {}
    for key, text in (("properties", _BY_PREDICATE), ("classes", _BY_CLASS), ("subjects", _SUBJECTS)):
        rows = [[getattr(term, "value", "") for term in row] for row in engine.query(text)]  # type: ignore[union-attr]
        found[key] = int(rows[0][0]) if key == "subjects" else {name: int(count) for name, count in rows}
    return Reply(body=msgspec.json.encode(found))


TASKS: dict[str, Callable[..., Reply]] = {
    "query": run_query,
    "sparql": run_sparql,
    "stored": run_stored,
    "ask": run_question,
    "card": show_card,
    "trial": show_trial,
    "describe": describe,
    "thing": show_thing,
    "count": count_triples,
}
"""Tasks by the name that a `Job` gives."""
