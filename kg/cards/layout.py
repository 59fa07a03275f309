"""A trial's card as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kg.cards.evidence import Prover
from kg.cards.facts import LABEL, Facts
from kg.cards.keys import LISTS, NEVER_MISSING, SCALARS, Card, card_key
from kg.cards.outcomes import lay_out_criterion, lay_out_endpoint, lay_out_mention
from kg.cards.products import lay_out_intervention
from kg.cards.sites import lay_out_site
from kg.store import Snapshot, StoredRecord
from kg.terms import KG


def build_card(snapshot: Snapshot, trial: str) -> Card:
    """The card of a trial (its IRI)."""
    facts = Facts(snapshot.focus(trial), trial)
    prover = Prover(facts)
    card: Card = {
        "file": facts.records[0].record.file if facts.records else None,
        "trial": trial,
        "registry_id": prover.scalar("registry_id", trial, "registryId"),
    }
    scalars = {key: prover.scalar(key, trial, name) for key, name in SCALARS}
    lists = {key: prover.several(key, trial, name) for key, name in LISTS}
    card |= {
        "secondary_ids": lists["secondary_ids"],
        "title": scalars["title"],
        "study_type": scalars["study_type"],
        "phases": lists["phases"],
        "status": scalars["status"],
        "enrollment": _lay_out_enrollment(prover),
    }
    card |= {**scalars, **lists}
    card["responsible_party"] = _lay_out_responsible_party(prover)
    card["brief_summary"] = _lay_out_brief_summary(prover)
    for key, name, lay_out in _PARTS:
        parts = facts.parts(trial, name)
        card[key] = [lay_out(prover, f"{key}.{index}", node) for index, node in enumerate(parts)]
    card["conflicts"] = prover.list_conflicts()
    card["records"] = [_lay_out_record(one) for one in facts.records]
    prover.fill(card)
    card["not_stated"] = _list_not_stated(prover, card)
    return card


def _lay_out_enrollment(prover: Prover) -> Any:
    """Number of participants, or the two ends of a range."""
    facts = prover.facts
    low, high = facts.tell(facts.trial, "enrollmentMin"), facts.tell(facts.trial, "enrollmentMax")
    if low is None or high is None:
        return None
    prover.prove("enrollment", facts.trial, "enrollmentMin", facts.first(facts.trial, "enrollmentMin"))
    return low if low == high else [low, high]


def _lay_out_responsible_party(prover: Prover) -> Card | None:
    """Who answers for the record, as it is stated there: the kind, and the name where the record gives one."""
    names = (("type", "responsiblePartyType"), ("name", "responsibleParty"))
    trial = prover.facts.trial
    party = {key: prover.scalar(f"responsible_party.{key}", trial, name) for key, name in names}
    return party if any(party.values()) else None


def _lay_out_brief_summary(prover: Prover) -> str | None:
    """The words, from the record; None too where a server holds no texts."""
    trial, record = prover.facts.trial, prover.facts.first(prover.facts.trial, "summarisedIn")
    proof = prover.prove("brief_summary", trial, "summarisedIn", record) if record else None
    return proof.quote if proof else None


def _lay_out_arm(prover: Prover, about: str, node: str) -> Card:
    return {
        "label": prover.scalar(f"{about}.label", node, LABEL),
        "type": prover.scalar(f"{about}.type", node, "armType"),
        "interventions": prover.several(f"{about}.interventions", node, "usesIntervention"),
    }


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


_PARTS: tuple[tuple[str, str, Callable[[Prover, str, str], Card]], ...] = (
    ("arms", "hasArm", _lay_out_arm),
    ("interventions", "hasIntervention", lay_out_intervention),
    ("endpoints", "hasEndpoint", lay_out_endpoint),
    ("sites", "hasSite", lay_out_site),
    ("criteria", "hasCriterion", lay_out_criterion),
    ("not_targets", "hasAntigenMention", lay_out_mention),
)
"""Lists of a card: key, property, and what lays out one part."""
