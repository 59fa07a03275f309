"""A trial's part of the graph: everything under its IRI, the evidence for it, and the shared things that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from pyoxigraph import DefaultGraph, NamedNode, Triple
from pyoxigraph import Store as Engine

from kg.terms import ID, KG
from kg.vocabularies import load_vocabularies


class Source(Protocol):
    """What can be asked for many subjects at once."""

    def describe(self, iris: Sequence[str]) -> Iterable[Triple]:
        """All triples with one of the subjects."""

    def describe_evidence(self, iris: Sequence[str]) -> Iterable[Triple]:
        """All triples of the evidence for one of the subjects."""


class EmbeddedSource:
    """An engine in this process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def describe(self, iris: Sequence[str]) -> Iterator[Triple]:
        """All triples with one of the subjects."""
        for iri in iris:
            for quad in self.engine.quads_for_pattern(NamedNode(iri), None, None, DefaultGraph()):
                yield quad.triple

    def describe_evidence(self, iris: Sequence[str]) -> Iterator[Triple]:
        """All triples of the evidence for one of the subjects."""
        about = NamedNode(f"{KG}subject")
        for iri in iris:
            for quad in list(self.engine.quads_for_pattern(None, about, NamedNode(iri), DefaultGraph())):
                if isinstance(quad.subject, NamedNode):
                    yield from self.describe([quad.subject.value])


def collect_neighbourhood(source: Source, root: str) -> list[Triple]:
    """Triples around a node, sorted. Terms of the vocabularies and other trials are named, not described."""
    found: dict[str, Triple] = {}
    seen, frontier = {root}, [root]
    own: list[str] = []
    while frontier:
        own.extend(iri for iri in frontier if iri == root or iri.startswith(f"{root}/"))
        triples = list(source.describe(frontier))
        frontier = _add(triples, root, found, seen)
    evidence = list(source.describe_evidence(own))
    frontier = _add(evidence, root, found, seen)
    while frontier:
        frontier = _add(list(source.describe(frontier)), root, found, seen)
    return [found[key] for key in sorted(found)]


def _add(triples: Iterable[Triple], root: str, found: dict[str, Triple], seen: set[str]) -> list[str]:
    """Keep triples; the things they name that are still to be described."""
    after: dict[str, None] = {}
    terms = load_vocabularies().by_iri
    for triple in triples:
        found[str(triple)] = triple
        if isinstance(triple.subject, NamedNode):
            seen.add(triple.subject.value)
        if isinstance(triple.object, NamedNode):
            after[triple.object.value] = None
    return [
        iri
        for iri in after
        if iri not in seen
        and iri.startswith(ID)
        and iri not in terms
        and (not iri.startswith(f"{ID}trial/") or iri.startswith(f"{root}/"))
        and not seen.add(iri)  # type: ignore[func-returns-value]
    ]
