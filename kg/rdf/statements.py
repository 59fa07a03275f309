"""What every part of the description uses: statements, the trial they are about, and its IRIs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from kg.model import Fact, Trial
from kg.terms import RDF, RDFS, hash_key, iri, kg, mint, slug
from kg.vocabularies import load_vocabularies

A = iri(f"{RDF}type")
LABEL = iri(f"{RDFS}label")
REGISTRY_ID = re.compile(
    r"NCT\d{8}|(?:EUCTR|CTIS)?\d{4}-\d{6}-\d{2}(?:-\d{2}|-[A-Z]{2})?|ChiCTR[-\w]{6,20}|ISRCTN\d{8}|jRCT\w{8,12}"
    r"|JPRN-\w{6,20}|ACTRN\d{14}|CTRI/\d{4}/\d{2,3}/\d{6}|DRKS\d{8}|KCT\d{7}|TCTR\d{11}|IRCT\w{8,20}|NL-?\w{4,12}"
    r"|PACTR\d{15,16}|RBR-[a-z0-9]{5,8}|RPCEC\d{8}|SLCTR/\d{4}/\d{3}|LBCTR\d{10}|PER-\d{3}-\d{2}|ITMCTR\d{10}"
)
"""Ids on which records merge: patterns of the registries of the WHO network. In-house codes never merge records."""


class Statement(msgspec.Struct, frozen=True, gc=False):
    """A triple in N-Triples terms, and the fact it rests on where it rests on words of the record."""

    s: str
    p: str
    o: str
    fact: Fact | None = None


class Described:
    """The trial that is described: its IRIs, and what its parts were called so far."""

    def __init__(self, trial: Trial) -> None:
        self.trial, self.study = trial, trial.study
        self.iri, self.record = mint_trial(trial), mint_record(trial)
        self.vocabularies = load_vocabularies()
        self.products: dict[str, str] = {}
        self.product_nodes: set[str] = set()
        self.endpoints: set[str] = set()

    def term(self, scheme: str, notation: str) -> str:
        """A concept, as an N-Triples term."""
        return self.vocabularies.node(scheme, notation)


def mint_trial(trial: Trial) -> str:
    """IRI of the trial: from its registry id, or from its text where it has none."""
    registry_id = trial.study.first("registry_id")
    if registry_id and REGISTRY_ID.fullmatch(str(registry_id)):
        return mint("trial", slug(str(registry_id)) if "/" in str(registry_id) else str(registry_id))
    return mint("trial", f"record-{trial.study.record.sha256[:12]}")


def mint_record(trial: Trial) -> str:
    """IRI of the record: from its text."""
    return mint("record", trial.study.record.sha256[:24])


def describe_terms(of: Described, node: str, name: str, scheme: str, *facts: Fact | None) -> Iterator[Statement]:
    """A property whose values are concepts."""
    for fact in facts:
        if fact:
            yield Statement(node, kg(name), of.term(scheme, str(fact.value)), fact)


def soften(fact: Fact) -> Fact:
    """Classifying a listed measure or condition needs no node of evidence: its label and the field's path show the
    words."""
    is_listed = ".outcomesModule." in fact.quote.field or ".conditionsModule." in fact.quote.field
    return msgspec.structs.replace(fact, rule="") if is_listed else fact


def key_of(words: str) -> str:
    """A key that no other words share, readable where they are plain.

    >>> key_of("12 months"), key_of("12 Months.")
    ('12-months', '12-months-df2e7f52c549')
    """
    key = slug(words)
    mark = hash_key(words)
    return key if key.replace("-", " ") == words or key.endswith(mark) else f"{key}-{mark}"
