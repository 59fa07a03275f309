"""``--where``: which records a build takes."""

from __future__ import annotations

from collections.abc import Sequence

from kg.errors import QueryError, UsageError
from kg.model import Frozen, Study, Trial
from kg.parameters import resolve_term

CELL_THERAPY = "cell-therapy"
_COUNTRY = "country"
_TERMS = {
    "status": ("status", "status"),
    "phase": ("phases", "phase"),
    "type": ("study_type", "study-type"),
    "sex": ("sex", "sex"),
    "purpose": ("primary_purpose", "primary-purpose"),
}
"""Keys whose value is a term: the record's key, and the vocabulary."""
_WORDS = {
    "condition": ("conditions",),
    "title": ("title", "official_title"),
    "sponsor": ("sponsor", "collaborators"),
    "id": ("registry_id", "secondary_ids"),
    "funder": ("funder_types",),
}
"""Keys whose value is looked for inside the record's own words."""
_NAMES = (CELL_THERAPY, *_TERMS, _COUNTRY, *_WORDS)


class Choice(Frozen, frozen=True):
    """One restriction; of several with one key any may hold, and of each key one must."""

    key: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.key}={self.value}" if self.value else self.key


def parse_choice(text: str) -> Choice:
    """A restriction as it is written on the command line.

    >>> str(parse_choice("status=Recruiting")), str(parse_choice("country=Switzerland"))
    ('status=RECRUITING', 'country=CH')

    :raises UsageError: the key is unknown, lacks its value, or takes other values; near ones are given.
    """
    key, _, value = text.partition("=")
    key, value = key.strip().lower(), value.strip()
    if key not in _NAMES or bool(value) == (key == CELL_THERAPY):
        raise UsageError(
            f"{text!r} is no restriction",
            where="--where",
            mend=f"Write {CELL_THERAPY}, or KEY=VALUE with one of {', '.join(_NAMES[1:])}",
        )
    scheme = _COUNTRY if key == _COUNTRY else _TERMS[key][1] if key in _TERMS else ""
    if not scheme:
        return Choice(key, value.casefold())
    try:
        return Choice(key, resolve_term(scheme, value).notation)
    except QueryError as error:
        raise UsageError(error.what, where=f"--where {key}", mend=error.mend) from None


def is_chosen(study: Study, choices: Sequence[Choice]) -> bool:
    """Whether the record itself meets every restriction; what only extraction can tell is left open."""
    keys = {one.key for one in choices if one.key != CELL_THERAPY}
    return all(any(_holds(study, one) for one in choices if one.key == key) for key in keys)


def is_kept(trial: Trial, choices: Sequence[Choice]) -> bool:
    """Whether what was extracted meets the restrictions too."""
    return Choice(CELL_THERAPY) not in choices or any(product.is_cell for product in trial.products)


def _holds(study: Study, choice: Choice) -> bool:
    if choice.key == _COUNTRY:
        return any(site.country and site.country.value == choice.value for site in study.sites)
    if choice.key in _TERMS:
        return any(fact.value == choice.value for fact in study.facts.get(_TERMS[choice.key][0], ()))
    return any(
        choice.value in str(fact.value).casefold() for key in _WORDS[choice.key] for fact in study.facts.get(key, ())
    )
