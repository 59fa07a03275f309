"""A card's values and things in words."""

from __future__ import annotations

from typing import Any

from kg.cards.criteria import say_criterion
from kg.fields import load_fields
from kg.vocabularies import load_vocabularies


def name_thing(thing: dict[str, Any]) -> str:
    """Its name, however it is spaced and written."""
    return " ".join(str(thing.get("name") or "").casefold().split())


def name_site(site: dict[str, Any]) -> str:
    """Where a site is, from the house to the country."""
    return ", ".join(str(site[key]) for key in ("facility", "city", "region", "country") if site.get(key))


def name_place(site: dict[str, Any]) -> str:
    """The same without the region, which registries reword."""
    return name_site({**site, "region": None})


def name_criterion(one: dict[str, Any]) -> str:
    """What a criterion demands, which tells it from the others."""
    return " ".join(filter(None, (one["list"], say_criterion(one))))


def say_change(old: str, new: str) -> str:
    """ "changed from 20 to 24"."""
    return (
        f"now stated: {new}"
        if not old
        else f"no longer stated (was {old})"
        if not new
        else f"changed from {old} to {new}"
    )


def show_value(value: Any, key: str = "") -> str:
    """A card's value in words; ``key`` is where it stands."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return " ".join(show_value(part, f"{key}.{name}") for name, part in value.items() if part is not None)
    field = load_fields().at(key)
    is_code = field is not None and field.is_code
    if isinstance(value, list | tuple):
        return ", ".join(show_value(one, key) for one in value) if is_code else "–".join(map(show_value, value))
    term = load_vocabularies().find(field.scheme, str(value)) if field and is_code else None
    return term.label if term else str(value)
