"""Keys of the card whose values are no plain copy of one property."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kg.cards.evidence import Prover
from kg.cards.facts import LABEL
from kg.cards.keys import Card
from kg.terms import GEO

_SOURCE_DETAIL_LAST = ("donor",)
"""Details of a cell source that say less than any other."""
View = Callable[[Prover, str, str], Card]
"""Gives keys and values from the collector of words, the dotted path of the thing on the card, and its node."""


def _show_brief_summary(prover: Prover, about: str, node: str) -> Card:
    """The words, from the record; None too where a server holds no texts."""
    record = prover.facts.first(node, "summarisedIn")
    proof = prover.prove("brief_summary", node, "summarisedIn", record) if record else None
    return {"brief_summary": proof.quote if proof else None}


def _show_targets(prover: Prover, about: str, node: str) -> Card:
    """The antigens that a product binds."""
    antigens = _list_bound(prover, node)
    for index, (binding, antigen) in enumerate(antigens):
        prover.prove(f"{about}.targets.{index}", binding, "antigen", antigen)
    return {"targets": [prover.facts.show(antigen) for _, antigen in antigens]}


def _show_written_targets(prover: Prover, about: str, node: str) -> Card:
    """The record's words for the antigens: one, or a list."""
    antigens = _list_bound(prover, node)
    for binding, antigen in antigens:
        prover.prove(f"{about}.target_as_written", binding, "antigen", antigen)
    written = [prover.facts.tell(binding, "asWritten") for binding, _ in antigens]
    return {"target_as_written": written[0] if len(written) == 1 else written or None}


def _list_bound(prover: Prover, node: str) -> list[tuple[str, Any]]:
    facts = prover.facts
    return [(binding, facts.first(binding, "antigen")) for binding in facts.parts(node, "hasBinding")]


def _show_cell_source(prover: Prover, about: str, node: str) -> Card:
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
    }


def _add_point(prover: Prover, about: str, node: str) -> Card:
    """Where a site lies, in degrees (WGS 84)."""
    point = prover.facts.first(node, "location")
    return {
        key: prover.scalar(f"{about}.{key}", point.value, f"{GEO}{name}") if point else None
        for key, name in (("latitude", "lat"), ("longitude", "long"))
    }


def _add_label_words(prover: Prover, about: str, node: str) -> Card:
    """An endpoint rests on the words of its name."""
    prover.prove(about, node, LABEL, prover.facts.first(node, LABEL))
    return {}


def _add_quote(prover: Prover, about: str, node: str) -> Card:
    """The words that name an antigen without its being a target."""
    return {"quote": next((one["quote"] for one in prover.entries if one["about"] == about), None)}


def _show_negated(prover: Prover, about: str, node: str) -> Card:
    """Whether a criterion asks for the absence of its measure; a card always says so."""
    return {"negated": prover.facts.first(node, "negated") is not None}


def _show_site_status(prover: Prover, about: str, node: str) -> Card:
    """One status of the site's own, or all of them where the record lists the site more than once."""
    facts, at = prover.facts, f"{about}.status"
    own = facts.own_sites.get(node)
    if own is None:
        return {"status": None}
    read = prover.scalar if len(facts.held(own, "siteStatus")) < 2 else prover.several
    return {"status": read(at, own, "siteStatus")}


VIEWS: dict[str, View] = {
    "sites.status": _show_site_status,
    "criteria.negated": _show_negated,
    "brief_summary": _show_brief_summary,
    "interventions.targets": _show_targets,
    "interventions.target_as_written": _show_written_targets,
    "interventions.cell_source": _show_cell_source,
}
"""By card key: what stands there in the place of a property's values."""
ADDED: dict[str, View] = {"sites": _add_point, "endpoints": _add_label_words, "not_targets": _add_quote}
"""By card key of a list: what its things show beside their fields."""
