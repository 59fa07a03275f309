"""What a card says, in the terms that labels use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kg.extract.durations import MONTH, YEAR
from kg.vocabularies import load_vocabularies

_UPPER, _LOWER = ("<", "<=", "="), (">", ">=", "=")
_THRESHOLDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...] | None]] = {
    "kps_min": (("Karnofsky",), _LOWER, None),
    "ecog_max": (("ECOG",), _UPPER, None),
    "lvef_min_pct": (("LVEF",), _LOWER, None),
    "spo2_min_pct": (("oxygen saturation",), _LOWER, None),
    "creatinine_max": (("creatinine",), _UPPER, None),
    "creatinine_clearance_min": (("creatinine clearance", "eGFR"), _LOWER, None),
    "bilirubin_max": (("total bilirubin",), _UPPER, None),
    "alt_max_xuln": (("ALT",), _UPPER, ("ULN",)),
    "life_expectancy_min_weeks": (("life expectancy",), _LOWER, None),
}
"""Name of a labelled threshold: measures, comparators of an inclusion, and units where only some count."""
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "="}
_DAYS = {"days": 1.0, "weeks": 7.0, "months": MONTH, "years": YEAR}
THRESHOLD_NAMES = ("min_age_years", "max_age_years", *_THRESHOLDS)


def list_cell_products(card: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Interventions that are living cells or make them in the patient; antibodies and drugs are not scored."""
    cells = {name for name, term in load_vocabularies().scheme("modality").items() if "impliedCellType" in term.extra}
    return [one for one in (card or {}).get("interventions", ()) if one["modality"] in cells]


def list_targets(products: list[dict[str, Any]]) -> set[str]:
    """Antigens that any of the products binds."""
    return {antigen for product in products for antigen in product["targets"]}


def join_sources(products: list[dict[str, Any]], *, is_inferred: bool) -> str | None:
    """The trial's cell source from its products: those that only a product's name tells, or those the record tells."""
    found = {
        one["cell_source"] for one in products if one["cell_source"] and (one["basis"] == "inferred") == is_inferred
    }
    return "both" if "both" in found or len(found) > 1 else next(iter(found), None)


def join_doses(products: list[dict[str, Any]]) -> tuple[float, float, str] | None:
    """Lowest and highest dose, in the unit of the first."""
    doses = [dose for product in products for dose in product["doses"]]
    if not doses:
        return None
    unit = doses[0]["unit"]
    same = [dose for dose in doses if dose["unit"] == unit]
    return min(dose["low"] for dose in same), max(dose["high"] for dose in same), unit


def find_outcome(card: dict[str, Any], measure: str) -> list[dict[str, Any]]:
    """Primary endpoints with this name."""
    return [one for one in card["endpoints"] if one["role"] == "primary" and one["name"] == measure]


def last_day(endpoint: dict[str, Any]) -> float | None:
    """Upper bound of an endpoint's time frame in days."""
    days = endpoint["time_frame_days"]
    if isinstance(days, list):
        return max(float(day) for day in days)
    return None if days is None else float(days)


def list_thresholds(card: dict[str, Any], name: str) -> Iterator[tuple[float, str | None]]:
    """Values and units that a card gives for a labelled threshold.

    An exclusion is read as the inclusion it means: "excluded: creatinine > 2 mg/dL" asks for at most 2 mg/dL.
    """
    if name in ("min_age_years", "max_age_years"):
        if card[name] is not None:
            yield float(card[name]), None
        return
    measures, ops, units = _THRESHOLDS[name]
    for one in card["criteria"]:
        if one["measure"] not in measures or one["value"] is None or (units and one["unit"] not in units):
            continue
        op = _OPPOSITE.get(one["op"], one["op"]) if one["list"] == "exclusion" else one["op"]
        if op == "range":
            yield float(one["value"][1 if ops is _UPPER else 0]), one["unit"]
        elif op in ops:
            yield float(one["value"]), one["unit"]


def is_same_threshold(label: tuple[float, str | None], ours: tuple[float, str | None]) -> bool:
    """Whether value and unit agree; durations are compared as the record states them.

    >>> is_same_threshold((1.5, "xULN"), (1.5, "ULN")), is_same_threshold((12.0, "3 months"), (3.0, "months"))
    (True, True)
    """
    value, unit = label
    number, _, word = (unit or "").partition(" ")
    if ours[1] in _DAYS and word in _DAYS:
        return abs(float(number) * _DAYS[word] - ours[0] * _DAYS[ours[1]]) < 1
    if ours[1] in _DAYS:
        return abs(value * 7 - ours[0] * _DAYS[ours[1]]) < 3
    is_same_unit = unit is None or ours[1] is None or unit.removeprefix("x") == ours[1].removesuffix("/1.73m2")
    return abs(value - ours[0]) < 1e-6 and is_same_unit
