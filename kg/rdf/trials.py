"""A trial's own facts, its record, conditions and mentions, and what is not stated, as statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from kg.fields import Field, load_fields
from kg.model import NO_QUOTE, Fact, Mention
from kg.rdf.facts import WRITERS, describe_date, describe_fact
from kg.rdf.statements import A, Described, Statement, soften
from kg.terms import PROV, iri, kg, literal, mint_under, slug

_PARTS: dict[str, Callable[[Described], Sequence[object]]] = {
    "arms": lambda of: of.study.arms,
    "interventions": lambda of: of.trial.products,
    "endpoints": lambda of: of.trial.endpoints,
    "sites": lambda of: of.study.sites,
    "criteria": lambda of: of.trial.criteria,
}
"""Things of a trial that are no facts, by card key."""
_OF_TARGETS = ("eligibility marker", "negated")
"""Roles in which a trial's own target is often named too; those mentions say nothing against it."""


def describe_record(of: Described) -> Iterator[Statement]:
    """The record that was read."""
    record = of.study.record
    yield Statement(of.iri, kg("hasRecord"), of.record)
    for p, o in (
        (A, kg("RegistryRecord")),
        (A, iri(f"{PROV}Entity")),
        (kg("fileName"), literal(record.file)),
        (kg("recordFormat"), literal(record.format)),
        (kg("sha256"), literal(record.sha256)),
    ):
        yield Statement(of.record, p, o)
    if record.updated:
        yield from describe_date(of.record, kg("lastUpdateDate"), Fact(record.updated, NO_QUOTE))


@cache
def _list_fields() -> dict[str, tuple[Field, ...]]:
    """What the ontology declares of a trial's own facts, by their keys."""
    found: dict[str, tuple[Field, ...]] = {}
    for one in load_fields().all:
        if load_fields().class_of(one.group) == "Trial":
            found[one.path] = (*found.get(one.path, ()), one)
    return found


def describe_facts(of: Described) -> Iterator[Statement]:
    """What structured fields, and rules, say of the trial itself."""
    declared = _list_fields()
    for key, facts in of.study.facts.items():
        fields = declared[key]
        for fact in facts:
            if len(fields) > 1:
                yield from _describe_span(of, fields, fact)
            else:
                yield from describe_fact(of, of.iri, fields[0], fact)


def _describe_span(of: Described, fields: Sequence[Field], fact: Fact) -> Iterator[Statement]:
    """The two ends of a number that may be a range."""
    ends = fact.value if isinstance(fact.value, tuple) else (fact.value, fact.value)
    for field, end in zip(fields, ends, strict=True):
        yield Statement(of.iri, field.node, WRITERS[field.kind](end), fact)


def describe_conditions(of: Described) -> Iterator[Statement]:
    """Conditions as terms of the vocabulary."""
    for fact in of.trial.conditions:
        yield Statement(of.iri, kg("condition"), of.term("condition", str(fact.value)), soften(fact))


def describe_mentions(of: Described) -> Iterator[Statement]:
    """Antigens that are named without being a target: the first mention of each in each role."""
    bound = {str(binding.antigen.value) for product in of.trial.products for binding in product.bindings}
    seen: dict[tuple[str, str], Mention] = {}
    for mention in of.trial.mentions:
        if mention.role not in ("target", "biomarker") and not (
            mention.antigen in bound and mention.role in _OF_TARGETS
        ):
            seen.setdefault((mention.antigen, mention.role), mention)
    for mention in seen.values():
        node = mint_under(of.iri, "mention", slug(f"{mention.antigen} {mention.role}"))
        yield Statement(of.iri, kg("hasAntigenMention"), node, Fact(None, mention.quote, mention.rule))
        yield Statement(node, A, kg("AntigenMention"))
        yield Statement(node, kg("antigen"), of.term("antigen", mention.antigen))
        yield Statement(node, kg("asWritten"), literal(mention.written))
        yield Statement(node, kg("mentionRole"), of.term("antigen-role", mention.role))


def describe_absences(of: Described) -> Iterator[Statement]:
    """What the record does not state, of what it was read for."""
    for path, fields in _list_fields().items():
        is_there = _PARTS[path](of) if path in _PARTS else of.study.facts.get(path)
        if fields[0].is_watched and not is_there:
            yield Statement(of.iri, kg("notStated"), fields[0].node)
