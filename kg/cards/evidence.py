"""The words behind a card's values."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property, partial
from typing import Any

from pyoxigraph import NamedNode

from kg.cards.facts import LABEL, Facts, property_iri
from kg.cards.keys import Card, card_key
from kg.cards.reading import Key, Proof, canonical
from kg.store import list_subjects
from kg.terms import KG


class Prover:
    """Reads the values of a card, and collects the words behind each."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.entries: list[Card] = []

    @cached_property
    def _proofs(self) -> dict[Key, list[Proof]]:
        """Evidence nodes of the graph by the statement that they support."""
        found: dict[Key, list[Proof]] = defaultdict(list)
        for node in self.facts.nodes():
            for iri in list_subjects(self.facts.engine, f"{KG}subject", NamedNode(node)):
                first = partial(self.facts.first, iri)
                held = first("object") or first("objectValue")
                found[f"<{node}>", str(first("predicate")), canonical(str(held))].append(self._read_proof(iri))
        return {
            key: sorted(proofs, key=lambda one: (one.is_superseded, one.field, one.start))
            for key, proofs in found.items()
        }

    def _read_proof(self, node: str) -> Proof:
        tell = partial(self.facts.tell, node)
        return Proof(
            field=tell("field"),
            start=tell("start"),
            end=tell("end"),
            quote=tell("exactWords"),
            rule=tell("rule") or "",
            basis=tell("basis"),
            record=self.facts.tell(self.facts.first(node, "fromRecord").value, "fileName"),
            is_superseded=bool(tell("superseded")),
        )

    def prove(self, about: str, node: str, name: str, term: Any) -> Proof | None:
        """Add the words behind what the card will have at ``about``, where there are any; `fill` adds the value."""
        key = (f"<{node}>", f"<{property_iri(name)}>", canonical(str(term)))
        standing = (one for one in self._proofs.get(key, ()) if not one.is_superseded)
        proof = next(standing, None) or self.facts.reading.find_proof(key)
        if proof:
            self.entries.append(
                {
                    "about": about,
                    "value": None,
                    "quote": proof.quote,
                    "field": proof.field,
                    "start": proof.start,
                    "end": proof.end,
                    "rule": proof.rule,
                    "basis": proof.basis,
                    "record": proof.record,
                }
            )
        return proof

    def scalar(self, about: str, node: str, name: str) -> Any:
        """The one value of a property, proved."""
        term = self.facts.first(node, name)
        if term is None:
            return None
        value = self.facts.show(term)
        self.prove(about, node, name, term)
        return value

    def several(self, about: str, node: str, name: str) -> list[Any]:
        """All values of a property, each proved."""
        shown = []
        for index, term in enumerate(self.facts.values(node, name)):
            value = self.facts.show(term)
            self.prove(f"{about}.{index}", node, name, term)
            shown.append(value)
        return shown

    def fill(self, card: Card) -> None:
        """Put the evidence into the finished card, each with the value that stands at its path."""
        for one in self.entries:
            one["value"] = _find_value(card, one["about"])
        card["evidence"] = self.entries

    def list_conflicts(self) -> list[Card]:
        """Properties on which records disagree, with what each record says."""
        old = {
            (subject, predicate)
            for (subject, predicate, _), proofs in self._proofs.items()
            if any(one.is_superseded for one in proofs)
        }
        found: dict[tuple[str, str], list[Card]] = defaultdict(list)
        for (subject, predicate, value), proofs in sorted(self._proofs.items()):
            if (subject, predicate) in old:
                of = "" if subject[1:-1] == self.facts.trial else self._name_part(subject[1:-1])
                for proof in proofs:
                    shown = {"value": self.facts.show_text(value), "record": proof.record}
                    key = card_key(predicate[1:-1].removeprefix(KG))
                    if shown not in found[key, of]:
                        found[key, of].append(shown)
        newest = [one.record.file for one in self.facts.records]
        return [
            {
                "key": key,
                **({"of": of} if of else {}),
                "values": sorted(values, key=lambda one: newest.index(one["record"])),
            }
            for (key, of), values in sorted(found.items())
        ]

    def _name_part(self, node: str) -> str:
        """What a part of the trial is called: the site that it is about."""
        site = self.facts.first(node, "site")
        return str(self.facts.tell(site.value, LABEL)) if site else ""


def _find_value(card: Card, about: str) -> Any:
    """What stands at a dotted path of a card."""
    value: Any = card
    for step in about.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value
