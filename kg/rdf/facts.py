"""Single facts as statements, by what the ontology declares of their fields."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from kg.fields import Field
from kg.model import Fact
from kg.rdf.statements import LABEL, A, Described, Statement
from kg.sources.dates import split_date
from kg.terms import boolean, decimal, integer, kg, literal, mint, slug, typed

WRITERS: dict[str, Callable[[Any], str]] = {
    "string": lambda value: literal(str(value)),
    "integer": integer,
    "decimal": decimal,
    "boolean": lambda value: boolean(bool(value)),
}
"""What writes a value as an N-Triples term, by the kind of its field."""


def describe_fact(of: Described, node: str, field: Field, fact: Fact) -> Iterator[Statement]:
    """A fact of a thing (its node)."""
    if field.kind == "term":
        yield Statement(node, field.node, of.term(field.scheme, str(fact.value)), _keep_words(fact))
    elif field.kind == "date":
        yield from describe_date(node, field.node, fact)
    elif field.kind == "organisation":
        yield from _describe_organisation(node, field.node, fact)
    elif field.kind == "record":  # a pointer: the words stay in the record (docs/decisions/0012)
        yield Statement(node, field.node, of.record, fact)
    else:
        yield Statement(node, field.node, WRITERS[field.kind](fact.value), _keep_words(fact))


def _keep_words(fact: Fact) -> Fact | None:
    """The fact, where it is one of words of the record."""
    return fact if fact.quote.field else None


def describe_date(node: str, predicate: str, fact: Fact) -> Iterator[Statement]:
    """A date that is known to the day, month or year; nothing where the text is no date."""
    if of_date := _list_date(str(fact.value)):
        yield Statement(node, predicate, of_date[0].s, fact)
        yield from of_date


@lru_cache(maxsize=4096)
def _list_date(written: str) -> tuple[Statement, ...]:
    """Statements on a date, made once for all that share it; none where the text is no date."""
    found = split_date(written)
    if found is None:
        return ()
    year, month, day = found
    last_month = month or 12
    last_day = calendar.monthrange(year, last_month)[1]
    raw = written.partition("T")[0]
    node = mint("date", raw)
    return (
        Statement(node, A, kg("PartialDate")),
        Statement(node, LABEL, literal(raw)),
        Statement(node, kg("earliest"), typed(f"{year:04}-{month or 1:02}-{day or 1:02}", "date")),
        Statement(node, kg("latest"), typed(f"{year:04}-{last_month:02}-{day or last_day:02}", "date")),
        Statement(node, kg("precision"), literal("day" if day else "month" if month else "year")),
    )


def _describe_organisation(node: str, predicate: str, fact: Fact) -> Iterator[Statement]:
    body = mint("organisation", slug(str(fact.value)))
    yield Statement(node, predicate, body, fact)
    yield Statement(body, A, kg("Organisation"))
    yield Statement(body, LABEL, literal(str(fact.value)))
