"""``--where``: which records a build takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from kg.errors import QueryError, UsageError
from kg.extract.rules import load_rules
from kg.fields import Field, load_fields
from kg.model import Frozen, Study, Trial
from kg.parameters import resolve_term

CELL_THERAPY = "cell-therapy"


@cache
def _list_keys() -> dict[str, tuple[Field, ...]]:
    """Fields by the key under which a build chooses by them."""
    found: dict[str, tuple[Field, ...]] = {}
    for one in load_fields().all:
        if one.filter_key:
            found[one.filter_key] = (*found.get(one.filter_key, ()), one)
    return found


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
    if (key != CELL_THERAPY and key not in _list_keys()) or bool(value) == (key == CELL_THERAPY):
        raise UsageError(
            f"{text!r} is no restriction",
            where="--where",
            mend=f"Write {CELL_THERAPY}, or KEY=VALUE with one of {', '.join(sorted(_list_keys()))}",
        )
    scheme = "" if key == CELL_THERAPY else _list_keys()[key][0].scheme
    if not scheme:
        return Choice(key, value.casefold())
    try:
        return Choice(key, resolve_term(scheme, value).notation)
    except QueryError as error:
        raise UsageError(error.what, where=f"--where {key}", mend=error.mend) from None


def is_chosen(study: Study, choices: Sequence[Choice]) -> bool:
    """Whether the record itself meets every restriction; what only extraction can tell is left open."""
    keys = {one.key for one in choices if one.key != CELL_THERAPY}
    return all(_is_open(study, key) or _meets(study, key, choices) for key in keys)


def _is_open(study: Study, key: str) -> bool:
    """Whether a rule may yet tell what the record has no field for."""
    ruled = {rule.fills for rule in load_rules()}
    return any(field.path in ruled and field.path not in study.facts for field in _list_keys()[key])


def _meets(study: Study, key: str, choices: Sequence[Choice]) -> bool:
    return any(_holds(study, one) for one in choices if one.key == key)


def is_kept(trial: Trial, choices: Sequence[Choice]) -> bool:
    """Whether what was extracted meets the restrictions too."""
    if Choice(CELL_THERAPY) in choices and not any(product.is_cell for product in trial.products):
        return False
    return all(_meets(trial.study, one.key, choices) for one in choices if one.key != CELL_THERAPY)


def _holds(study: Study, choice: Choice) -> bool:
    """Whether a term is the one that was named, or the record's own words hold what was written."""
    for field in _list_keys()[choice.key]:
        for value in _list_values(study, field):
            if value == choice.value if field.scheme else choice.value in str(value).casefold():
                return True
    return False


def _list_values(study: Study, field: Field) -> Iterator[Any]:
    """What a record has for a field of the trial, or of its sites."""
    if field.group == "sites":
        held = (getattr(site, field.key) for site in study.sites)
        return (fact.value for fact in held if fact)
    return (fact.value for fact in study.facts.get(field.path, ()))
