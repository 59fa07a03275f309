"""``--where``: which records a build takes."""

from __future__ import annotations

from collections.abc import Sequence

from kg.errors import UsageError
from kg.model import Frozen, Study, Trial

CELL_THERAPY = "cell-therapy"
_WORDS = {
    "condition": ("conditions",),
    "title": ("title", "official_title"),
    "sponsor": ("sponsor", "collaborators"),
    "id": ("registry_id", "secondary_ids"),
}
"""Keys whose value is looked for inside the record's own words."""
_TERMS = {
    "status": "status",
    "phase": "phases",
    "type": "study_type",
    "sex": "sex",
    "purpose": "primary_purpose",
    "funder": "funder_types",
}
"""Keys whose value is compared with a registry's term as a whole."""
_NAMES = (CELL_THERAPY, "country", *_WORDS, *_TERMS)


class Choice(Frozen, frozen=True):
    """One restriction; of several with one key any may hold, and of each key one must."""

    key: str
    value: str = ""


def parse_choice(text: str) -> Choice:
    """A restriction as it is written on the command line.

    >>> parse_choice("status=Recruiting")
    Choice(key='status', value='recruiting')

    :raises UsageError: the key is unknown, or lacks its value.
    """
    key, _, value = text.partition("=")
    key, value = key.strip().lower(), value.strip().casefold()
    if key not in _NAMES or bool(value) == (key == CELL_THERAPY):
        raise UsageError(
            f"{text!r} is no restriction",
            mend=f"Write {CELL_THERAPY}, or KEY=VALUE with one of {', '.join(_NAMES[1:])}",
        )
    return Choice(key, value)


def is_chosen(study: Study, choices: Sequence[Choice]) -> bool:
    """Whether the record itself meets every restriction; what only extraction can tell is left open."""
    keys = {one.key for one in choices if one.key != CELL_THERAPY}
    return all(any(_holds(study, one) for one in choices if one.key == key) for key in keys)


def is_kept(trial: Trial, choices: Sequence[Choice]) -> bool:
    """Whether what was extracted meets the restrictions too."""
    return Choice(CELL_THERAPY) not in choices or any(product.is_cell for product in trial.products)


def _holds(study: Study, choice: Choice) -> bool:
    if choice.key == "country":
        countries = [site.country for site in study.sites if site.country]
        return any(choice.value in (str(fact.value).casefold(), fact.quote.text.casefold()) for fact in countries)
    if choice.key in _TERMS:
        return any(_fold(str(fact.value)) == _fold(choice.value) for fact in study.facts.get(_TERMS[choice.key], ()))
    return any(
        choice.value in str(fact.value).casefold() for key in _WORDS[choice.key] for fact in study.facts.get(key, ())
    )


def _fold(value: str) -> str:
    """A term however it is spaced: "Phase 2" is "PHASE2"."""
    return value.casefold().replace(" ", "").replace("_", "")
