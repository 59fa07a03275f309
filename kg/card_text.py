"""A trial card to read on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from kg.cards.criteria import say_criterion
from kg.controls import show_controls
from kg.fields import load_fields

_NOT_SHOWN = frozenset({"file", "trial", "title", "brief_summary", "not_stated", "evidence", "conflicts", "records"})
"""Keys of the card that stand elsewhere in the text, or fill pages."""
_NOT_OF_PRODUCT = frozenset({"name", "type", "target_as_written", "cell_source_as_written"})
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
    for key, value in card.items():
        if key not in _NOT_SHOWN and not _is_parts(value) and value not in (None, []):
            yield _label(load_fields().name_heading(key), _show(value))
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
        of = f" of {conflict['of']}" if "of" in conflict else ""
        yield "  ", f"records disagree on {conflict['key']}{of}: {told}"
    yield _label("not stated", ", ".join(card["not_stated"]))
    yield _label("read from", ", ".join(one["file"] for one in card["records"]))


def _label(name: str, text: str, indent: int = 2) -> Line:
    return f"{' ' * indent}{name}".ljust(_TEXT_AT - 1) + " ", text


def _is_parts(value: Any) -> bool:
    """Whether a value of the card is a list of things with keys of their own."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _lay_out_intervention(item: dict[str, Any], about: str, quotes: dict[str, str]) -> Iterator[Line]:
    yield _label("intervention", (item["name"] or "(no name)") + (f"  [{item['type']}]" if item["type"] else ""))
    for key, value in item.items():
        if key not in _NOT_OF_PRODUCT and not _is_parts(value) and value not in (None, []):
            quote = quotes.get(f"{about}.{key}.0") or quotes.get(f"{about}.{key}")
            words = f"   “{quote}”" if quote and key in _QUOTED else ""
            yield _label(load_fields().name_heading(f"interventions.{key}"), _show(value) + words, 4)
    for index, dose in enumerate(item["doses"]):
        amount = f"{dose['low']:.3g}" if dose["low"] == dose["high"] else f"{dose['low']:.3g}–{dose['high']:.3g}"
        words = quotes.get(f"{about}.doses.{index}", "")
        yield _label(f"dose {dose['role']}", f"{amount} {dose['unit']}   “{words}”", 4)


def _render_endpoint(item: dict[str, Any]) -> str:
    frame = f", {item['time_frame']}" if item["time_frame"] else ""
    grading = f", graded by {item['grading']}" if item["grading"] else ""
    return f"{item['role'] or 'role not stated'}: {item['name']} ({item['kind']}{frame}{grading})"


def _render_site(item: dict[str, Any]) -> str:
    place = ", ".join(str(item[key]) for key in ("facility", "city", "region", "country") if item[key])
    return f"{place}: {_show(item['status'])}" if item["status"] else place


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
