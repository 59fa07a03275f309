"""Status and place are conditions on one site: a recruiting trial that has a site in Boston need not recruit there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from kg.ask.filters import FILTERS, Filter, put_values
from kg.ask.plans import Used
from kg.ask.readings import Reading
from kg.queries import load_queries

_PLACES = ("site", "country", "region")
"""Concepts that say where."""


def join_status_and_place(asked: Mapping[str, Used], filters: Iterable[Filter], reading: Reading) -> list[Filter]:
    """The filters, in which the status that is asked for is asked of the place that is asked for.

    :param asked: Values that the question's own query takes, by parameter. It joins what it takes itself.
    """
    kept = list(filters)
    taken = {concept: used for used in asked.values() for concept, _ in used[:1]}
    held = [taken, *(_group(one) for one in kept if not one.is_negated)]
    status = next((group["status"] for group in held if "status" in group), None)
    places = {concept: group[concept] for group in held for concept in _PLACES if concept in group}
    for concept, used in places.items():
        query, name = FILTERS[concept]
        value = {name: put_values(used, reading)}
        if status and not (concept in taken and "status" in taken):
            kept = _add(kept, Filter(query, {**value, "status": put_values(status, reading)}, used))
        kept = [_turn(one, query, value) for one in kept]
    return kept


def _group(one: Filter) -> dict[str, Used]:
    """The uses of a filter by concept."""
    found: dict[str, Used] = {}
    for concept, mention in one.uses:
        found[concept] = (*found.get(concept, ()), (concept, mention))
    return found


def _add(filters: list[Filter], joint: Filter) -> list[Filter]:
    """The filters with one more condition: part of the filter that has the place, where there is one."""
    for number, one in enumerate(filters):
        if not one.is_negated and one.query == joint.query and one.parameters.keys() & joint.parameters.keys():
            merged = msgspec.structs.replace(one, parameters={**one.parameters, **joint.parameters})
            return [*filters[:number], merged, *filters[number + 1 :]]
    return [joint, *filters]


def _turn(one: Filter, query: str, place: dict[str, str]) -> Filter:
    """A status that a trial must not have, asked of the place: closed there is enough."""
    is_status = one.is_negated and one.parameters.keys() == {"status"} and "status" in load_queries()[query].parameters
    return Filter(query, {**place, **one.parameters}, one.uses, is_negated=True) if is_status else one
