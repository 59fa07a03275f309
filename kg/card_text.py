"""A trial card to read on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

_FIRST = (
    "registry_id",
    "secondary_ids",
    "study_type",
    "phases",
    "status",
    "enrollment",
    "sponsor",
    "responsible_party",
    "ethics_review",
    "start_date",
    "conditions",
    "disease_setting",
    "allocation",
    "intervention_model",
    "masking",
    "primary_purpose",
    "sex",
    "healthy_volunteers",
    "min_age_years",
    "max_age_years",
    "funder_types",
    "number_of_arms",
    "number_of_sites",
    "contacts",
    "data_source",
)


def print_card(card: dict[str, Any]) -> None:
    """Write the card to stdout."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False, markup=False, soft_wrap=False)
    console.print(card["title"] or f"(no title) {card['file']}", style="bold")
    for line in render_card(card):
        console.print(line)
    console.print()


def render_card(card: dict[str, Any]) -> Iterator[str]:
    """The card as lines."""
    quotes = {one["about"]: one["quote"] for one in reversed(card["evidence"])}
    for key in _FIRST:
        if card[key] not in (None, []):
            yield f"  {key.replace('_', ' '):<20} {_show(card[key])}"
    for index, item in enumerate(card["interventions"]):
        yield from _render_intervention(item, f"interventions.{index}", quotes)
    for title, key, render in (
        ("endpoints", "endpoints", _render_endpoint),
        ("sites", "sites", _render_site),
        ("eligibility", "criteria", _render_criterion),
        ("named, but not targets", "not_targets", _render_mention),
    ):
        if card[key]:
            yield f"  {title}"
            for item in card[key]:
                yield f"    {render(item)}"
    for conflict in card["conflicts"]:
        yield f"  records disagree on {conflict['key']}: " + "; ".join(
            f"{_show(one['value'])} ({one['record']})" for one in conflict["values"]
        )
    yield f"  not stated           {', '.join(card['not_stated'])}"
    yield f"  read from            {', '.join(one['file'] for one in card['records'])}"


def _render_intervention(item: dict[str, Any], about: str, quotes: dict[str, str]) -> Iterator[str]:
    yield f"  intervention         {item['name'] or '(no name)'}" + (f"  [{item['type']}]" if item["type"] else "")
    for key in (
        "modality",
        "cell_type",
        "targets",
        "logic",
        "binder",
        "binder_type",
        "cell_source",
        "cell_source_detail",
        "basis",
        "off_the_shelf",
        "costimulation",
        "safety_switch",
        "edits",
        "dose_escalation",
        "lymphodepletion",
    ):
        if item[key] not in (None, []):
            quote = quotes.get(f"{about}.{key}.0") or quotes.get(f"{about}.{key}")
            words = (
                f"   “{quote}”"
                if quote and key in ("targets", "cell_source", "binder", "costimulation", "safety_switch")
                else ""
            )
            yield f"    {key.replace('_', ' '):<18} {_show(item[key])}{words}"
    for index, dose in enumerate(item["doses"]):
        amount = f"{dose['low']:.3g}" if dose["low"] == dose["high"] else f"{dose['low']:.3g}–{dose['high']:.3g}"
        yield f"    {'dose ' + dose['role']:<18} {amount} {dose['unit']}   “{quotes.get(f'{about}.doses.{index}', '')}”"


def _render_endpoint(item: dict[str, Any]) -> str:
    frame = f", {item['time_frame']}" if item["time_frame"] else ""
    grading = f", graded by {item['grading']}" if item["grading"] else ""
    return f"{item['role'] or 'role not stated'}: {item['name']} ({item['kind']}{frame}{grading})"


def _render_site(item: dict[str, Any]) -> str:
    return ", ".join(str(item[key]) for key in ("facility", "city", "region", "country") if item[key])


def _render_criterion(item: dict[str, Any]) -> str:
    value = "" if item["value"] is None else " " + _show(item["value"]).replace(", ", "–")
    op = "" if item["op"] in (None, "range") else f" {item['op']}"
    antigen = f" {item['antigen']}" if item.get("antigen") else ""
    unit = f" {item['unit']}" if item["unit"] else ""
    wanted = "no " if item.get("negated") else ""
    return f"{item['list'] or 'list not stated'}: {wanted}{item['measure']}{antigen}{op}{value}{unit}"


def _render_mention(item: dict[str, Any]) -> str:
    return f"{item['antigen']}: {item['role']}   “{item['quote']}”"


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(_show(one) for one in value.values() if one is not None)
    if isinstance(value, list):
        return ", ".join(map(_show, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
