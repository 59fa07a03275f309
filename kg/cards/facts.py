"""One trial's part of the graph, as values that a card shows."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import Any

from pyoxigraph import DefaultGraph, NamedNode

from kg.cards.reading import Reading, canonical, parse_term, read_again
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
        return read_again(self.records)

    def values(self, node: str, name: str) -> list[Any]:
        """Objects of a property (local name or IRI) of a node."""
        if node not in self._held:
            held: dict[str, list[Any]] = defaultdict(list)
            for quad in self.engine.quads_for_pattern(NamedNode(node), None, None, DefaultGraph()):
                held[quad.predicate.value].append(quad.object)
            self._held[node] = held
        found = self._held[node].get(name if name.startswith("http") else KG + name, [])
        if name in _SCHEME_ORDER:
            notations = list(self.vocabularies.scheme(_SCHEME_ORDER[name]))
            return sorted(found, key=lambda term: notations.index(self.vocabularies.refer(term.value).notation))
        return sorted(found, key=lambda term: (self._order(node, name, term), str(term)))

    def _order(self, node: str, name: str, term: Any) -> int:
        """Place in the record, so that lists keep its order."""
        predicate = name if name.startswith("http") else KG + name
        return self.reading.order.get((f"<{node}>", f"<{predicate}>", canonical(str(term))), 1 << 30)

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
        """IRIs of a node's parts, in the record's order."""
        found = [term.value for term in self.values(node, name)]
        return sorted(found, key=lambda iri: self.tell(iri, "position") or 0)

    def nodes(self) -> list[str]:
        """The trial and everything under its IRI."""
        seen, queue = {self.trial: None}, [self.trial]
        while queue:
            for terms in (self.values(queue[0], "hasRecord"), *self._held[queue.pop(0)].values()):
                for term in terms:
                    if (
                        isinstance(term, NamedNode)
                        and term.value.startswith(f"{self.trial}/")
                        and term.value not in seen
                    ):
                        seen[term.value] = None
                        queue.append(term.value)
        return list(seen)
