"""A trial card to read on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from kg.cards.criteria import say_criterion
from kg.controls import show_controls

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
_OF_PRODUCT = (
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
)
_QUOTED = ("targets", "cell_source", "binder", "costimulation", "safety_switch")
"""Keys of an intervention that are shown with their words."""
_TEXT_AT = 23
"""Characters before the text that has a label."""
Line = tuple[str, str]
"""What a line begins with (a label, or blanks), and its text; a text too long for one line goes on below itself."""


def render_card(card: dict[str, Any], width: int) -> Iterator[str]:
    """The card as lines of a width in characters, the title first; a line may hold several, broken."""
    yield "\n".join(textwrap.wrap(show_controls(card["title"] or f"(no title) {card['file']}"), width))
    for head, told in _lay_out(card):
        text = show_controls(told)
        below = " " * len(head) if head.strip() else f"{head}  "
        wrapped = textwrap.wrap(
            text, max(width, 2 * len(below)), initial_indent=head, subsequent_indent=below, break_on_hyphens=False
        )
        yield "\n".join(wrapped or [head])


def _lay_out(card: dict[str, Any]) -> Iterator[Line]:
    quotes = {one["about"]: one["quote"] for one in reversed(card["evidence"])}
    for key in _FIRST:
        if card[key] not in (None, []):
            yield _label(key, _show(card[key]))
    for index, item in enumerate(card["interventions"]):
        yield from _lay_out_intervention(item, f"interventions.{index}", quotes)
    for title, key, render in (
        ("endpoints", "endpoints", _render_endpoint),
        ("sites", "sites", _render_site),
        ("eligibility", "criteria", _render_criterion),
        ("named, but not targets", "not_targets", _render_mention),
    ):
        if card[key]:
            yield "  ", title
            for item in card[key]:
                yield "    ", render(item)
    for conflict in card["conflicts"]:
        told = "; ".join(f"{_show(one['value'])} ({one['record']})" for one in conflict["values"])
        yield "  ", f"records disagree on {conflict['key']}: {told}"
    yield _label("not stated", ", ".join(card["not_stated"]))
    yield _label("read from", ", ".join(one["file"] for one in card["records"]))


def _label(key: str, text: str, indent: int = 2) -> Line:
    return f"{' ' * indent}{key.replace('_', ' ')}".ljust(_TEXT_AT), text


def _lay_out_intervention(item: dict[str, Any], about: str, quotes: dict[str, str]) -> Iterator[Line]:
    yield _label("intervention", (item["name"] or "(no name)") + (f"  [{item['type']}]" if item["type"] else ""))
    for key in _OF_PRODUCT:
        if item[key] not in (None, []):
            quote = quotes.get(f"{about}.{key}.0") or quotes.get(f"{about}.{key}")
            words = f"   “{quote}”" if quote and key in _QUOTED else ""
            yield _label(key, _show(item[key]) + words, 4)
    for index, dose in enumerate(item["doses"]):
        amount = f"{dose['low']:.3g}" if dose["low"] == dose["high"] else f"{dose['low']:.3g}–{dose['high']:.3g}"
        words = quotes.get(f"{about}.doses.{index}", "")
        yield _label(f"dose {dose['role']}", f"{amount} {dose['unit']}   “{words}”", 4)


def _render_endpoint(item: dict[str, Any]) -> str:
    frame = f", {item['time_frame']}" if item["time_frame"] else ""
    grading = f", graded by {item['grading']}" if item["grading"] else ""
    return f"{item['role'] or 'role not stated'}: {item['name']} ({item['kind']}{frame}{grading})"


def _render_site(item: dict[str, Any]) -> str:
    return ", ".join(str(item[key]) for key in ("facility", "city", "region", "country") if item[key])


def _render_criterion(item: dict[str, Any]) -> str:
    return f"{item['list'] or 'list not stated'}: {say_criterion(item)}"


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
