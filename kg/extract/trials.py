"""What all rules find in studies, put together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kg.extract.antigens import find_mentions
from kg.extract.criteria import extract_criteria
from kg.extract.designs import find_ages, find_conditions
from kg.extract.endpoints import extract_endpoints
from kg.extract.memories import forget_all
from kg.extract.products import extract_products
from kg.extract.rules import fill_trial
from kg.model import Criterion, Endpoint, Mention, Study, Trial


def apply_rules(studies: Sequence[Study]) -> list[Trial]:
    """Everything that the rules find in each study; a subject is sought in all studies before the next.

    The tables of a subject then stay in the processor's caches.
    """
    try:
        mentions = [find_mentions(study.passages) for study in studies]
        criteria = [extract_criteria(study) for study in studies]
        endpoints = [extract_endpoints(study) for study in studies]
        return list(map(_put_together, studies, mentions, criteria, endpoints))
    finally:
        forget_all()


def _put_together(
    study: Study, mentions: tuple[Mention, ...], criteria: tuple[Criterion, ...], endpoints: tuple[Endpoint, ...]
) -> Trial:
    written, conditions = find_conditions(study)
    added = {
        **fill_trial(study),
        **find_ages(study, criteria),
        **({"conditions": written} if written else {}),
    }
    full = msgspec.structs.replace(study, facts={**study.facts, **added})
    return Trial(
        study=full,
        conditions=conditions,
        products=extract_products(study, mentions),
        endpoints=endpoints,
        criteria=criteria,
        mentions=mentions,
    )
