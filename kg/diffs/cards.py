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
from kg.fields import load_fields


def diff_cards(old: Card, new: Card) -> list[Change]:
    """The differences between two cards of one trial."""
    pair = Pair(old, new)
    return [
        *pair.diff_scalars(_list_compared("", "value")),
        *pair.diff_lists(_list_compared("", "member")),
        *_diff_inside(pair),
        *_diff_products(pair),
        *_diff_arms(pair),
        *diff_endpoints(pair),
        *diff_sites(pair),
        *_diff_criteria(pair),
    ]


def _list_compared(group: str, how: str) -> dict[str, str]:
    """Keys of things that are compared in one way, with what each is called; things of the trial are compared apart."""
    return {
        key: fields[0].shown_as
        for key, fields in load_fields().of_group(group).items()
        if fields and fields[0].compared == how and (group or fields[0].kind not in ("part", "record", "property"))
    }


def _diff_inside(pair: Pair) -> Iterator[Change]:
    """Objects of the card that are no list."""
    for key, fields in load_fields().of_group().items():
        if not fields:
            place = f"{key}."
            yield from pair.diff_scalars(_list_compared(key, "value"), place, places=(place, place))


def _diff_products(pair: Pair) -> Iterator[Change]:
    sides = [index_members(card.get("interventions") or (), name_thing) for card in (pair.old, pair.new)]
    yield from pair.diff_members("interventions", "intervention", sides, ("interventions", "interventions"))
    for key in filter(sides[1].__contains__, sides[0]):
        places = (f"interventions.{sides[0][key][0]}.", f"interventions.{sides[1][key][0]}.")
        of = f" of {sides[1][key][1].get('name') or 'the product'}"
        yield from pair.diff_scalars(_list_compared("interventions", "value"), "interventions.", of, places)
        yield from pair.diff_lists(_list_compared("interventions", "member"), "interventions.", of, places)


def _diff_arms(pair: Pair) -> Iterator[Change]:
    sides = [index_members(card.get("arms") or (), lambda arm: str(arm["label"])) for card in (pair.old, pair.new)]
    yield from pair.diff_members("arms", "arm", sides, ("arms", "arms"))


def _diff_criteria(pair: Pair) -> Iterator[Change]:
    sides = [index_members(card.get("criteria") or (), name_criterion) for card in (pair.old, pair.new)]
    yield from pair.diff_members("criteria", "criterion", sides, ("criteria", "criteria"))
