"""Endpoints, criteria and mentions on a card."""

from __future__ import annotations

from typing import Any

from pyoxigraph import NamedNode

from kg.cards.evidence import Prover
from kg.cards.facts import LABEL, Facts
from kg.cards.keys import Card


def lay_out_endpoint(prover: Prover, about: str, node: str) -> Card:
    """An endpoint: role, name, kinds, time frame and grading."""
    facts = prover.facts
    name = prover.scalar(f"{about}.name", node, LABEL)
    prover.prove(about, node, LABEL, facts.first(node, LABEL))
    frame = facts.first(node, "timeFrame")
    card: Card = {
        "role": facts.tell(node, "endpointRole"),
        "name": name,
        "kind": facts.tell(node, "mainKind"),
        "kinds": prover.several(f"{about}.kinds", node, "endpointKind"),
        "time_frame": None,
        "time_frame_days": None,
        "anchor": None,
    }
    if frame:
        card |= _lay_out_time_frame(facts, frame.value)
        for key in ("time_frame", "time_frame_days"):
            prover.prove(f"{about}.{key}", node, "timeFrame", frame)
    return card | {"grading": prover.scalar(f"{about}.grading", node, "grading")}


def _lay_out_time_frame(facts: Facts, node: str) -> Card:
    listed = sorted(float(facts.show(term)) for term in facts.values(node, "atDays"))
    return {
        "time_frame": facts.tell(node, LABEL),
        "time_frame_days": listed
        if len(listed) > 1
        else _show_span(facts.tell(node, "minDays"), facts.tell(node, "maxDays")),
        "anchor": facts.tell(node, "anchor"),
    }


def _show_span(low: Any, high: Any) -> Any:
    """Two bounds as a card shows them: one value where they are equal or only one is known."""
    if None in (low, high):
        return high if low is None else low
    return low if low == high else [low, high]


def lay_out_criterion(prover: Prover, about: str, node: str) -> Card:
    """An eligibility criterion; ``antigen`` and ``negated`` stand only where they say something."""
    facts = prover.facts
    antigen = facts.tell(node, "antigen")
    measure = facts.tell(node, "measure") or facts.tell(node, "absentMeasure")
    prover.prove(about, facts.trial, "hasCriterion", NamedNode(node))
    return {
        "list": facts.tell(node, "criterionList"),
        "measure": measure,
        **({"negated": True} if facts.first(node, "negated") else {}),
        "op": facts.tell(node, "comparator"),
        "value": _show_span(facts.tell(node, "thresholdLow"), facts.tell(node, "thresholdHigh")),
        "unit": facts.tell(node, "unit"),
        **({"antigen": antigen} if antigen else {}),
    }


def lay_out_mention(prover: Prover, about: str, node: str) -> Card:
    """An antigen that is named without being a target."""
    proof = prover.prove(about, prover.facts.trial, "hasAntigenMention", NamedNode(node))
    return {
        "antigen": prover.facts.tell(node, "antigen"),
        "role": prover.facts.tell(node, "mentionRole"),
        "quote": proof.quote if proof else None,
    }
