"""Pages of three parts, "Overview / Description / Eligibility": a title, a summary and the criteria."""

from __future__ import annotations

from collections.abc import Iterator

from kg.model import Passage, Record, Study
from kg.sources.pages import Page

FORMAT = "overview"
READS = "page"
_HEADINGS = (
    "Overview",
    "Description",
    "Eligibility",
    "Inclusion Criteria:",
    "Exclusion Criteria:",
    "Inclusion Criteria",
    "Exclusion Criteria",
)


def sniff(text: str) -> bool:
    """Whether the text begins with "Overview" and has the two other headings."""
    lines = [line.strip() for line in text.lstrip("\ufeff").split("\n")]
    return next(filter(None, lines), "") == "Overview" and {"Description", "Eligibility"} <= set(lines)


def read(text: str, record: Record) -> Study:
    """Read one page."""
    page = Page(text, _HEADINGS)
    for line in page.under("Overview")[:1]:
        page.add("title", page.fact(line))
    page.add_summary(page.under("Overview")[1:])
    return page.study(record, FORMAT, passages=tuple(_read_passages(page)))


def _read_passages(page: Page) -> Iterator[Passage]:
    yield from page.passage("title", page.under("Overview")[:1])
    yield from page.passage("summary", page.under("Overview")[1:])
    yield from page.passage("description", page.under("Description"))
    for heading in ("Inclusion Criteria", "Exclusion Criteria"):
        ref = heading.split()[0].lower()
        yield from page.passage("eligibility", page.under(f"{heading}:") or page.under(heading), ref)
