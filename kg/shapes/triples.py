"""Triples of the shapes and of the ontology, and what the vocabularies say of their terms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from kg.errors import ShapeError
from kg.resources import find_root
from kg.terms import ID, KG, RDF, SKOS, iri
from kg.vocabularies import load_vocabularies

KSH = KG.replace("ontology#", "shapes#")
"""Namespace of the shapes."""

Triples = dict[Any, dict[str, list[Any]]]
"""Objects by subject and predicate IRI."""


def read_turtle(path: Path) -> Iterator[Triple]:
    """Triples of a Turtle file.

    :raises ShapeError: it is not Turtle, or cannot be read.
    """
    try:
        for quad in parse(path=str(path), format=RdfFormat.TURTLE, rename_blank_nodes=True):
            yield quad.triple
    except SyntaxError as error:
        raise ShapeError(
            f"not Turtle: {error.msg}", where=f"{path.name}:{error.lineno}", mend="Correct the file"
        ) from None
    except OSError as error:
        raise ShapeError(f"cannot be read: {error.strerror}", where=str(path)) from None


def index_triples(text: str) -> Triples:
    """N-Triples by subject and predicate."""
    triples: Triples = defaultdict(lambda: defaultdict(list))
    for quad in parse(input=text, format=RdfFormat.N_TRIPLES):
        triples[quad.subject][quad.predicate.value].append(quad.object)
    return triples


class Declared(msgspec.Struct):
    """A term of the ontology: its key in the trial card, and its field in ClinicalTrials.gov records."""

    card_key: str | None = None
    field: str = ""


@cache
def read_ontology() -> dict[str, Declared]:
    """Terms that ``ontology/kg.ttl`` declares."""
    declared: dict[str, Declared] = defaultdict(Declared)
    for quad in parse(path=str(find_root() / "ontology" / "kg.ttl"), format=RdfFormat.TURTLE):
        if isinstance(quad.subject, NamedNode):
            term = declared[quad.subject.value]
            if quad.predicate.value == f"{KG}cardKey" and isinstance(quad.object, Literal):
                term.card_key = quad.object.value
            elif quad.predicate.value == f"{KG}fieldPath" and isinstance(quad.object, Literal):
                term.field = quad.object.value
    return dict(declared)


@cache
def read_background() -> dict[str, dict[str, list[str]]]:
    """What shapes must know beside the trials: the vocabulary of each term, and which properties can be not stated.

    :returns: Objects by subject and predicate, as N-Triples terms.
    """
    found: dict[str, dict[str, list[str]]] = {
        term.node: {iri(f"{SKOS}inScheme"): [iri(f"{ID}{term.scheme}")]} for term in load_vocabularies().by_iri.values()
    }
    for quad in parse(path=str(find_root() / "ontology" / "kg.ttl"), format=RdfFormat.TURTLE):
        if quad.object == NamedNode(f"{KG}NotStatedItem") and quad.predicate.value == f"{RDF}type":
            found.setdefault(str(quad.subject), {}).setdefault(str(quad.predicate), []).append(str(quad.object))
    return found
