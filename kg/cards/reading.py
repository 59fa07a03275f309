"""A trial's records read again: the words behind every value that was copied from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from pyoxigraph import RdfFormat, parse

from kg import rdf
from kg.model import Trial
from kg.pipeline import reread
from kg.store import StoredRecord
from kg.terms import XSD

_DECIMAL = f'"^^<{XSD}decimal>'
Key = tuple[str, str, str]
"""A statement: subject, predicate and object as `canonical` writes them."""


class Proof(msgspec.Struct, frozen=True):
    """Words behind a statement."""

    field: str
    start: int
    end: int
    quote: str
    rule: str
    basis: str
    record: str
    is_superseded: bool = False


class Reading(msgspec.Struct, frozen=True):
    """What records say: words by statement, and the place of each statement in the records."""

    proofs: dict[Key, Proof]
    order: dict[Key, int]


def read_again(records: Sequence[StoredRecord]) -> Reading:
    """Read records, the newest first; of several words for a statement the first are kept."""
    proofs: dict[Key, Proof] = {}
    order: dict[Key, int] = {}
    for stored in records:
        trial = reread(stored.record)
        if not isinstance(trial, Trial):
            continue
        for one in rdf.describe(trial):
            key = (one.s, one.p, canonical(one.o))
            order.setdefault(key, len(order))
            if one.fact and one.fact.quote.field:
                quote, file = one.fact.quote, stored.record.file
                proof = Proof(quote.field, quote.start, quote.end, quote.text, one.fact.rule, one.fact.basis, file)
                proofs.setdefault(key, proof)
    return Reading(proofs, order)


def canonical(term: str) -> str:
    """A term as pyoxigraph prints it; only escapes and decimals can be written in more than one way."""
    if term.endswith(_DECIMAL):
        number = term[1 : -len(_DECIMAL)]
        return f'"{number.rstrip("0").rstrip(".") if "." in number else number}{_DECIMAL}'
    return str(parse_term(term)) if "\\" in term else term


def parse_term(term: str) -> Any:
    """An N-Triples term as an object."""
    return next(iter(parse(f"<s:s> <p:p> {term} .", format=RdfFormat.N_TRIPLES))).object
