"""From a study's words to facts: pure functions, one module per subject."""

from __future__ import annotations

import msgspec

from kg.model import Study, Trial


def extract_trial(study: Study) -> Trial:
    """Everything that the rules find in a study."""
    # Imported on first use: who needs one rule (`kg ask`, a card) is not to wait for the expressions of all.
    from kg.extract.antigens import find_mentions
    from kg.extract.criteria import extract_criteria
    from kg.extract.designs import find_ages, find_conditions, find_design, find_settings
    from kg.extract.endpoints import extract_endpoints
    from kg.extract.ethics import find_ethics_review
    from kg.extract.products import extract_products

    mentions = find_mentions(study.passages)
    criteria = extract_criteria(study)
    written, conditions = find_conditions(study)
    added = {
        **find_design(study),
        **find_ages(study, criteria),
        **find_ethics_review(study),
        **({"conditions": written} if written else {}),
    }
    full = msgspec.structs.replace(study, facts={**study.facts, **added})
    return Trial(
        study=full,
        conditions=conditions,
        settings=find_settings(study),
        products=extract_products(study, mentions),
        endpoints=extract_endpoints(study),
        criteria=criteria,
        mentions=mentions,
    )
