"""A trial's card as a whole: a loop over the fields of the trial and of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyoxigraph import NamedNode

from kg.cards.evidence import Prover
from kg.cards.facts import LABEL, Facts
from kg.cards.keys import NEVER_MISSING, Card, card_key
from kg.cards.views import ADDED, VIEWS
from kg.fields import Field, load_fields
from kg.store import Snapshot, StoredRecord
from kg.terms import KG

_OF_CARD = frozenset({"file", "records", "not_stated"})
"""Keys that the card fills by itself."""


def build_card(snapshot: Snapshot, trial: str) -> Card:
    """The card of a trial (its IRI)."""
    facts = Facts(snapshot.focus(trial), trial)
    prover = Prover(facts)
    card: Card = {
        "file": facts.records[0].record.file if facts.records else None,
        "trial": trial,
        **_lay_out(prover, "", "", trial),
        "conflicts": prover.list_conflicts(),
        "records": [_lay_out_record(one) for one in facts.records],
    }
    prover.fill(card)
    card["not_stated"] = _list_not_stated(prover, card)
    return card


def _lay_out(prover: Prover, group: str, about: str, node: str) -> Card:
    """The values of a thing, by key; ``group`` is the card key of things like it, ``about`` that of this one."""
    fields, card = load_fields(), Card()
    if name := fields.name_keys.get(fields.class_of(group)):
        card[name] = prover.scalar(_join(about, name), node, LABEL)
    for key, several in fields.of_group(group).items():
        path, at = _join(group, key), _join(about, key)
        if path in _OF_CARD:
            continue
        if view := VIEWS.get(path):
            card |= view(prover, about, node)
        elif not several:
            inside = _lay_out(prover, path, at, node)
            card[key] = inside if any(value is not None for value in inside.values()) else None
        else:
            card[key] = _read(prover, at, node, several)
    return card | (ADDED[group](prover, about, node) if group in ADDED else {})


def _join(about: str, key: str) -> str:
    return f"{about}.{key}" if about else key


def _read(prover: Prover, about: str, node: str, fields: Sequence[Field]) -> Any:
    """What stands at a key: a value, a list, the ends of a span, or parts with keys of their own."""
    field = fields[0]
    if link := load_fields().find_link(field):
        return _read_linked(prover, about, node, link, fields)
    if len(fields) > 1 and field.kind == "term":  # one of several properties has the value
        return next(filter(None, (prover.scalar(about, node, one.name) for one in fields)), None)
    if len(fields) > 1:
        return _read_span(prover, about, node, fields)
    if field.range and load_fields().of_group(field.path):
        parts = enumerate(prover.facts.parts(node, field.name))
        return [_lay_out_part(prover, field, f"{about}.{index}", node, part) for index, part in parts]
    return (prover.several if field.is_many else prover.scalar)(about, node, field.name)


def _lay_out_part(prover: Prover, field: Field, about: str, node: str, part: str) -> Card:
    prover.prove(about, node, field.name, NamedNode(part))
    return _lay_out(prover, field.path, about, part)


def _read_linked(prover: Prover, about: str, node: str, link: Field, fields: Sequence[Field]) -> Any:
    """What things that the node leads to say: the first that says it. Without words of its own, those of the link."""
    held = prover.facts.parts(node, link.name)
    holder = next((one for one in held if any(prover.facts.held(one, field.name) for field in fields)), None)
    if holder is None:
        return None
    known = len(prover.entries)
    is_span = len(fields) > 1
    value = _read_span(prover, about, holder, fields) if is_span else prover.scalar(about, holder, fields[0].name)
    if len(prover.entries) == known:
        prover.prove(about, node, link.name, NamedNode(holder))
    return value


def _read_span(prover: Prover, about: str, node: str, fields: Sequence[Field]) -> Any:
    """A list where one is told, else the two ends; one value where they are equal or only one is known."""
    facts = prover.facts
    for field in fields:
        term = facts.first(node, field.name)
        if term is not None and prover.prove(about, node, field.name, term):
            break
    for field in fields:
        if field.is_many and len(listed := facts.values(node, field.name)) > 1:
            return sorted(float(facts.show(term)) for term in listed)
    low, high = (facts.tell(node, field.name) for field in fields if not field.is_many)
    if None in (low, high):
        return high if low is None else low
    return low if low == high else [low, high]


def _lay_out_record(stored: StoredRecord) -> Card:
    record = stored.record
    return {
        "file": record.file,
        "format": record.format,
        "sha256": record.sha256,
        "updated": record.updated or None,
        "iri": stored.iri[1:-1],
    }


def _list_not_stated(prover: Prover, card: Card) -> list[str]:
    """Card keys that the records do not tell; a key of an intervention stands by its own name."""
    found = {key: None for key, value in card.items() if key not in NEVER_MISSING and value in (None, [])}
    facts = prover.facts
    if facts.first(facts.trial, "summarisedIn") is not None:
        found.pop("brief_summary", None)
    for node in (facts.trial, *facts.parts(facts.trial, "hasIntervention")):
        for term in facts.held(node, "notStated"):
            found[card_key(term.value.removeprefix(KG)).rpartition(".")[2]] = None
    return sorted(found)
