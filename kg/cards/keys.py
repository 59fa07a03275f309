"""The keys of a card, and the properties whose values stand at them."""

from __future__ import annotations

from functools import cache
from typing import Any

from pyoxigraph import RdfFormat, parse

from kg.resources import list_files
from kg.terms import KG

Card = dict[str, Any]
SCALARS = (
    ("title", "title"),
    ("study_type", "studyType"),
    ("status", "status"),
    ("allocation", "allocation"),
    ("intervention_model", "interventionModel"),
    ("masking", "masking"),
    ("primary_purpose", "primaryPurpose"),
    ("sex", "sex"),
    ("healthy_volunteers", "healthyVolunteers"),
    ("min_age_years", "minAgeYears"),
    ("max_age_years", "maxAgeYears"),
    ("sponsor", "sponsor"),
    ("ethics_review", "ethicsReview"),
    ("start_date", "startDate"),
    ("number_of_arms", "numberOfArms"),
    ("number_of_sites", "numberOfSites"),
    ("data_source", "dataSource"),
)
LISTS = (
    ("secondary_ids", "secondaryId"),
    ("phases", "phase"),
    ("funder_types", "funderType"),
    ("conditions", "conditionName"),
    ("disease_setting", "diseaseSetting"),
    ("contacts", "contactName"),
)
NEVER_MISSING = frozenset({"file", "trial", "records", "evidence", "not_targets", "conflicts"})
"""Keys of the card itself, and lists of which an empty one is the whole truth."""


def card_key(name: str) -> str:
    """Key of the card that shows a property (its local name).

    >>> card_key("cellSource")
    'interventions.cell_source'
    """
    return _load_card_keys().get(name, name)


@cache
def _load_card_keys() -> dict[str, str]:
    path = next(path for path in list_files("ontology", ".ttl") if path.name == "kg.ttl")
    return {
        triple.subject.value.removeprefix(KG): triple.object.value
        for triple in parse(path=str(path), format=RdfFormat.TURTLE)
        if triple.predicate.value == f"{KG}cardKey"
    }
