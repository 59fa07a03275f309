"""Interventions and arms as statements."""

from __future__ import annotations

from collections.abc import Iterator

from kg.fields import load_fields
from kg.model import Arm, Binding, Dose, Fact, Product
from kg.rdf.facts import describe_fact
from kg.rdf.statements import LABEL, A, Described, Statement, describe_terms
from kg.terms import decimal, integer, kg, literal, mint_under, slug


def describe_product(of: Described, position: int, product: Product) -> Iterator[Statement]:
    """An intervention, and of a cell product what it is made of, binds and comes from."""
    name = str(product.name.value) if product.name else ""
    node = mint_under(of.iri, "intervention", slug(name) if name else "unnamed")
    if node in of.product_nodes:
        return
    of.product_nodes.add(node)
    of.products[name] = node
    yield Statement(of.iri, kg("hasIntervention"), node)
    yield Statement(node, A, kg("Intervention"))
    yield Statement(node, kg("position"), integer(position))
    if product.name:
        yield Statement(node, LABEL, literal(name), product.name)
    yield from describe_terms(of, node, "interventionType", "intervention-type", product.type)
    if product.is_cell:
        yield Statement(node, A, kg("CellProduct"))
        yield from _describe_cells(of, node, product)


def _describe_cells(of: Described, node: str, product: Product) -> Iterator[Statement]:
    fields = load_fields().of_group("interventions")
    for key, facts in product.facts.items():
        for fact in facts:
            yield from describe_fact(of, node, fields[key][0], fact)
    for position, binding in enumerate(product.bindings):
        yield from _describe_binding(of, node, position, binding)
    for position, dose in enumerate(product.doses):
        yield from _describe_dose(of, node, position, dose)
    told = {*product.facts, *(["targets"] if product.bindings else ()), *(["doses"] if product.doses else ())}
    for key, several in fields.items():
        if several[0].is_watched and key not in told:
            yield Statement(node, kg("notStated"), several[0].node)


def _describe_binding(of: Described, product: str, position: int, binding: Binding) -> Iterator[Statement]:
    node = mint_under(product, "binding", slug(str(binding.antigen.value)))
    yield Statement(product, kg("hasBinding"), node)
    yield Statement(node, A, kg("Binding"))
    yield Statement(node, kg("position"), integer(position))
    yield Statement(node, kg("antigen"), of.term("antigen", str(binding.antigen.value)), binding.antigen)
    yield Statement(node, kg("asWritten"), literal(binding.written))
    if binding.binder:
        yield Statement(node, kg("binder"), literal(str(binding.binder.value)), binding.binder)
    yield from describe_terms(of, node, "binderType", "binder-type", binding.binder_type)


def _describe_dose(of: Described, product: str, position: int, dose: Dose) -> Iterator[Statement]:
    node = mint_under(product, "dose", slug(f"{dose.role} {dose.low:g} {dose.high:g} {dose.unit}"))
    yield Statement(product, kg("hasDose"), node, Fact(None, dose.quote, dose.rule))
    yield Statement(node, A, kg("Dose"))
    yield Statement(node, kg("position"), integer(position))
    yield Statement(node, kg("doseLow"), decimal(dose.low))
    yield Statement(node, kg("doseHigh"), decimal(dose.high))
    yield Statement(node, kg("doseUnit"), literal(dose.unit))
    yield Statement(node, kg("doseRole"), of.term("dose-role", dose.role))


def describe_arm(of: Described, position: int, arm: Arm) -> Iterator[Statement]:
    """An arm, and the interventions that it uses."""
    node = mint_under(of.iri, "arm", slug(str(arm.label.value)))
    yield Statement(of.iri, kg("hasArm"), node)
    yield Statement(node, A, kg("Arm"))
    yield Statement(node, kg("position"), integer(position))
    yield Statement(node, LABEL, literal(str(arm.label.value)), arm.label)
    yield from describe_terms(of, node, "armType", "arm-type", arm.type)
    for fact in arm.interventions:
        used = of.products.get(str(fact.value))
        if used:
            yield Statement(node, kg("usesIntervention"), used, fact)
