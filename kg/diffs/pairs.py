"""Two cards of one trial side by side: values and lists compared, each with its words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kg.cards import Card
from kg.diffs.changes import Change, make_change, tell_member
from kg.diffs.wordings import say_change, show_value


class Pair:
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
        self, keys: dict[str, str], at: str = "", of: str = "", places: tuple[str, str] = ("", "")
    ) -> Iterator[Change]:
        """Values that differ.

        :param keys: The card's keys, with what each is called.
        :param at: What stands before the key in ``about``.
        :param of: What stands behind its name in words.
        :param places: Where in each card the keys are: a dotted path that ends with a dot, or the card itself.
        """
        one, other = (_walk(card, place) for card, place in zip((self.old, self.new), places, strict=True))
        for key, name in keys.items():
            a, b = one.get(key), other.get(key)
            if a != b:
                yield make_change(
                    at + key,
                    f"{name}{of} " + say_change(show_value(a, at + key), show_value(b, at + key)),
                    a,
                    b,
                    None if a is None else self.quote(0, places[0] + key),
                    None if b is None else self.quote(1, places[1] + key),
                )

    def diff_lists(
        self, keys: dict[str, str], at: str = "", of: str = "", places: tuple[str, str] = ("", "")
    ) -> Iterator[Change]:
        """Members that only one of two lists has; parameters as of `diff_scalars`."""
        one, other = (_walk(card, place) for card, place in zip((self.old, self.new), places, strict=True))
        for key, name in keys.items():
            sides = [index_members(side.get(key) or (), lambda value: show_value(value)) for side in (one, other)]
            yield from self.diff_members(at + key, f"{name}{of}", sides, (places[0] + key, places[1] + key))

    def diff_members(
        self,
        about: str,
        name: str,
        sides: Sequence[dict[str, tuple[int, Any]]],
        paths: tuple[str, str],
        verbs: tuple[str, str] = ("added", "removed"),
    ) -> Iterator[Change]:
        """Members, by name, that only one side has."""
        for side, verb in ((1, verbs[0]), (0, verbs[1])):
            for key, (position, value) in sides[side].items():
                if key not in sides[1 - side]:
                    quote = self.quote(side, f"{paths[side]}.{position}")
                    words = f"{name} {verb}: {show_value(value, about) if isinstance(value, str) else key}"
                    yield tell_member(side, about, words, value, quote)


def _walk(card: Card, place: str) -> dict[str, Any]:
    """The part of a card at a dotted path that ends with a dot; the card itself at an empty one, nothing at null."""
    value: Any = card
    for part in place.split(".")[:-1]:
        value = value[int(part)] if part.isdigit() else value[part]
    found: dict[str, Any] = value or {}
    return found


def index_members(members: Sequence[Any], name: Callable[[Any], str]) -> dict[str, tuple[int, Any]]:
    """Members of a list with their positions, by name; the first of each name."""
    found: dict[str, tuple[int, Any]] = {}
    for position, member in enumerate(members):
        found.setdefault(name(member), (position, member))
    return found
