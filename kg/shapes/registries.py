"""Registries of the WHO network, told by the form of their ids (``shapes/registries.tsv``), and the WHO items that one
has no field for, each with its reason (``shapes/registry_gaps.tsv``)."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache

import msgspec

from kg.resources import find_root

UNKNOWN = "no registry"
"""What stands for the registry of a record without a registry id."""


class Registry(msgspec.Struct, frozen=True):
    """A registry: its name and the form of its ids.

    :ivar looked_at: What its fields were compared with the 24 items by.
    :ivar gaps: Why its records cannot state an item, by the item's number.
    """

    name: str
    ids: re.Pattern[str]
    looked_at: str
    gaps: Mapping[int, str]


@cache
def load_registries() -> tuple[Registry, ...]:
    """All registries of the file, in its order."""
    gaps: dict[str, dict[int, str]] = defaultdict(dict)
    for row in _read("registry_gaps.tsv"):
        gaps[row["registry"]][int(row["who_item"])] = row["reason"]
    return tuple(
        Registry(row["registry"], re.compile(row["id_pattern"]), row["looked_at"], gaps[row["registry"]])
        for row in _read("registries.tsv")
    )


def _read(name: str) -> Iterator[dict[str, str]]:
    with (find_root() / "shapes" / name).open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)


@cache
def list_gaps(name: str) -> Mapping[int, str]:
    """WHO items that a registry cannot hold, with the reasons.

    >>> sorted(list_gaps("ClinicalTrials.gov")), sorted(list_gaps("no registry"))
    ([21], [])
    """
    return next((one.gaps for one in load_registries() if one.name == name), {})


def name_registry(registry_id: str | None, source: str | None = None) -> str:
    """The registry that gave an id; where there is no id, the one that the record names as its source.

    >>> name_registry("ISRCTN12345678"), name_registry(None), name_registry(None, "clinicaltrials.gov")
    ('ISRCTN', 'no registry', 'ClinicalTrials.gov')
    """
    if registry_id:
        for one in load_registries():
            if one.ids.fullmatch(registry_id):
                return one.name
        return UNKNOWN
    known = {one.name.casefold(): one.name for one in load_registries()}
    return known.get((source or "").casefold(), UNKNOWN)
