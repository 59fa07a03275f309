"""What changed between two snapshots, trial by trial: in words, and with the words of the records before and after.

Cards are compared, so a difference is one of facts and not of layout. Things that have no id in a registry are matched
by their names: arms, interventions, endpoints, sites.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from kg.cards import Card, build_card, find_trials
from kg.store import Snapshot
from kg.vocabularies import load_vocabularies

_SCALARS = {
    "title": "title",
    "status": "recruitment status",
    "enrollment": "enrolment",
    "study_type": "study type",
    "allocation": "allocation",
    "intervention_model": "intervention model",
    "masking": "masking",
    "primary_purpose": "primary purpose",
    "sex": "sex",
    "healthy_volunteers": "healthy volunteers",
    "min_age_years": "minimum age in years",
    "max_age_years": "maximum age in years",
    "sponsor": "sponsor",
    "start_date": "start date",
}
_LISTS = {
    "phases": "phase",
    "conditions": "condition",
    "disease_setting": "disease setting",
    "secondary_ids": "other id",
    "funder_types": "funder type",
    "contacts": "contact",
}
_PRODUCT_SCALARS = {
    "type": "type",
    "modality": "modality",
    "cell_type": "cell type",
    "logic": "target logic",
    "binder": "binder",
    "cell_source": "cell source",
    "off_the_shelf": "off the shelf",
    "dose_escalation": "dose escalation",
}
_PRODUCT_LISTS = {
    "targets": "target",
    "costimulation": "co-stimulation",
    "safety_switch": "safety switch",
    "edits": "edit",
    "doses": "dose",
    "lymphodepletion": "lymphodepletion drug",
}
_SCHEMES = {
    "status": "status",
    "phases": "phase",
    "study_type": "study-type",
    "allocation": "allocation",
    "intervention_model": "intervention-model",
    "masking": "masking",
    "primary_purpose": "primary-purpose",
    "sex": "sex",
}
ALIKE = 70
"""Similarity in per cent from which on two names are one endpoint reworded."""


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One difference.

    :ivar about: The card's key: ``status``, ``endpoints``, ``interventions.targets`` …
    :ivar kind: ``changed``, ``added`` or ``removed``.
    :ivar words: The difference in words.
    :ivar old_quote: The words of the record before; None where the card has none for it.
    """

    about: str
    kind: str
    words: str
    old: Any = None
    new: Any = None
    old_quote: str | None = None
    new_quote: str | None = None


class TrialDiff(msgspec.Struct, frozen=True):
    """What changed in one trial; ``kind`` is ``changed``, ``added`` or ``removed``."""

    trial: str
    registry_id: str | None
    title: str | None
    kind: str
    old_records: tuple[str, ...]
    new_records: tuple[str, ...]
    changes: tuple[Change, ...] = ()


def diff_snapshots(old: Snapshot, new: Snapshot, trials: Sequence[str] = ()) -> Iterator[TrialDiff]:
    """The trials that differ, in order of their IRIs.

    :param trials: Ids of the trials to look at; all where none is named.
    :raises UsageError: neither snapshot has a trial with such an id.
    """
    before, after = _list_records(old), _list_records(new)
    is_same_maker = old.manifest.maker == new.manifest.maker
    wanted = {f"<{iri}>" for trial in trials for iri in _find(old, new, trial)}
    for trial in sorted(set(before) | set(after)):
        one, other = before.get(trial), after.get(trial)
        if (wanted and trial not in wanted) or (is_same_maker and one == other):
            continue
        found = _diff_trial(old, new, trial[1:-1], one or {}, other or {})
        if found.kind != "changed" or found.changes:
            yield found


def _find(old: Snapshot, new: Snapshot, trial: str) -> list[str]:
    from kg.errors import UsageError

    try:
        return find_trials(new, trial)
    except UsageError:
        return find_trials(old, trial)


def _list_records(snapshot: Snapshot) -> dict[str, dict[str, str]]:
    """File names of the records of each trial, by the records' IRIs."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for stored in snapshot.list_records():
        found[stored.trial][stored.iri] = stored.record.file
    return found


def _diff_trial(old: Snapshot, new: Snapshot, trial: str, before: dict[str, str], after: dict[str, str]) -> TrialDiff:
    cards = [build_card(snapshot, trial) if some else None for snapshot, some in ((old, before), (new, after))]
    shown = cards[1] or cards[0] or {}
    return TrialDiff(
        trial,
        shown.get("registry_id"),
        shown.get("title"),
        "changed" if before and after else "added" if after else "removed",
        tuple(sorted(before.values())),
        tuple(sorted(after.values())),
        tuple(diff_cards(cards[0], cards[1])) if cards[0] and cards[1] else (),
    )


def diff_cards(old: Card, new: Card) -> list[Change]:
    """The differences between two cards of one trial."""
    pair = _Pair(old, new)
    return [
        *pair.diff_scalars(_SCALARS, "", ""),
        *pair.diff_lists(_LISTS, "", ""),
        *pair.diff_products(),
        *pair.diff_arms(),
        *pair.diff_endpoints(),
        *pair.diff_sites(),
        *pair.diff_criteria(),
    ]


class _Pair:
    """Two cards, and the words behind their values."""

    def __init__(self, old: Card, new: Card) -> None:
        self.old, self.new = old, new
        self._quotes: list[dict[str, str]] = [
            {one["about"]: one["quote"] for one in card.get("evidence", ())} for card in (old, new)
        ]

    def quote(self, side: int, path: str) -> str | None:
        """The words behind a value: its own, else those of its name, else those of what it is part of."""
        quotes = self._quotes[side]
        for name in (path, f"{path}.name", f"{path}.label"):
            if name in quotes:
                return quotes[name]
        parent = path.rpartition(".")[0]
        return self.quote(side, parent) if parent else None

    def diff_scalars(
        self, keys: dict[str, str], at: str, of: str, places: tuple[str, str] = ("", "")
    ) -> Iterator[Change]:
        one, other = (_walk(card, place) for card, place in zip((self.old, self.new), places, strict=True))
        for key, name in keys.items():
            a, b = one.get(key), other.get(key)
            if a != b:
                kind = "added" if a is None else "removed" if b is None else "changed"
                yield Change(
                    at + key,
                    kind,
                    f"{name}{of} " + _say_change(_show(a, key), _show(b, key)),
                    a,
                    b,
                    None if a is None else self.quote(0, places[0] + key),
                    None if b is None else self.quote(1, places[1] + key),
                )

    def diff_lists(
        self, keys: dict[str, str], at: str, of: str, places: tuple[str, str] = ("", "")
    ) -> Iterator[Change]:
        one, other = (_walk(card, place) for card, place in zip((self.old, self.new), places, strict=True))
        for key, name in keys.items():
            sides = [_index(side.get(key) or (), lambda value: _show(value)) for side in (one, other)]
            yield from self._diff_members(at + key, f"{name}{of}", sides, (places[0] + key, places[1] + key))

    def _diff_members(
        self,
        about: str,
        name: str,
        sides: Sequence[dict[str, tuple[int, Any]]],
        paths: tuple[str, str],
        verbs: tuple[str, str] = ("added", "removed"),
    ) -> Iterator[Change]:
        for side, kind, verb in ((1, "added", verbs[0]), (0, "removed", verbs[1])):
            for key, (position, value) in sides[side].items():
                if key not in sides[1 - side]:
                    quote = self.quote(side, f"{paths[side]}.{position}")
                    words = f"{name} {verb}: {_show(value, about) if isinstance(value, str) else key}"
                    yield (
                        Change(about, kind, words, new=value, new_quote=quote)
                        if side
                        else Change(about, kind, words, old=value, old_quote=quote)
                    )

    def diff_products(self) -> Iterator[Change]:
        sides = [_index(card.get("interventions") or (), _name) for card in (self.old, self.new)]
        yield from self._diff_members("interventions", "intervention", sides, ("interventions", "interventions"))
        for key in sides[0].keys() & sides[1].keys():
            places = (f"interventions.{sides[0][key][0]}.", f"interventions.{sides[1][key][0]}.")
            of = f" of {sides[1][key][1].get('name') or 'the product'}"
            yield from self.diff_scalars(_PRODUCT_SCALARS, "interventions.", of, places)
            yield from self.diff_lists(_PRODUCT_LISTS, "interventions.", of, places)

    def diff_arms(self) -> Iterator[Change]:
        sides = [_index(card.get("arms") or (), lambda arm: str(arm["label"])) for card in (self.old, self.new)]
        yield from self._diff_members("arms", "arm", sides, ("arms", "arms"))

    def diff_sites(self) -> Iterator[Change]:
        sides = [_index(card.get("sites") or (), _name_site) for card in (self.old, self.new)]
        yield from self._diff_members("sites", "site", sides, ("sites", "sites"), ("opened", "closed"))

    def diff_criteria(self) -> Iterator[Change]:
        sides = [_index(card.get("criteria") or (), _name_criterion) for card in (self.old, self.new)]
        yield from self._diff_members("criteria", "criterion", sides, ("criteria", "criteria"))

    def diff_endpoints(self) -> Iterator[Change]:
        sides = [_index(card.get("endpoints") or (), _name) for card in (self.old, self.new)]
        pairs = [(key, key) for key in sides[0] if key in sides[1]]
        lone = [[key for key in side if key not in other] for side, other in (sides, sides[::-1])]
        pairs.extend(_match(lone[0], lone[1]))
        for a, b in pairs:
            yield from self._diff_endpoint(sides[0][a], sides[1][b])
        left = [[key for key in keys if key not in {pair[side] for pair in pairs}] for side, keys in enumerate(lone)]
        primary = [[key for key in left[side] if sides[side][key][1].get("role") == "primary"] for side in (0, 1)]
        if primary[0] and primary[1]:
            yield self._tell_switch(sides, primary)
            left = [[key for key in left[side] if key not in primary[side]] for side in (0, 1)]
        for side, kind in ((1, "added"), (0, "removed")):
            for key in left[side]:
                position, endpoint = sides[side][key]
                words = f"{endpoint.get('role') or ''} endpoint {kind}: {endpoint['name']}".strip()
                quote = self.quote(side, f"endpoints.{position}")
                yield (
                    Change("endpoints", kind, words, new=endpoint, new_quote=quote)
                    if side
                    else Change("endpoints", kind, words, old=endpoint, old_quote=quote)
                )

    def _tell_switch(self, sides: Sequence[dict[str, tuple[int, Any]]], primary: list[list[str]]) -> Change:
        names = ["; ".join(sides[side][key][1]["name"] for key in primary[side]) for side in (0, 1)]
        quotes = [self.quote(side, f"endpoints.{sides[side][primary[side][0]][0]}") for side in (0, 1)]
        return Change(
            "endpoints", "changed", f"primary endpoint switched from {names[0]} to {names[1]}", *names, *quotes
        )

    def _diff_endpoint(self, old: tuple[int, Any], new: tuple[int, Any]) -> Iterator[Change]:
        a, b = old[1], new[1]
        quotes = self.quote(0, f"endpoints.{old[0]}"), self.quote(1, f"endpoints.{new[0]}")
        if a.get("role") != b.get("role"):
            words = f"endpoint moved from {a.get('role')} to {b.get('role')}: {b['name']}"
            yield Change("endpoints.role", "changed", words, a.get("role"), b.get("role"), *quotes)
        if a["name"] != b["name"]:
            words = f"{b.get('role') or ''} endpoint reworded from {a['name']} to {b['name']}".strip()
            yield Change("endpoints.name", "changed", words, a["name"], b["name"], *quotes)
        if a.get("time_frame") != b.get("time_frame"):
            words = f"time frame of {b['name']} " + _say_change(_show(a.get("time_frame")), _show(b.get("time_frame")))
            paths = f"endpoints.{old[0]}.time_frame", f"endpoints.{new[0]}.time_frame"
            quotes = self.quote(0, paths[0]), self.quote(1, paths[1])
            yield Change("endpoints.time_frame", "changed", words, a.get("time_frame"), b.get("time_frame"), *quotes)


def _walk(card: Card, place: str) -> dict[str, Any]:
    """The part of a card at a dotted path that ends with a dot; the card itself at an empty one."""
    value: Any = card
    for part in place.split(".")[:-1]:
        value = value[int(part)] if part.isdigit() else value[part]
    found: dict[str, Any] = value
    return found


def _index(members: Sequence[Any], name: Callable[[Any], str]) -> dict[str, tuple[int, Any]]:
    """Members of a list with their positions, by name; the first of each name."""
    found: dict[str, tuple[int, Any]] = {}
    for position, member in enumerate(members):
        found.setdefault(name(member), (position, member))
    return found


def _name(thing: dict[str, Any]) -> str:
    return " ".join(str(thing.get("name") or "").casefold().split())


def _name_site(site: dict[str, Any]) -> str:
    return ", ".join(str(site[key]) for key in ("facility", "city", "region", "country") if site.get(key))


def _name_criterion(one: dict[str, Any]) -> str:
    value = one.get("value")
    shown = (
        "–".join(map(_show, value)) if isinstance(value, list | tuple) else _show(value) if value is not None else ""
    )
    op = "" if one.get("op") in (None, "range") else one["op"]
    parts = (one.get("list"), one.get("measure"), one.get("antigen"), op, shown, one.get("unit"))
    return " ".join(str(part) for part in parts if part)


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


def _say_change(old: str, new: str) -> str:
    """ "changed from 20 to 24"."""
    return (
        f"now stated: {new}"
        if not old
        else f"no longer stated (was {old})"
        if not new
        else f"changed from {old} to {new}"
    )


def _show(value: Any, key: str = "") -> str:
    """A card's value in words."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return " ".join(_show(part) for part in value.values() if part is not None)
    if isinstance(value, list | tuple):
        return "–".join(map(_show, value))
    scheme = _SCHEMES.get(key)
    term = load_vocabularies().find(scheme, str(value)) if scheme else None
    return term.label if term else str(value)
