"""From a trial's facts to statements, and from statements to N-Quads. Pure: nothing is read or written here.

Terms are N-Triples strings from the start; building objects first costs five times as much (``benchmarks/``).
"""

from __future__ import annotations

from kg.model import Trial
from kg.rdf.lines import to_triple, write_evidence, write_statements
from kg.rdf.outcomes import describe_criterion, describe_endpoint
from kg.rdf.products import describe_arm, describe_product
from kg.rdf.sites import describe_sites
from kg.rdf.statements import REGISTRY_ID, A, Described, Statement, mint_record, mint_trial
from kg.rdf.trials import describe_absences, describe_conditions, describe_facts, describe_mentions, describe_record
from kg.terms import kg

__all__ = [
    "REGISTRY_ID",
    "A",
    "Statement",
    "describe",
    "mint_record",
    "mint_trial",
    "to_triple",
    "write_evidence",
    "write_record",
    "write_statements",
]


def describe(trial: Trial) -> list[Statement]:
    """Everything that the record says of the trial, as statements.

    The order is that of the record; nothing depends on it.
    """
    of = Described(trial)
    told = [Statement(of.iri, A, kg("Trial"))]
    told.extend(describe_record(of))
    told.extend(describe_facts(of))
    if of.study.parts("eligibility"):  # stated, whether or not the rules can read a criterion from it
        told.append(Statement(of.iri, kg("eligibilityIn"), of.record))
    told.extend(describe_conditions(of))
    for position, product in enumerate(of.trial.products):
        told.extend(describe_product(of, position, product))
    for position, arm in enumerate(of.study.arms):
        told.extend(describe_arm(of, position, arm))
    for position, endpoint in enumerate(of.trial.endpoints):
        told.extend(describe_endpoint(of, position, endpoint))
    for position, criterion in enumerate(of.trial.criteria):
        told.extend(describe_criterion(of, position, criterion))
    for describe_rest in (describe_sites, describe_mentions, describe_absences):
        told.extend(describe_rest(of))
    return told


def write_record(trial: Trial) -> list[str]:
    """The record's statements and their evidence as sorted N-Quads lines, graph = the record."""
    trial_iri, record = mint_trial(trial), mint_record(trial)
    return write_statements(describe(trial), trial_iri, record)
