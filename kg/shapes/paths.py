"""SHACL property paths, as SPARQL and as Turtle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyoxigraph import NamedNode

from kg.errors import ShapeError
from kg.terms import PREFIXES, RDF, SH, iri

Indexed = Mapping[Any, Mapping[str, list[Any]]]
"""Objects by subject and predicate IRI."""


def read_list(triples: Indexed, head: Any) -> Iterator[Any]:
    """Members of an RDF list."""
    while f"{RDF}first" in triples.get(head, {}):
        yield triples[head][f"{RDF}first"][0]
        head = triples[head][f"{RDF}rest"][0]


def write_path(triples: Indexed, node: Any) -> tuple[str, str, str]:
    """A path as SPARQL, as Turtle, and the IRI of its last property, where there is one; of several, the first.

    :raises ShapeError: a kind of path that no shape has needed yet.
    """
    if isinstance(node, NamedNode):
        short = compact(node.value)
        return short, short, node.value
    found = triples.get(node, {})
    if f"{RDF}first" in found:
        steps = [write_path(triples, step) for step in read_list(triples, node)]
        return "/".join(step[0] for step in steps), f"( {' '.join(step[1] for step in steps)} )", steps[-1][2]
    if inverse := found.get(f"{SH}inversePath"):
        sparql, turtle, _ = write_path(triples, inverse[0])
        return f"^{sparql}", f"[ sh:inversePath {turtle} ]", ""
    if choice := found.get(f"{SH}alternativePath"):
        steps = [write_path(triples, step) for step in read_list(triples, choice[0])]
        return (
            "|".join(step[0] for step in steps),
            f"[ sh:alternativePath ( {' '.join(step[1] for step in steps)} ) ]",
            steps[0][2],
        )
    for name, mark in (("zeroOrMorePath", "*"), ("oneOrMorePath", "+"), ("zeroOrOnePath", "?")):
        if repeated := found.get(f"{SH}{name}"):
            sparql, turtle, last = write_path(triples, repeated[0])
            return f"({sparql}){mark}", f"[ sh:{name} {turtle} ]", last
    raise ShapeError(f"{node} is no property path", mend="See https://www.w3.org/TR/shacl/#property-paths")


def compact(value: str) -> str:
    """An IRI with a prefix where one fits.

    >>> compact("https://w3id.org/trialkg/ontology#phase")
    'kg:phase'
    """
    for prefix, namespace in PREFIXES.items():
        local = value.removeprefix(namespace)
        if local != value and local.replace("-", "").replace("_", "").isalnum():
            return f"{prefix}:{local}"
    return iri(value)
