"""A trial's own facts, its record, sites and mentions, and what is not stated, as statements."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from kg.model import Fact, Mention
from kg.rdf.statements import LABEL, NO_QUOTE, A, Described, Statement, soften
from kg.sources.dates import split_date
from kg.terms import PROV, boolean, decimal, integer, iri, kg, literal, mint, mint_under, slug, typed

_TERM_KEYS = {
    "study_type": ("studyType", "study-type"),
    "phases": ("phase", "phase"),
    "status": ("status", "status"),
    "allocation": ("allocation", "allocation"),
    "intervention_model": ("interventionModel", "intervention-model"),
    "masking": ("masking", "masking"),
    "primary_purpose": ("primaryPurpose", "primary-purpose"),
    "sex": ("sex", "sex"),
    "responsible_party_type": ("responsiblePartyType", "responsible-party-type"),
}
_VALUE_KEYS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "registry_id": ("registryId", literal),
    "secondary_ids": ("secondaryId", literal),
    "title": ("title", literal),
    "official_title": ("officialTitle", literal),
    "healthy_volunteers": ("healthyVolunteers", boolean),
    "min_age_years": ("minAgeYears", decimal),
    "max_age_years": ("maxAgeYears", decimal),
    "funder_types": ("funderType", literal),
    "conditions": ("conditionName", literal),
    "number_of_arms": ("numberOfArms", integer),
    "number_of_sites": ("numberOfSites", integer),
    "contacts": ("contactName", literal),
    "data_source": ("dataSource", literal),
    "has_results": ("hasResults", boolean),
    "scientific_contacts": ("scientificContact", literal),
    "responsible_party": ("responsibleParty", literal),
    "ethics_review": ("ethicsReview", literal),
    "ipd_sharing": ("ipdSharing", literal),
}
_DATE_KEYS = {
    "start_date": "startDate",
    "primary_completion_date": "primaryCompletionDate",
    "completion_date": "completionDate",
    "first_post_date": "firstPostDate",
    "first_submit_date": "firstSubmitDate",
    "last_update_date": "lastUpdateDate",
}
_ORGANISATION_KEYS = {"sponsor": "sponsor", "collaborators": "collaborator"}

_WATCHED = {
    "registryId": "registry_id",
    "secondaryId": "secondary_ids",
    "title": "title",
    "studyType": "study_type",
    "phase": "phases",
    "status": "status",
    "enrollmentMin": "enrollment",
    "allocation": "allocation",
    "interventionModel": "intervention_model",
    "masking": "masking",
    "primaryPurpose": "primary_purpose",
    "sex": "sex",
    "healthyVolunteers": "healthy_volunteers",
    "minAgeYears": "min_age_years",
    "maxAgeYears": "max_age_years",
    "sponsor": "sponsor",
    "funderType": "funder_types",
    "startDate": "start_date",
    "conditionName": "conditions",
    "contactName": "contacts",
}
"""Properties of a trial whose absence is said, by the key of the facts that fill them."""
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
        yield from _describe_date(of.record, "lastUpdateDate", Fact(record.updated, NO_QUOTE))


def describe_facts(of: Described) -> Iterator[Statement]:
    """What structured fields say of the trial."""
    for key, facts in of.study.facts.items():
        for fact in facts:
            if key in _TERM_KEYS:
                name, scheme = _TERM_KEYS[key]
                yield Statement(of.iri, kg(name), of.term(scheme, str(fact.value)), fact)
            elif key in _VALUE_KEYS:
                name, write = _VALUE_KEYS[key]
                yield Statement(of.iri, kg(name), write(fact.value), fact)
            elif key in _DATE_KEYS:
                yield from _describe_date(of.iri, _DATE_KEYS[key], fact)
            elif key == "brief_summary":  # a pointer: the words stay in the record (docs/decisions/0012)
                yield Statement(of.iri, kg("summarisedIn"), of.record, fact)
            elif key in _ORGANISATION_KEYS:
                yield from _describe_organisation(of, _ORGANISATION_KEYS[key], fact)
            elif key == "enrollment":
                low, high = fact.value if isinstance(fact.value, tuple) else (fact.value, fact.value)
                yield Statement(of.iri, kg("enrollmentMin"), integer(low), fact)
                yield Statement(of.iri, kg("enrollmentMax"), integer(high), fact)


def _describe_date(subject: str, name: str, fact: Fact) -> Iterator[Statement]:
    if of_date := _list_date(str(fact.value)):
        yield Statement(subject, kg(name), of_date[0].s, fact)
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


def _describe_organisation(of: Described, name: str, fact: Fact) -> Iterator[Statement]:
    node = mint("organisation", slug(str(fact.value)))
    yield Statement(of.iri, kg(name), node, fact)
    yield Statement(node, A, kg("Organisation"))
    yield Statement(node, LABEL, literal(str(fact.value)))


def describe_conditions(of: Described) -> Iterator[Statement]:
    """Conditions and disease settings as terms of the vocabularies."""
    for fact in of.trial.conditions:
        yield Statement(of.iri, kg("condition"), of.term("condition", str(fact.value)), soften(fact))
    for fact in of.trial.settings:
        yield Statement(of.iri, kg("diseaseSetting"), of.term("disease-setting", str(fact.value)), fact)


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
    absent = {name for name, key in _WATCHED.items() if not of.study.facts.get(key)}
    absent |= {
        name
        for name, things in (
            ("diseaseSetting", of.trial.settings),
            ("hasArm", of.study.arms),
            ("hasIntervention", of.trial.products),
            ("hasSite", of.study.sites),
            ("hasEndpoint", of.trial.endpoints),
            ("hasCriterion", of.trial.criteria),
        )
        if not things
    }
    for name in sorted(absent):
        yield Statement(of.iri, kg("notStated"), kg(name))
