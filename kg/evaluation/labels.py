"""Gold labels, read from a table (``dev.csv``) or a folder of closely read records (``full_dev``)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import msgspec

from kg.errors import QueryError, SourceError
from kg.model import Frozen
from kg.parameters import resolve_term

_NOTHING = ("", "NONE", "NOT_STATED")


class Label(Frozen, frozen=True):
    """What people read in one record; a field that they did not label is None.

    :ivar targets: Antigen notations.
    :ivar cell_source: ``autologous`` …; ``NOT_STATED`` where the record was read and does not say.
    :ivar source_by_product: What only the product's name tells.
    :ivar doses: (low, high, unit) in cells; None as bound where it is not told.
    :ivar outcomes: (measure, kinds that would be right, upper bound of the time frame in days) of the primary outcomes.
    :ivar thresholds: (value, unit) by the name of the threshold.
    """

    trial: str
    targets: frozenset[str]
    modality: frozenset[str]
    cell_source: str | None = None
    source_by_product: str | None = None
    in_scope: bool = True
    logic: str | None = None
    binder: str | None = None
    doses: tuple[tuple[float, float | None, str], ...] | None = None
    lymphodepletion: frozenset[str] | None = None
    outcomes: tuple[tuple[str, frozenset[str], float | None], ...] | None = None
    thresholds: dict[str, tuple[float, str | None]] | None = None


def read_labels(path: Path) -> tuple[Label, ...]:
    """Labels of the trials that have a record.

    :raises SourceError: there are none, or a label cannot be read.
    """
    try:
        if path.is_dir():
            found = [_read_full(msgspec.json.decode(one.read_bytes())) for one in sorted(path.glob("NCT*.json"))]
        else:
            with path.open(encoding="utf-8", newline="") as stream:
                found = [_read_row(row) for row in csv.DictReader(stream) if row.get("has_record", "1") != "0"]
    except OSError as error:
        raise SourceError(f"the labels cannot be read ({error.strerror})", where=str(path)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"this is no table or folder of labels ({type(error).__name__}: {error})",
            where=str(path),
            mend="Give a CSV with the columns nct_id, targets, modality, cell_source, or a folder of NCT*.json",
        ) from None
    if not found:
        raise SourceError("no labels here", where=str(path), mend="Give a CSV table or a folder of NCT*.json")
    return tuple(found)


def _read_row(row: dict[str, str]) -> Label:
    return Label(
        row["nct_id"],
        _resolve_antigens(row["targets"]),
        frozenset(filter(None, row["modality"].split(";"))),
        cell_source=_read_source(row["cell_source"]) or None,
        source_by_product=row.get("cell_source_by_product") or None,
    )


def _read_source(text: str) -> str:
    """The top value: several are ``both``, and "allogeneic donor" is allogeneic.

    >>> _read_source("autologous;allogeneic donor"), _read_source("allogeneic"), _read_source("NOT_STATED")
    ('both', 'allogeneic', 'NOT_STATED')
    """
    found = [one.strip().split(" donor")[0] for one in text.split(";") if one.strip()]
    return "both" if len(set(found)) > 1 else next(iter(found), "")


def _resolve_antigens(text: str) -> frozenset[str]:
    """Notations of common names; a name that the vocabulary lacks stays as it is, so that it counts as missed."""
    return frozenset(_resolve_antigen(name) for name in text.split(";") if name.strip() not in _NOTHING)


def _resolve_antigen(name: str) -> str:
    try:
        return resolve_term("antigen", name).notation
    except QueryError:
        return name.strip()


def _read_full(read: dict[str, Any]) -> Label:
    doses = read["dose"] if isinstance(read["dose"], list) else []
    return Label(
        read["nct_id"],
        _resolve_antigens(read["targets"]),
        frozenset(filter(None, read["modality"].split(";"))),
        cell_source=_read_source(read["cell_source"]) or None,
        in_scope=read["in_scope"] == "yes",
        logic=read["logic"] or None,
        binder=read["binder"] or None,
        doses=tuple((one["low"], one["high"], one["unit"].removesuffix(" flat")) for one in doses),
        lymphodepletion=frozenset(
            drug.strip() for drug in read["lymphodepletion"].split(";") if drug.strip() not in _NOTHING
        ),
        outcomes=tuple(
            (one["measure"], _accept_kinds(one["kind"]), one["time_frame_max_days"]) for one in read["primary_outcomes"]
        ),
        thresholds={
            name: (float(one["value"]), one.get("unit") or one.get("stated"))
            for name, one in read["eligibility"].items()
        },
    )


_KINDS = {
    "pharmacokinetics or persistence": ("pharmacokinetics", "CAR-T persistence"),
    "cytokines/biomarkers": ("biomarkers",),
    "feasibility/manufacturing": ("feasibility",),
}
"""Kinds that the labels join or call otherwise than the card."""


def _accept_kinds(kind: str) -> frozenset[str]:
    """Kinds that are right for a labelled one."""
    return frozenset(_KINDS.get(kind, (kind,)))
