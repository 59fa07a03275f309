"""From a study's words to facts: pure functions, one module per subject."""

from __future__ import annotations

from collections.abc import Sequence

from kg.model import Study, Trial


def extract_trial(study: Study) -> Trial:
    """Everything that the rules find in a study."""
    return extract_trials((study,))[0]


def extract_trials(studies: Sequence[Study]) -> list[Trial]:
    """Everything that the rules find in each study."""
    # Imported on first use: who needs one rule (`kg ask`, a card) is not to wait for the expressions of all.
    from kg.extract.trials import apply_rules

    return apply_rules(studies)
