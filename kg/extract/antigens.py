"""Antigen mentions and their role: what a product binds, and what only stands near it.

Every mention is judged by the words beside it, and lists share one judgement ("anti-CD19 and CD22"). The roles are
those of ``terms.tsv``; only ``target`` makes a binding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kg.extract.antigen_places import Place, find_places
from kg.extract.antigen_roles import Role, is_construct_part, is_followed_by_receptor, judge_place
from kg.extract.quotes import quote_around
from kg.lexicon import fold_width
from kg.model import Mention, Passage

_LIST_GAP = re.compile(
    r"(?:\.|\s?(?:/|,|&|\+|;|\||×|-|–)\s?|,?\s(?:and/or|and|or|plus|x|with)\s)(?:anti[- ])?", re.IGNORECASE
)

_NO_TIGHT_LIST = re.compile(r"[^/\w -]")
_LONGEST_LIST = 24
"""Members of a list that share a judgement and a quote."""
_BARE: Role = (None, "antigen.bare")


def find_mentions(passages: Sequence[Passage]) -> tuple[Mention, ...]:
    """All antigen mentions of the passages, judged, in text order.

    >>> title = Passage("title", "text", 0, "CD7 CAR-T after CD19-negative relapse")
    >>> [(mention.antigen, mention.role) for mention in find_mentions([title])]
    [('CD7', 'target'), ('CD19', 'negated')]
    """
    named = [(passage, places) for passage in passages if (places := find_places(passage.text))]
    return tuple(mention for passage, places in named for mention in _judge_places(passage, places))


def _judge_places(passage: Passage, places: tuple[Place, ...]) -> Iterator[Mention]:
    text = fold_width(passage.text)
    for group in _group_lists(text, places):
        roles = [judge_place(text, place, passage.part) for place in group]
        if _is_tight(text, group[0].end, group[-1].start):
            roles = _start_role(_end_role(roles))
        if is_construct_part(group[-1].antigen) and is_followed_by_receptor(text, group[-1].end):
            roles = [("target", "antigen.beside-binder-word") if one == _BARE else one for one in roles[:-1]] + roles[
                -1:
            ]
        shared = _share_role(roles)
        for place, (role, rule) in zip(group, shared, strict=True):
            if role is None or (place.is_contextual and role != "target"):
                continue
            quote = quote_around(passage, min(group[0].start, place.start), max(group[-1].end, place.end))
            yield Mention(
                place.antigen, passage.text[place.start : place.end], role, quote, rule, passage.part, passage.ref
            )


def _is_tight(text: str, start: int, end: int) -> bool:
    """Whether slashes join the names between the ends of a list: "CD19/CD20/CD22"."""
    return start < end and text[end - 1] == "/" and not _NO_TIGHT_LIST.search(text, start, end)


def _group_lists(text: str, places: tuple[Place, ...]) -> Iterator[tuple[Place, ...]]:
    """Neighbours with nothing but a list's connective between them."""
    group: list[Place] = []
    for place in places:
        if group and not (
            len(group) < _LONGEST_LIST
            and place.start >= group[-1].end
            and _LIST_GAP.fullmatch(text, group[-1].end, place.start)
            and place.start - group[-1].end < 14
        ):
            yield tuple(group)
            group = []
        group.append(place)
    if group:
        yield tuple(group)


def _end_role(roles: list[Role]) -> list[Role]:
    """What follows a list with slashes holds for all of it: "anti-CTLA-4/PD-1 expressing CAR-T"."""
    return [roles[-1]] * len(roles) if roles[-1][0] in ("secreted payload", "combination drug target") else roles


def _start_role(roles: list[Role]) -> list[Role]:
    """What is given off before a list with slashes holds for all parts in it: "secreting anti-PD-L1/4-1BB"."""
    if roles[0][0] != "secreted payload":
        return roles
    return [roles[0] if role == "co-stimulation" else (role, rule) for role, rule in roles]


def _share_role(roles: list[Role]) -> list[Role]:
    """In a list, one clear target makes targets of the members that say nothing themselves; other roles spread
    likewise."""
    for wanted in (
        "reagent",
        "prior therapy",
        "edited gene",
        "secreted payload",
        "combination drug target",
        "target",
        "negated",
        "eligibility marker",
    ):
        named = next(((role, rule) for role, rule in roles if role == wanted), None)
        if named:
            return [named if role is None else (role, rule) for role, rule in roles]
    return [("biomarker" if role is None else role, rule) for role, rule in roles]


def list_targets(mentions: Sequence[Mention], *parts: str, ref: str | None = None) -> tuple[Mention, ...]:
    """First target mention of each antigen in the named parts (all parts when none is named)."""
    found: dict[str, Mention] = {}
    for mention in mentions:
        if mention.role == "target" and (not parts or mention.part in parts) and (ref is None or mention.ref == ref):
            found.setdefault(mention.antigen, mention)
    return tuple(found.values())
