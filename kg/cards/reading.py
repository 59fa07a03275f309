"""A trial's records read again: the words behind every value that was copied from them, and the order of its values.

Rules read prose at a cost, and what they find has its words in the graph. So a record is first read for its fields
alone; rules are asked only where a list of values that they found needs its order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import msgspec
from pyoxigraph import RdfFormat, parse

from kg import rdf
from kg.extract.endpoints import read_endpoint
from kg.model import Product, Rejected, Study, Trial
from kg.pipeline import interpret, reread_study
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


class Words(msgspec.Struct, frozen=True):
    """What records say: words by statement, and the place of each statement in the records."""

    proofs: dict[Key, Proof]
    order: dict[Key, int]


class Reading:
    """A trial's records, the newest first, read no further than is asked for."""

    def __init__(self, records: Sequence[StoredRecord]) -> None:
        self._records = records

    def find_proof(self, key: Key) -> Proof | None:
        """Words behind a statement that was copied from a field."""
        return self._copied.proofs.get(key)

    def find_places(self, keys: Sequence[Key]) -> list[int]:
        """Places of statements among all that the records say; what none of them says comes last."""
        # A list is copied or found as a whole; what else it holds other trials say, of a site that they share.
        is_copied = any(key in self._copied.order for key in keys)
        order = self._copied.order if is_copied else self._found.order
        return [order.get(key, len(order)) for key in keys]

    @cached_property
    def _copied(self) -> Words:
        """What fields say. Of several records all is read: one may tell in prose what another has a field for."""
        return self._read(copy_fields if len(self._records) == 1 else interpret)

    @cached_property
    def _found(self) -> Words:
        """What rules find, where its order counts."""
        return self._read(read_products) if len(self._records) == 1 else self._copied

    def _read(self, read: Callable[[Study], Trial | Rejected]) -> Words:
        """Read the records; of several words for a statement the first are kept."""
        words = Words({}, {})
        for stored, study in zip(self._records, self._studies, strict=True):
            trial = study if isinstance(study, Rejected) else read(study)
            if isinstance(trial, Trial):
                _add_words(words, trial, stored.record.file)
        return words

    @cached_property
    def _studies(self) -> list[Study | Rejected]:
        return [reread_study(stored.record) for stored in self._records]


def copy_fields(study: Study) -> Trial:
    """What the record's fields say by themselves: all statements whose words are not in the graph."""
    return Trial(
        study,
        products=tuple(Product(item.name, item.type) for item in study.interventions),
        endpoints=tuple(map(read_endpoint, study.outcomes)),
    )


def read_products(study: Study) -> Trial:
    """What rules find of products and antigens: with the fields, all that cards list in the order in which it is found.

    Endpoints and criteria say their positions, and vocabularies order the rest.
    """
    # Imported on first use: their expressions take longer to compile than the card of most trials to make.
    from kg.extract.antigens import find_mentions
    from kg.extract.memories import forget_all
    from kg.extract.products import extract_products

    mentions = find_mentions(study.passages)
    products = extract_products(study, mentions)
    forget_all()
    return Trial(msgspec.structs.replace(study, sites=()), products=products, mentions=mentions)


def _add_words(words: Words, trial: Trial, file: str) -> None:
    for one in rdf.describe(trial):
        key = (one.s, one.p, canonical(one.o))
        words.order.setdefault(key, len(words.order))
        if one.fact and one.fact.quote.field:
            quote = one.fact.quote
            proof = Proof(quote.field, quote.start, quote.end, quote.text, one.fact.rule, one.fact.basis, file)
            words.proofs.setdefault(key, proof)


def canonical(term: str) -> str:
    """A term as pyoxigraph prints it; only escapes and decimals can be written in more than one way."""
    if term.endswith(_DECIMAL):
        number = term[1 : -len(_DECIMAL)]
        return f'"{number.rstrip("0").rstrip(".") if "." in number else number}{_DECIMAL}'
    return str(parse_term(term)) if "\\" in term else term


def parse_term(term: str) -> Any:
    """An N-Triples term as an object."""
    return next(iter(parse(f"<s:s> <p:p> {term} .", format=RdfFormat.N_TRIPLES))).object
