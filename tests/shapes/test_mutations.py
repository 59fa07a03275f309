"""Break a complete graph once per constraint: that constraint is found, and nothing but what the same break causes.

Values are broken through N-Triples text, by a rule for each kind of constraint, so a new shape is tested without a new
case. The bulk engine's memory of equal cases (``kg.shapes.lenses``) sees all the mutants one after the other and must
agree with an engine that remembers nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import NamedNode, RdfFormat, parse

from kg.shapes import read_shapes
from kg.shapes.judges import Judge
from kg.shapes.parts import A, Part
from kg.shapes.triples import KSH, index_triples, read_background
from kg.terms import ID, RDF, SH, SKOS, XSD, iri, kg

HERE = Path(__file__).parent
NOTHING = f"<{ID}nothing>"
COUNTED = (
    *("minCount", "maxCount", "datatype", "nodeKind", "class", "node", "pattern", "minLength", "in", "hasValue", "not"),
    *("minInclusive", "maxInclusive", "minExclusive", "maxExclusive", "lessThan", "lessThanOrEquals"),
    "qualifiedMaxCount",
    "disjoint",
)
Graph = dict[str, dict[str, list[str]]]
SHAPES = index_triples(read_shapes().text)


@cache
def read_complete(name: str) -> str:
    """A case that lacks nothing, as N-Quads."""
    text = (HERE / f"{name}-complete.ttl").read_text(encoding="utf-8")
    return "".join(f"{quad.triple} <{ID}record/case> .\n" for quad in parse(input=text, format=RdfFormat.TURTLE))


def list_constraints() -> Iterator[tuple[str, str, str]]:
    """Class file, property shape and constraint of everything that a shape of a class asks."""
    for node in read_shapes().nodes:
        for name in node.properties:
            found = SHAPES[NamedNode(f"{KSH}{name}")]
            for constraint in COUNTED:
                if f"{SH}{constraint}" in found:
                    yield node.name, name, constraint


CONSTRAINTS = list(list_constraints())


def read_steps(path: Any) -> tuple[str, list[str]]:
    """Kind of a path, and its predicates."""
    if isinstance(path, NamedNode):
        return "", [str(path)]
    found = SHAPES[path]
    if inverse := found.get(f"{SH}inversePath"):
        return "^", [str(inverse[0])]
    head = (found.get(f"{SH}alternativePath") or [path])[0]
    steps = []
    while f"{RDF}first" in SHAPES[head]:
        kind, step = read_steps(SHAPES[head][f"{RDF}first"][0])
        steps.append(kind + step[0])
        head = SHAPES[head][f"{RDF}rest"][0]
    return ("|" if f"{SH}alternativePath" in found else "/"), steps


def another(value: str) -> str:
    """A value like this one, and different."""
    if value.startswith("<"):
        schemes = read_background().get(value, {}).get(iri(f"{SKOS}inScheme"))
        if schemes:
            return next(
                term
                for term, said in read_background().items()
                if term != value and said.get(iri(f"{SKOS}inScheme")) == schemes
            )
        return f"{value[:-1]}-twin>"
    text, _, kind = value[1:].rpartition('"')
    if "boolean" in kind:
        return f'"{"false" if text == "true" else "true"}"{kind}'
    if "date" in kind:
        return f'"{int(text[:4]) + 1}{text[4:]}"{kind}'
    if kind.startswith("^^"):
        return f'"{Decimal(text) + 1}"{kind}'
    return f'"{text[:-1]}{"1" if text[-1] != "1" else "2"}"{kind}'


def break_graph(graph: Graph, focus: str, shape: str, constraint: str) -> None:
    """Make the focus node violate one constraint."""
    found = SHAPES[NamedNode(f"{KSH}{shape}")]
    kind, steps = read_steps(found[f"{SH}path"][0])
    (value,) = found[f"{SH}{constraint}"][:1]
    if kind == "^":
        owners = [subject for subject, said in graph.items() if focus in said.get(steps[0], ())]
        for owner in owners if constraint == "minCount" else ():
            graph[owner].pop(steps[0])
        if constraint == "maxCount":
            graph[f"{owners[0][:-1]}-twin>"] = {steps[0]: [focus]}
        return
    if constraint == "not":
        (owner,) = [subject for subject, said in graph.items() if focus in said.get(steps[0][1:], ())]
        graph[owner][steps[1]] = [str(SHAPES[value][f"{SH}hasValue"][0])]
        return
    if constraint == "qualifiedMaxCount":
        for endpoint in graph[focus][steps[0]]:
            graph[endpoint].pop(kg("timeFrame"), None)
        return
    node = focus
    if kind == "/":  # break it at the end of the path, everywhere
        for said in graph.values():
            said.pop(steps[-1], None)
        return
    predicates = [step for step in steps if step in graph[node]] or steps[:1]
    given = graph[node].get(predicates[0], [])
    bad = {
        "minCount": [],
        "hasValue": [],
        "maxCount": [*given, *_more(given, int(str(getattr(value, "value", 1))) if constraint == "maxCount" else 1)],
        "datatype": [f'"x"^^<{XSD}hexBinary>'],
        "nodeKind": [NOTHING if str(value).endswith("Literal>") else '"words"'],
        "class": [NOTHING],
        "node": [NOTHING],
        "pattern": ['" "'],
        "minLength": ['""'],
        "in": ['"zzz"'],
    }
    if constraint in bad:
        for predicate in predicates[:1] if bad[constraint] else predicates:
            graph[node][predicate] = bad[constraint]
        for twin in bad[constraint]:
            if twin.endswith("-twin>"):
                graph[twin] = {name: list(values) for name, values in graph.get(given[0], {}).items()}
    elif constraint == "disjoint":
        graph[node][str(value)] = graph[node][predicates[0]] = given or [NOTHING]
    elif constraint.startswith("less"):
        other = graph[node].get(str(value)) or [f'"1"^^<{XSD}integer>']
        text, _, datatype = other[0][1:].rpartition('"')
        graph[node][str(value)] = other
        above = f"{int(text[:4]) + 1}{text[4:]}" if "date" in datatype else str(Decimal(text) + 1)
        graph[node][predicates[0]] = [f'"{above}"{datatype}']
    else:
        datatype = given[0].rpartition('"')[2] if given else f"^^{found[f'{SH}datatype'][0]}"
        step = Decimal(0) if "Exclusive" in constraint else Decimal(-1 if constraint.startswith("min") else 1)
        graph[node][predicates[0]] = [f'"{Decimal(value.value) + step}"{datatype}']


def _more(given: list[str], limit: int) -> list[str]:
    extra: list[str] = []
    while given and len(given) + len(extra) <= limit:
        extra.append(another((given + extra)[-1]))
    return extra


@pytest.fixture(scope="module")
def judges() -> tuple[Judge, Judge]:
    """The bulk engine with its memory and without."""
    text = read_shapes().text
    return Judge("rudof", text), Judge("rudof", text, remembers=False)


def mutate(node: str, shape: str, constraint: str) -> tuple[Part, str]:
    """A part that is broken once, and the node at fault."""
    part = Part(read_complete(node).splitlines(keepends=True))
    target = iri(next(one.target for one in read_shapes().nodes if one.name == node))
    focus = next(subject for subject, said in sorted(part.nodes.items()) if target in said.get(A, ()))
    break_graph(part.nodes, focus, shape, constraint)
    return part, focus


@pytest.mark.parametrize(("node", "shape", "constraint"), CONSTRAINTS, ids=["-".join(one) for one in CONSTRAINTS])
def test_mutant_is_found(node: str, shape: str, constraint: str, judges: tuple[Judge, Judge]) -> None:
    """Exactly the broken constraint, apart from others on the property that was broken."""
    part, focus = mutate(node, shape, constraint)
    remembering, plain = judges
    found = remembering.judge(part)
    component = {"node": "Node", "qualifiedMaxCount": "QualifiedMaxCount"}.get(
        constraint, constraint[0].upper() + constraint[1:]
    )
    assert (f"{KSH}{shape}", component) in {(one.shape, one.component) for one in found if one.focus == focus}
    broken = read_steps(SHAPES[NamedNode(f"{KSH}{shape}")][f"{SH}path"][0])[1]
    for one in found:
        kind, steps = read_steps(SHAPES[NamedNode(one.shape)][f"{SH}path"][0])
        kinds = ("lessThan", "lessThanOrEquals", "disjoint")
        less = [other for one_kind in kinds for other in SHAPES[NamedNode(one.shape)].get(f"{SH}{one_kind}", [])]
        related = {step.lstrip("^") for step in (*steps, *map(str, less))}
        is_side_effect = (kind == "^" and one.focus != focus) or "time-frame" in one.shape
        assert related & {step.lstrip("^") for step in broken} or is_side_effect, one
    if CONSTRAINTS.index((node, shape, constraint)) % 4 == 0:  # each call of an engine costs 40 ms
        assert sorted(found, key=repr) == sorted(plain.judge(part), key=repr)


def test_every_constraint_is_broken() -> None:
    """No kind of constraint in use is left out, and no property shape."""
    used = {
        name.removeprefix(SH)
        for node in read_shapes().nodes
        for shape in node.properties
        for name in SHAPES[NamedNode(f"{KSH}{shape}")]
        if name.startswith(SH)
    }
    silent = {"path", "name", "severity", "group", "message", "qualifiedValueShape"}
    assert used - silent <= set(COUNTED)
    assert {shape for _, shape, _ in CONSTRAINTS} == {one for node in read_shapes().nodes for one in node.properties}


def test_the_complete_cases_are_clean(judges: tuple[Judge, Judge]) -> None:
    """What is broken was whole before."""
    for node in {one for one, _, _ in CONSTRAINTS}:
        part = Part(read_complete(node).splitlines(keepends=True))
        assert judges[0].judge(part) == []
