"""What a worker can be asked to do. Each task is a function of the open graph and plain arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import msgspec
from pyoxigraph import DefaultGraph, NamedNode
from rapidfuzz.process import extract

from kg.errors import LimitReached, UsageError
from kg.graph import Graph, open_endpoint
from kg.rows import shorten_iri
from kg.store import open_snapshot
from kg.terms import ID, RDFS
from kg.web.frames import Plan, Reply
from kg.web.record_texts import ask_texts, is_for_texts

_BY_PREDICATE = "SELECT ?p (COUNT(*) AS ?n) WHERE { ?s ?p ?o } GROUP BY ?p ORDER BY ?p"
_BY_CLASS = "SELECT ?c (COUNT(*) AS ?n) WHERE { ?s a ?c } GROUP BY ?c ORDER BY ?c"
_SUBJECTS = "SELECT (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s ?p ?o }"
_TRIALS = f"{ID}trial/"
_MANY = 200
"""Most links shown for one thing."""


def open_graph(plan: Plan) -> Graph:
    """A snapshot of the store, or a remote endpoint.

    :raises StoreError: there is no such snapshot.
    """
    if plan.endpoint:
        return open_endpoint(plan.endpoint, plan.graph or None)
    return Graph(open_snapshot(plan.store, plan.snapshot or None))


def warm(graph: Graph, plan: Plan) -> None:
    """Load what the first job would wait for, while files may still be opened."""
    import kg.web.results  # noqa: F401

    if not plan.endpoint:
        for _ in graph.snapshot.engine.quads_for_pattern(NamedNode(f"{ID}none"), None, None, DefaultGraph()):
            pass
    if plan.is_desk:
        from kg import ask, cards, queries
        from kg.export import rdf_formats

        queries.load_queries()
        queries.find_query(next(iter(queries.load_queries())))
        ask.understand_question("allogeneic CD123 trials")
        cards.card_key("cellSource")
        rdf_formats.shorten(f"<{ID}>")
        if not plan.endpoint:
            trials = cards.list_trials(graph.snapshot)
            if trials:
                show_trial(graph, trials[0])


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
    """Evaluate a client's query.

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
    return Reply(body=msgspec.json.encode(_read_card(graph, trial)))


def show_trial(graph: Graph, trial: str) -> Reply:
    """The card of a trial, and the texts of its records, field by field.

    :raises UsageError: no trial has the id (404).
    """
    card = _read_card(graph, trial)
    texts = [
        {
            "file": stored.record.file,
            "format": stored.record.format,
            "updated": stored.record.updated,
            "fields": [{"field": field, "text": text} for field, text in _read_fields(stored.record.text)],
        }
        for stored in graph.snapshot.read_records(f"<{card['trial']}>")
    ]
    return Reply(body=msgspec.json.encode({"card": card, "texts": texts}))


def _read_card(graph: Graph, trial: str) -> dict[str, Any]:
    try:
        return graph.card(trial)
    except UsageError:
        key = trial.removeprefix(_TRIALS)
        near = tuple(_TRIALS + found for found, _, _ in extract(key, _list_keys(graph), limit=5, score_cutoff=75))
        raise _UnknownNameError(f"no trial here has the id {key[:80]}", near) from None


@lru_cache(maxsize=1)
def _list_keys(graph: Graph) -> list[str]:
    """Last parts of the names of all trials."""
    return sorted({stored.trial[1:-1].removeprefix(_TRIALS) for stored in graph.snapshot.list_records()})


def _read_fields(text: str) -> Iterator[tuple[str, str]]:
    """Every string of a JSON record by its path; a page as it is."""
    if text.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):
        yield "text", text
        return
    try:
        yield from _walk(msgspec.json.decode(text.lstrip("\ufeff")), "")
    except (msgspec.DecodeError, RecursionError):
        yield "text", text


def _walk(node: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict | list):
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in items:
            yield from _walk(value, f"{path}.{key}" if path else str(key))
    elif node is not None:
        yield path, node if isinstance(node, str) else msgspec.json.encode(node).decode()


def describe(graph: Graph, iri: str, form: str) -> Reply:
    """A thing's part of the graph as RDF.

    :raises UsageError: the graph does not know it.
    """
    from kg.neighbourhood import collect_neighbourhood
    from kg.web.results import write_graph

    triples = collect_neighbourhood(graph.source, NamedNode(iri).value)
    if not triples:
        raise _UnknownNameError(f"nothing here has the name {iri[:200]}")
    return Reply(body=write_graph(triples, form, 1_000_000, 2**30).body)


def show_thing(graph: Graph, iri: str) -> Reply:
    """A thing's properties and who points at it, with labels, for a page."""
    node = NamedNode(iri)
    out = list(graph.snapshot.engine.quads_for_pattern(node, None, None, DefaultGraph()))
    into = graph.snapshot.engine.quads_for_pattern(None, None, node, DefaultGraph())
    found = [quad for quad, _ in zip(into, range(_MANY + 1), strict=False)]
    if not out and not found:
        raise _UnknownNameError(f"nothing here has the name {iri[:200]}")
    labels: dict[str, str] = {}
    for quad in (*out[: _MANY * 5], *found):
        for term in (quad.subject, quad.predicate, quad.object):
            if isinstance(term, NamedNode) and term.value not in labels:
                labels[term.value] = _find_label(graph, term)
    rows = [(quad.predicate.value, _to_plain(quad.object)) for quad in out[: _MANY * 5]]
    links = [(quad.subject.value, quad.predicate.value) for quad in found if isinstance(quad.subject, NamedNode)]
    body = {
        "iri": iri,
        "label": labels.get(iri) or _find_label(graph, node),
        "rows": sorted(rows, key=str),
        "links": sorted(links[:_MANY]),
        "has_more": len(found) > _MANY,
        "labels": {name: label for name, label in labels.items() if label},
    }
    return Reply(body=msgspec.json.encode(body))


class _UnknownNameError(UsageError):
    """Nothing in the graph has the name. ``near`` are names (IRIs) that may be meant."""

    status = 404

    def __init__(self, what: str, near: tuple[str, ...] = ()) -> None:
        self.near = near
        named = ", ".join(shorten_iri(iri) for iri in near)
        super().__init__(what, mend=f"Near are {named}" if near else "GET /api/queries/trials lists the trials")


_LABELS = tuple(
    NamedNode(name)
    for name in (f"{RDFS}label", "http://www.w3.org/2004/02/skos/core#prefLabel", "http://purl.org/dc/terms/title")
)


def _find_label(graph: Graph, node: NamedNode) -> str:
    from kg.terms import KG

    for name in (*_LABELS, NamedNode(f"{KG}title"), NamedNode(f"{KG}fileName")):
        for quad in graph.snapshot.engine.quads_for_pattern(node, name, None, DefaultGraph()):
            return str(getattr(quad.object, "value", ""))
    return ""


def _to_plain(term: Any) -> dict[str, str]:
    if isinstance(term, NamedNode):
        return {"iri": term.value}
    return {"text": str(getattr(term, "value", term))}


def count_graph(graph: Graph) -> dict[str, Any]:
    """Triples by property, instances by class, and distinct subjects."""
    engine = graph.snapshot.engine
    found: dict[str, Any] = {}
    for key, text in (("properties", _BY_PREDICATE), ("classes", _BY_CLASS), ("subjects", _SUBJECTS)):
        rows = [[getattr(term, "value", "") for term in row] for row in engine.query(text)]  # type: ignore[union-attr]
        found[key] = int(rows[0][0]) if key == "subjects" else {name: int(count) for name, count in rows}
    return found


def count_triples(graph: Graph) -> Reply:
    """Counts for the descriptions of the data set."""
    return Reply(body=msgspec.json.encode(count_graph(graph)))


TASKS: dict[str, Callable[..., Reply]] = {
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
