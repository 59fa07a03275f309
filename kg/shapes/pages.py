"""The report as one HTML file that can be mailed: no request leaves it, everything that records say is escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from kg.shapes.baselines import Changes
from kg.shapes.graphs import SEVERITIES
from kg.shapes.scores import DEFINITION, SAMPLE, Share, Tally, explain_unscored, list_items, name_items, percent

MOST_SPONSORS = 200
"""Sponsors listed: those with most trials."""


class Bar(msgspec.Struct, frozen=True):
    """A bar of a chart: a share of 1, or a height in pixels."""

    name: str
    text: str
    share: float = 0.0
    height: float = 0.0


class Item(msgspec.Struct, frozen=True):
    """A WHO item as the report shows it."""

    number: int
    name: str
    asked: int
    given: int
    note: str


def write_page(
    tally: Tally,
    source: str,
    changes: Changes | None = None,
    published: Sequence[dict[str, Any]] = (),
    *,
    has_scores: bool = True,
) -> str:
    """The report as HTML.

    :param source: What was checked, in one line.
    :param published: Rows of the stored query ``completeness_beside_published``.
    :param has_scores: Whether scores, WHO items and lists of trials are shown, and not the findings alone.
    """
    items = _list_items(tally)
    return (
        _load()
        .get_template("report.html")
        .render(
            tally=tally,
            source=source,
            definition=DEFINITION,
            severities=SEVERITIES,
            percent=percent,
            breakable=breakable,
            items=items,
            items_chart=_draw_items(items),
            histogram=_draw_histogram(tally),
            sponsors=_rank(tally.sponsors)[:MOST_SPONSORS],
            registries=_rank(tally.registries),
            years=sorted(tally.years.items(), reverse=True),
            changes=changes,
            has_scores=has_scores,
            sample=SAMPLE,
            published=published,
        )
    )


def breakable(path: str) -> Markup:
    """A long path that a narrow column may break after each of its parts, escaped.

    >>> str(breakable("a.b/<c>"))
    'a.<wbr>b/<wbr>&lt;c&gt;'
    """
    return Markup(re.sub(r"([./|])", r"\1<wbr>", str(escape(path))))  # noqa: S704  # escaped here


@cache
def _load() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def _list_items(tally: Tally) -> list[Item]:
    names = name_items()
    return [
        Item(
            number,
            names.get(number, "–"),
            tally.items[number][0],
            tally.items[number][1],
            "the registries have no field for it" if list_items()[number] else explain_unscored(number),
        )
        for number in sorted(tally.items)
    ]


def _rank(shares: dict[str, Share]) -> list[tuple[str, Share]]:
    return sorted(shares.items(), key=lambda one: (-one[1].trials, one[0]))


def _draw_items(items: list[Item]) -> Markup:
    bars = [
        Bar(
            f"{one.number} {one.name}"[:31],
            percent(one.given / one.asked),
            one.given / one.asked,
        )
        for one in items
        if one.asked
    ]
    return _draw(
        "bars.svg",
        "Share of trials that give each WHO item",
        bars,
        22,
        520,
        22 * len(bars),
    )


def _draw_histogram(tally: Tally) -> Markup:
    most = max(tally.histogram) or 1
    bars = [
        Bar(f"{10 * place}–{10 * place + 10}", f"{count:,}" if count else "", height=110 * count / most)
        for place, count in enumerate(tally.histogram)
    ]
    return _draw("histogram.svg", "Number of trials by completeness score in %", bars, 52, 520, 175)


def _draw(template: str, label: str, bars: list[Bar], step: int, width: int, height: int) -> Markup:
    text = (
        _load()
        .get_template(template)
        .render(label=label, bars=bars, step=step, width=width, height=height, left=200, span=260, base=135)
    )
    return Markup(text)  # noqa: S704  # the template has escaped what it was given
