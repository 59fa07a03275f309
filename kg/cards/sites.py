"""Sites on a card."""

from __future__ import annotations

from typing import Any

from pyoxigraph import NamedNode

from kg.cards.evidence import Prover
from kg.cards.keys import Card
from kg.terms import GEO


def lay_out_site(prover: Prover, about: str, node: str) -> Card:
    """A site: where it is, and its own status where the record states one."""
    prover.prove(about, prover.facts.trial, "hasSite", NamedNode(node))
    card = {
        key: prover.scalar(f"{about}.{key}", node, name)
        for key, name in (("facility", "facility"), ("city", "city"), ("region", "region"), ("country", "country"))
    }
    point = prover.facts.first(node, "location")
    for key, name in (("latitude", f"{GEO}lat"), ("longitude", f"{GEO}long")):
        card[key] = prover.scalar(f"{about}.{key}", point.value, name) if point else None
    return card | {"status": _lay_out_status(prover, f"{about}.status", node)}


def _lay_out_status(prover: Prover, about: str, site: str) -> Any:
    """One status, or all of them where the record lists the site more than once."""
    own = prover.facts.own_sites.get(site)
    if own is None:
        return None
    is_one = len(prover.facts.held(own, "siteStatus")) < 2
    return (prover.scalar if is_one else prover.several)(about, own, "siteStatus")
