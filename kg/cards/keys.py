"""The keys of a card."""

from __future__ import annotations

from typing import Any

from kg.fields import load_fields

Card = dict[str, Any]
NEVER_MISSING = frozenset({"file", "trial", "records", "evidence", "not_targets", "conflicts"})
"""Keys of the card itself, and lists of which an empty one is the whole truth."""


def card_key(name: str) -> str:
    """Key of the card that shows a property (its local name).

    >>> card_key("cellSource")
    'interventions.cell_source'
    """
    field = load_fields().get(name)
    return field.path if field else name
