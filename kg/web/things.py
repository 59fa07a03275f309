"""Tasks of workers that make pages: of a trial, and of any other thing of the graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from pyoxigraph import DefaultGraph, NamedNode

from kg.graph import Graph
from kg.terms import DCTERMS, ID, KG, RDFS, SKOS
from kg.web.frames import Reply
from kg.web.names import UnknownNameError, read_card
from kg.web.rendering import render
from kg.web.trial_page import lay_out

_MANY = 200
"""Most links shown for one thing."""
_LABELS = tuple(
    NamedNode(name)
    for name in (f"{RDFS}label", f"{SKOS}prefLabel", f"{DCTERMS}title", f"{KG}title", f"{KG}fileName")
)
"""Properties whose value names a thing, the best first."""


def show_trial(graph: Graph, path: str) -> Reply:
    """The page of a trial: its card, and the texts of its records, field by field; by another id of it, ``canonical``
    in the reply's facts is its name.

    :param path: The trial's name after the namespace of things.
    :raises UsageError: no trial has the id (404).
    """
    card = read_card(graph, path.removeprefix("trial/"))
    if card["trial"] != ID + path:
        return Reply({"canonical": card["trial"].removeprefix(ID)})
    texts = [
        {
            "file": stored.record.file,
            "format": stored.record.format,
            "updated": stored.record.updated,
            "fields": [{"field": field, "text": text} for field, text in _read_fields(stored.record.text)],
        }
        for stored in graph.snapshot.read_records(f"<{card['trial']}>")
    ]
    return Reply(body=render("trial.html", graph.meta, **lay_out(card, texts), page_path=path))


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


def show_thing(graph: Graph, path: str) -> Reply:
    """The page of a thing: its properties and who points at it, with labels.

    :param path: The thing's name after the namespace of things.
    :raises UsageError: the graph does not know it.
    """
    iri = ID + path
    node = NamedNode(iri)
    out = list(graph.snapshot.engine.quads_for_pattern(node, None, None, DefaultGraph()))
    into = graph.snapshot.engine.quads_for_pattern(None, None, node, DefaultGraph())
    found = [quad for quad, _ in zip(into, range(_MANY + 1), strict=False)]
    if not out and not found:
        raise UnknownNameError(f"nothing here has the name {iri[:200]}")
    labels: dict[str, str] = {}
    for quad in (*out[: _MANY * 5], *found):
        for term in (quad.subject, quad.predicate, quad.object):
            if isinstance(term, NamedNode) and term.value not in labels:
                labels[term.value] = _find_label(graph, term)
    rows = [(quad.predicate.value, _to_plain(quad.object)) for quad in out[: _MANY * 5]]
    links = [(quad.subject.value, quad.predicate.value) for quad in found if isinstance(quad.subject, NamedNode)]
    thing = {
        "iri": iri,
        "label": labels.get(iri) or _find_label(graph, node),
        "rows": sorted(rows, key=str),
        "links": sorted(links[:_MANY]),
        "has_more": len(found) > _MANY,
        "labels": {name: label for name, label in labels.items() if label},
    }
    return Reply(body=render("thing.html", graph.meta, thing=thing, page_path=path))


def _find_label(graph: Graph, node: NamedNode) -> str:
    for name in _LABELS:
        for quad in graph.snapshot.engine.quads_for_pattern(node, name, None, DefaultGraph()):
            return str(getattr(quad.object, "value", ""))
    return ""


def _to_plain(term: Any) -> dict[str, str]:
    if isinstance(term, NamedNode):
        return {"iri": term.value}
    return {"text": str(getattr(term, "value", term))}
