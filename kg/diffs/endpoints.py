"""Endpoints of two cards: moved, reworded, switched, added, removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kg.diffs.changes import Change, tell_member
from kg.diffs.pairs import Pair, index_members
from kg.diffs.wordings import name_thing, say_change, show_value

ALIKE = 70
"""Similarity in per cent from which on two names are one endpoint reworded."""


def diff_endpoints(pair: Pair) -> Iterator[Change]:
    """What changed among the endpoints. One of the same name is the same; names that are alike are one reworded."""
    sides = [index_members(card.get("endpoints") or (), name_thing) for card in (pair.old, pair.new)]
    matched = [(key, key) for key in sides[0] if key in sides[1]]
    lone = [[key for key in side if key not in other] for side, other in (sides, sides[::-1])]
    matched.extend(_match(lone[0], lone[1]))
    for a, b in matched:
        yield from _diff_endpoint(pair, sides[0][a], sides[1][b])
    left = [[key for key in keys if key not in {names[side] for names in matched}] for side, keys in enumerate(lone)]
    primary = [[key for key in left[side] if sides[side][key][1].get("role") == "primary"] for side in (0, 1)]
    if primary[0] and primary[1]:
        yield _tell_switch(pair, sides, primary)
        left = [[key for key in left[side] if key not in primary[side]] for side in (0, 1)]
    for side, kind in ((1, "added"), (0, "removed")):
        for key in left[side]:
            position, endpoint = sides[side][key]
            words = f"{endpoint.get('role') or ''} endpoint {kind}: {endpoint['name']}".strip()
            quote = pair.quote(side, f"endpoints.{position}")
            yield tell_member(side, "endpoints", words, endpoint, quote)


def _tell_switch(pair: Pair, sides: Sequence[dict[str, tuple[int, Any]]], primary: list[list[str]]) -> Change:
    names = ["; ".join(sides[side][key][1]["name"] for key in primary[side]) for side in (0, 1)]
    quotes = [pair.quote(side, f"endpoints.{sides[side][primary[side][0]][0]}") for side in (0, 1)]
    return Change(
        "endpoints", "changed", f"primary endpoint switched from {names[0]} to {names[1]}", *names, *quotes
    )


def _diff_endpoint(pair: Pair, old: tuple[int, Any], new: tuple[int, Any]) -> Iterator[Change]:
    a, b = old[1], new[1]
    quotes = pair.quote(0, f"endpoints.{old[0]}"), pair.quote(1, f"endpoints.{new[0]}")
    if a.get("role") != b.get("role"):
        words = f"endpoint moved from {a.get('role')} to {b.get('role')}: {b['name']}"
        yield Change("endpoints.role", "changed", words, a.get("role"), b.get("role"), *quotes)
    if a["name"] != b["name"]:
        words = f"{b.get('role') or ''} endpoint reworded from {a['name']} to {b['name']}".strip()
        yield Change("endpoints.name", "changed", words, a["name"], b["name"], *quotes)
    if a.get("time_frame") != b.get("time_frame"):
        frames = a.get("time_frame"), b.get("time_frame")
        words = f"time frame of {b['name']} " + say_change(*map(show_value, frames))
        quotes = pair.quote(0, f"endpoints.{old[0]}.time_frame"), pair.quote(1, f"endpoints.{new[0]}.time_frame")
        yield Change("endpoints.time_frame", "changed", words, *frames, *quotes)


def _match(old: list[str], new: list[str]) -> list[tuple[str, str]]:
    """Names that are alike, each used once, the likest first."""
    from rapidfuzz import fuzz

    scored = sorted(
        ((fuzz.token_sort_ratio(a, b), a, b) for a in old for b in new), key=lambda one: (-one[0], one[1], one[2])
    )
    found: dict[str, str] = {}
    for score, a, b in scored:
        if score >= ALIKE and a not in found and b not in found.values():
            found[a] = b
    return list(found.items())
