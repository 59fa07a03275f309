"""Registries of the WHO network, told by the form of their ids, and the WHO items that one has no field for
(``shapes/registries.tsv``)."""

from __future__ import annotations

import csv
import re
from functools import cache

import msgspec

from kg.resources import find_root

UNKNOWN = "no registry"
"""What stands for the registry of a record without a registry id."""


class Registry(msgspec.Struct, frozen=True):
    """A registry: its name, the form of its ids, and the numbers of the WHO items that its records cannot state."""

    name: str
    ids: re.Pattern[str]
    cannot_hold: frozenset[int]


@cache
def load_registries() -> tuple[Registry, ...]:
    """All registries of the file, in its order."""
    with (find_root() / "shapes" / "registries.tsv").open(encoding="utf-8", newline="") as stream:
        return tuple(
            Registry(
                row["registry"],
                re.compile(row["id_pattern"]),
                frozenset(map(int, (row["cannot_hold"] or "").split())),
            )
            for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        )


@cache
def list_gaps(name: str) -> frozenset[int]:
    """WHO items that a registry cannot hold.

    >>> sorted(list_gaps("ClinicalTrials.gov")), sorted(list_gaps("no registry"))
    ([21], [])
    """
    return next((one.cannot_hold for one in load_registries() if one.name == name), frozenset())


def name_registry(registry_id: str | None) -> str:
    """The registry that gave an id.

    >>> name_registry("ISRCTN12345678"), name_registry(None)
    ('ISRCTN', 'no registry')
    """
    if registry_id:
        for one in load_registries():
            if one.ids.fullmatch(registry_id):
                return one.name
    return UNKNOWN
