"""Two cards of one trial compared, key by key.

Cards are compared, so a difference is one of facts and not of layout. Things that have no id in a registry are matched
by their names: arms, interventions, endpoints, sites.
"""

from __future__ import annotations

from collections.abc import Iterator

from kg.cards import Card
from kg.diffs.changes import Change
from kg.diffs.endpoints import diff_endpoints
from kg.diffs.pairs import Pair, index_members
from kg.diffs.sites import diff_sites
from kg.diffs.wordings import name_criterion, name_thing

_SCALARS = {
    "title": "title",
    "status": "recruitment status",
    "enrollment": "enrolment",
    "study_type": "study type",
    "allocation": "allocation",
    "intervention_model": "intervention model",
    "masking": "masking",
    "primary_purpose": "primary purpose",
    "sex": "sex",
    "healthy_volunteers": "healthy volunteers",
    "min_age_years": "minimum age in years",
    "max_age_years": "maximum age in years",
    "sponsor": "sponsor",
    "start_date": "start date",
}
_LISTS = {
    "phases": "phase",
    "conditions": "condition",
    "disease_setting": "disease setting",
    "secondary_ids": "other id",
    "funder_types": "funder type",
    "contacts": "contact",
}
_PRODUCT_SCALARS = {
    "type": "type",
    "modality": "modality",
    "cell_type": "cell type",
    "logic": "target logic",
    "binder": "binder",
    "cell_source": "cell source",
    "off_the_shelf": "off the shelf",
    "dose_escalation": "dose escalation",
}
_PRODUCT_LISTS = {
    "targets": "target",
    "costimulation": "co-stimulation",
    "safety_switch": "safety switch",
    "edits": "edit",
    "doses": "dose",
    "lymphodepletion": "lymphodepletion drug",
}


def diff_cards(old: Card, new: Card) -> list[Change]:
    """The differences between two cards of one trial."""
    pair = Pair(old, new)
    return [
        *pair.diff_scalars(_SCALARS),
        *pair.diff_lists(_LISTS),
        *_diff_products(pair),
        *_diff_arms(pair),
        *diff_endpoints(pair),
        *diff_sites(pair),
        *_diff_criteria(pair),
    ]


def _diff_products(pair: Pair) -> Iterator[Change]:
    sides = [index_members(card.get("interventions") or (), name_thing) for card in (pair.old, pair.new)]
    yield from pair.diff_members("interventions", "intervention", sides, ("interventions", "interventions"))
    for key in filter(sides[1].__contains__, sides[0]):
        places = (f"interventions.{sides[0][key][0]}.", f"interventions.{sides[1][key][0]}.")
        of = f" of {sides[1][key][1].get('name') or 'the product'}"
        yield from pair.diff_scalars(_PRODUCT_SCALARS, "interventions.", of, places)
        yield from pair.diff_lists(_PRODUCT_LISTS, "interventions.", of, places)


def _diff_arms(pair: Pair) -> Iterator[Change]:
    sides = [index_members(card.get("arms") or (), lambda arm: str(arm["label"])) for card in (pair.old, pair.new)]
    yield from pair.diff_members("arms", "arm", sides, ("arms", "arms"))


def _diff_criteria(pair: Pair) -> Iterator[Change]:
    sides = [index_members(card.get("criteria") or (), name_criterion) for card in (pair.old, pair.new)]
    yield from pair.diff_members("criteria", "criterion", sides, ("criteria", "criteria"))
