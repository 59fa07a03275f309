"""What a comparison finds."""

from __future__ import annotations

from typing import Any

import msgspec


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


def make_change(
    about: str, words: str, old: Any, new: Any, old_quote: str | None = None, new_quote: str | None = None
) -> Change:
    """A difference of two values, of which one may be None: added, removed or changed by that."""
    kind = "added" if old is None else "removed" if new is None else "changed"
    return Change(about, kind, words, old, new, old_quote, new_quote)


def tell_member(side: int, about: str, words: str, value: Any, quote: str | None) -> Change:
    """A member that one side has alone: the old (0) or the new (1)."""
    if side:
        return make_change(about, words, None, value, None, quote)
    return make_change(about, words, value, None, quote)


class TrialDiff(msgspec.Struct, frozen=True):
    """What changed in one trial.

    :ivar kind: ``changed``, ``added``, ``removed``, or ``uncompared``: its records changed only in their date of update
        or in text that is not compared.
    """

    trial: str
    registry_id: str | None
    title: str | None
    kind: str
    old_records: tuple[str, ...]
    new_records: tuple[str, ...]
    changes: tuple[Change, ...] = ()
