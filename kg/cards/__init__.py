"""The trial card: one neutral JSON of what the graph says of a trial, with the words behind every value.

Facts come from the graph. A value that was copied from a structured field has no node of evidence there; its quote is
filled in by reading the stored record again, with the same reader that wrote the graph.
"""

from __future__ import annotations

from kg.cards.keys import Card, card_key
from kg.cards.layout import build_card
from kg.cards.trials import find_trials, list_trials

__all__ = ["Card", "build_card", "card_key", "find_trials", "list_trials"]
