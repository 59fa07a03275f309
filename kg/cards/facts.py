"""One trial's part of the graph, as values that a card shows."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import Any

from pyoxigraph import DefaultGraph, NamedNode

from kg.cards.reading import Reading, canonical, parse_term
from kg.queries import to_value
from kg.store import Snapshot, StoredRecord
from kg.terms import KG, RDFS
from kg.vocabularies import load_vocabularies

LABEL = f"{RDFS}label"
_SCHEME_ORDER = {"diseaseSetting": "disease-setting", "phase": "phase"}
"""Properties whose values are shown in the order of their vocabulary."""


class Facts:
    """The nodes of a trial and their values, in the order of the record."""

    def __init__(self, snapshot: Snapshot, trial: str) -> None:
        self.engine, self.trial = snapshot.engine, trial
        self.vocabularies = load_vocabularies()
        found = snapshot.read_records(f"<{trial}>")
        self.records: list[StoredRecord] = sorted(found, key=lambda one: one.record.updated, reverse=True)
        self._held: dict[str, dict[str, list[Any]]] = {}

    @cached_property
    def reading(self) -> Reading:
        """What the trial's records say when they are read again."""
        return Reading(self.records)

    @cached_property
    def own_sites(self) -> dict[str, str]:
        """The trial's own nodes for its sites, by the site that trials share."""
        nodes = [term.value for term in self.held(self.trial, "hasTrialSite")]
        return {site.value: node for node in nodes for site in self.held(node, "site")}

    def held(self, node: str, name: str) -> list[Any]:
        """Objects of a property (local name or IRI) of a node, in no order."""
        if node not in self._held:
            held: dict[str, list[Any]] = defaultdict(list)
            for quad in self.engine.quads_for_pattern(NamedNode(node), None, None, DefaultGraph()):
                held[quad.predicate.value].append(quad.object)
            self._held[node] = held
        return self._held[node].get(property_iri(name), [])

    def values(self, node: str, name: str) -> list[Any]:
        """Objects of a property of a node, in the order of the record or of their vocabulary."""
        found = self.held(node, name)
        if len(found) < 2:
            return found
        if name in _SCHEME_ORDER:
            notations = list(self.vocabularies.scheme(_SCHEME_ORDER[name]))
            return sorted(found, key=lambda term: notations.index(self.vocabularies.refer(term.value).notation))
        texts = list(map(str, found))
        places = self.reading.find_places([(f"<{node}>", f"<{property_iri(name)}>", canonical(text)) for text in texts])
        return [term for *_, term in sorted(zip(places, texts, found, strict=True), key=lambda one: one[:2])]

    def first(self, node: str, name: str) -> Any:
        """First object of a property, or None."""
        return next(iter(self.values(node, name)), None)

    def tell(self, node: str, name: str) -> Any:
        """First value of a property as the card shows it, or None."""
        return self.show(self.first(node, name))

    def show(self, term: Any) -> Any:
        """A term as the card shows it: a concept's notation, a thing's label, a literal's value."""
        if isinstance(term, NamedNode):
            concept = self.vocabularies.by_iri.get(term.value)
            return concept.notation if concept else to_value(self.first(term.value, LABEL))
        value = to_value(term)
        return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value

    def show_text(self, value: str) -> Any:
        """A term in N-Triples as the card shows it."""
        if value.startswith("<"):
            return self.show(NamedNode(value[1:-1]))
        return self.show(parse_term(value))

    def parts(self, node: str, name: str) -> list[str]:
        """IRIs of a node's parts, in the record's order: by the position that they say, else by their place."""
        positions = {term.value: self.tell(term.value, "position") or 0 for term in self.held(node, name)}
        if len(set(positions.values())) < len(positions):
            positions = {term.value: positions[term.value] for term in self.values(node, name)}
        return sorted(positions, key=positions.__getitem__)

    def nodes(self) -> list[str]:
        """The trial and everything under its IRI."""
        seen, queue = {self.trial: None}, [self.trial]
        while queue:
            for terms in (self.held(queue[0], "hasRecord"), *self._held[queue.pop(0)].values()):
                for term in terms:
                    if (
                        isinstance(term, NamedNode)
                        and term.value.startswith(f"{self.trial}/")
                        and term.value not in seen
                    ):
                        seen[term.value] = None
                        queue.append(term.value)
        return list(seen)


def property_iri(name: str) -> str:
    """IRI of a property that is named by its local name or by the IRI itself."""
    return name if name.startswith("http") else KG + name
