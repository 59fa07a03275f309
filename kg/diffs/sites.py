"""Sites of two cards: opened, closed, in another region's words, and with another status of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from kg.diffs.changes import Change, make_change
from kg.diffs.pairs import Pair, index_members
from kg.diffs.wordings import name_place, name_site, say_change, show_value
from kg.errors import count

Sites = dict[str, tuple[int, dict[str, Any]]]
"""Sites with their positions, by name."""


def diff_sites(pair: Pair) -> Iterator[Change]:
    """What changed among the sites. One whose region is reworded is the same."""
    sides: list[Sites] = [index_members(card.get("sites") or (), name_site) for card in (pair.old, pair.new)]
    lone = [
        {name_place(site): name for name, (_, site) in side.items() if name not in other}
        for side, other in (sides, sides[::-1])
    ]
    matched = [(name, name) for name in sides[0] if name in sides[1]]
    reworded = [(lone[0][place], lone[1][place]) for place in lone[0] if place in lone[1]]
    for names in reworded:
        yield _tell_region(pair, sides, names)
    yield from _diff_statuses(pair, sides, [*matched, *reworded])
    for side, name in ((side, names[side]) for names in reworded for side in (0, 1)):
        del sides[side][name]
    for change in pair.diff_members("sites", "site", sides, ("sites", "sites"), ("opened", "closed")):
        yield _add_status(change)


def _tell_region(pair: Pair, sides: Sequence[Sites], names: tuple[str, str]) -> Change:
    (a, old), (b, new) = (side[name] for side, name in zip(sides, names, strict=True))
    regions = old.get("region"), new.get("region")
    quotes = pair.quote(0, f"sites.{a}.region"), pair.quote(1, f"sites.{b}.region")
    told = f"reworded from {regions[0]} to {regions[1]}" if all(regions) else say_change(*map(show_value, regions))
    return Change("sites.region", "changed", f"region {told}: {name_place(new)}", *regions, *quotes)


def _diff_statuses(pair: Pair, sides: Sequence[Sites], matched: Sequence[tuple[str, str]]) -> Iterator[Change]:
    """Statuses of sites that both records list.

    Registries state them only while a trial recruits: where one record has none at all, that is told once.
    """
    found = []
    for names in matched:
        (a, old), (b, new) = (side[name] for side, name in zip(sides, names, strict=True))
        before, after = old.get("status"), new.get("status")
        if before != after:
            told = say_change(*(show_value(value, "sites.status") for value in (before, after)))
            quotes = [pair.quote(side, f"sites.{at}.status") for side, at in enumerate((a, b))]
            quotes = [None if value is None else quote for value, quote in zip((before, after), quotes, strict=True)]
            words = f"status of site {names[1]} {told}"
            found.append(make_change("sites.status", words, before, after, *quotes))
    is_stated = [any(site.get("status") for _, site in side.values()) for side in sides]
    if len(found) < 2 or all(is_stated):
        yield from found
    else:
        now = "now" if is_stated[1] else "no longer"
        words = f"own status of {count(len(found), 'site')} {now} stated"
        yield msgspec.structs.replace(found[0], words=words, old=None, new=None)


def _add_status(change: Change) -> Change:
    """A site that is listed or left out, with its own status where that is another than recruiting."""
    status = (change.new or change.old or {}).get("status")
    if status in (None, "RECRUITING"):
        return change
    return msgspec.structs.replace(change, words=f"{change.words} ({show_value(status, 'sites.status')})")
