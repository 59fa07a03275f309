"""An eligibility criterion in words: one wording for every text that people read."""

from __future__ import annotations

from typing import Any

from kg.cards.keys import Card


def say_criterion(item: Card) -> str:
    """What a criterion of a card asks for, without the list it stands in.

    >>> say_criterion({"measure": "active infection", "negated": True, "op": None, "value": None, "unit": None})
    'no active infection'
    >>> say_criterion({"measure": "ECOG", "op": "range", "value": [0, 1], "unit": None})
    'ECOG 0–1'
    """
    parts = (
        "no" if item.get("negated") else "",
        item["measure"],
        item.get("antigen"),
        "" if item["op"] == "range" else item["op"],
        _say_value(item["value"]),
        item["unit"],
    )
    return " ".join(str(part) for part in parts if part)


def _say_value(value: Any) -> str:
    if value is None:
        return ""
    ends = value if isinstance(value, list) else [value]
    return "–".join(f"{one:g}" if isinstance(one, float) else str(one) for one in ends)
