"""Interventions on a card: what a product is, binds, comes from and is given as."""

from __future__ import annotations

from pyoxigraph import NamedNode

from kg.cards.evidence import Prover
from kg.cards.facts import LABEL
from kg.cards.keys import Card

_SOURCE_DETAIL_LAST = ("donor",)
"""Details of a cell source that say less than any other."""


def lay_out_intervention(prover: Prover, about: str, node: str) -> Card:
    """An intervention with what it is, binds, comes from, and how it is given."""
    facts = prover.facts
    card: Card = {
        "name": prover.scalar(f"{about}.name", node, LABEL),
        "type": prover.scalar(f"{about}.type", node, "interventionType"),
        "modality": prover.scalar(f"{about}.modality", node, "modality"),
        "cell_type": prover.scalar(f"{about}.cell_type", node, "cellType"),
    }
    if card["cell_type"] and card["modality"]:
        prover.prove(f"{about}.cell_type", node, "modality", facts.first(node, "modality"))
    card |= _lay_out_bindings(prover, about, node)
    card |= _lay_out_source(prover, about, node)
    for key, name in (("costimulation", "costimulation"), ("safety_switch", "safetySwitch"), ("edits", "edit")):
        card[key] = prover.several(f"{about}.{key}", node, name)
    doses = enumerate(facts.parts(node, "hasDose"))
    card["doses"] = [_lay_out_dose(prover, f"{about}.doses.{index}", node, dose) for index, dose in doses]
    card["dose_escalation"] = prover.scalar(f"{about}.dose_escalation", node, "doseEscalation")
    card["lymphodepletion"] = prover.several(f"{about}.lymphodepletion", node, "lymphodepletion")
    return card


def _lay_out_bindings(prover: Prover, about: str, node: str) -> Card:
    """The antigens that a product binds, the record's words for them, and what binds them."""
    facts = prover.facts
    bindings = facts.parts(node, "hasBinding")
    antigens = [facts.first(binding, "antigen") for binding in bindings]
    for index, (binding, antigen) in enumerate(zip(bindings, antigens, strict=True)):
        prover.prove(f"{about}.targets.{index}", binding, "antigen", antigen)
    for binding, antigen in zip(bindings, antigens, strict=True):
        prover.prove(f"{about}.target_as_written", binding, "antigen", antigen)
    written = [facts.tell(binding, "asWritten") for binding in bindings]
    card: Card = {
        "targets": [facts.show(antigen) for antigen in antigens],
        "target_as_written": written[0] if len(written) == 1 else written or None,
        "logic": prover.scalar(f"{about}.logic", node, "logic"),
    }
    for key, name in (("binder", "binder"), ("binder_type", "binderType")):
        holder = next((binding for binding in bindings if facts.first(binding, name) is not None), node)
        card[key] = prover.scalar(f"{about}.{key}", holder, name)
    return card


def _lay_out_source(prover: Prover, about: str, node: str) -> Card:
    """Top value, detail, words and basis of the cell source; a product made either way is ``both``."""
    facts, scheme = prover.facts, prover.facts.vocabularies.scheme("cell-source")
    terms = {facts.vocabularies.refer(term.value).notation: term for term in facts.values(node, "cellSource")}
    tops = [notation for notation in terms if not scheme[notation].broader]
    details = sorted(
        (notation for notation in terms if notation not in tops),
        key=lambda notation: (notation in _SOURCE_DETAIL_LAST, notation),
    )
    for notation in tops:
        for key in ("cell_source", "cell_source_as_written", "basis"):
            prover.prove(f"{about}.{key}", node, "cellSource", terms[notation])
    for notation in details[:1]:
        prover.prove(f"{about}.cell_source_detail", node, "cellSource", terms[notation])
    return {
        "cell_source": "both" if len(tops) > 1 else next(iter(tops), None),
        "cell_source_detail": next(iter(details), None),
        "cell_source_as_written": facts.tell(node, "cellSourceAsWritten"),
        "basis": facts.tell(node, "sourceBasis"),
        "off_the_shelf": prover.scalar(f"{about}.off_the_shelf", node, "offTheShelf"),
    }


def _lay_out_dose(prover: Prover, about: str, product: str, node: str) -> Card:
    prover.prove(about, product, "hasDose", NamedNode(node))
    names = (("low", "doseLow"), ("high", "doseHigh"), ("unit", "doseUnit"), ("role", "doseRole"))
    return {key: prover.facts.tell(node, name) for key, name in names}
