"""The shapes graph: ``shapes/*.ttl``, read and linted, with what a finding takes from each property shape.

Severity, message and item come from the source shape, never from an engine: engines drop or replace messages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from pyoxigraph import NamedNode

from kg.resources import list_files
from kg.shapes.lints import check_shapes, check_term
from kg.shapes.paths import write_path
from kg.shapes.triples import KSH, Triples, read_ontology, read_turtle
from kg.terms import KG, RDFS, SH

if TYPE_CHECKING:
    from rdflib import Graph

SEVERITIES = ("violation", "warning", "info")
"""Worst first."""


class PropertyShape(msgspec.Struct, frozen=True):
    """What a finding takes from the shape that it comes from.

    :ivar name: Local name in `KSH`.
    :ivar path: SPARQL property path with prefixes, for example ``kg:hasEndpoint/kg:endpointRole``.
    :ivar turtle_path: The same path as Turtle, for reports.
    :ivar card_key: Key of the trial card that shows the property at the end of the path.
    :ivar field: Where ClinicalTrials.gov records state it (``ksh:field``, else ``kg:fieldPath``), or empty; ``{role}``
        stands for the role of the endpoint.
    :ivar item: Short name of what is missing or wrong.
    :ivar group: ``completeness`` or ``validity``.
    :ivar not_for: Study types, and modalities of a cell product (IRIs), of which the item is not asked.
    :ivar is_optional: Absence may mean that there is none; such an item is shown and not scored.
    :ivar required_by: A registry that requires the item though the WHO data set does not ask for it.
    :ivar said_by: IRI of a shape whose finding on the same trial and value is the same fault, or empty.
    :ivar said_for: Roles of endpoints (IRIs) for which ``said_by`` holds; empty for all nodes.
    """

    name: str
    path: str
    turtle_path: str
    card_key: str | None
    field: str
    severity: str
    message: str
    comment: str
    item: str
    group: str
    who_item: int | None
    not_for: frozenset[str]
    is_optional: bool
    required_by: str
    said_by: str = ""
    said_for: frozenset[str] = frozenset()


class NodeShape(msgspec.Struct, frozen=True):
    """A shape of a whole class: its local name, the class, what it is for, and the names of its property shapes."""

    name: str
    target: str
    comment: str
    properties: tuple[str, ...]
    file: str


class Shapes(msgspec.Struct, frozen=True):
    """The shapes graph as N-Triples, and its property shapes by IRI."""

    text: str
    properties: dict[str, PropertyShape]
    nodes: tuple[NodeShape, ...]

    @property
    def by_name(self) -> dict[str, PropertyShape]:
        """Property shapes by local name."""
        return {shape.name: shape for shape in self.properties.values()}


def load_shapes() -> Graph:
    """All shapes as one graph.

    :raises ShapeError: a file is not Turtle, or a shape would silently check nothing.
    """
    from rdflib import Graph

    return Graph().parse(data=read_shapes().text, format="nt")


@cache
def read_shapes() -> Shapes:
    """All shapes of ``shapes/``, linted.

    :raises ShapeError: as in `load_shapes`.
    """
    return compile_shapes(list_files("shapes", ".ttl"))


def compile_shapes(files: Sequence[Path]) -> Shapes:
    """Read and lint shapes files.

    :raises ShapeError: as in `load_shapes`.
    """
    triples: Triples = defaultdict(lambda: defaultdict(list))
    origins: dict[Any, Path] = {}
    lines = []
    for path in files:
        for triple in read_turtle(path):
            check_term(triple, path)
            triples[triple.subject][triple.predicate.value].append(triple.object)
            origins.setdefault(triple.subject, path)
            lines.append(f"{triple.subject} {triple.predicate} {triple.object} .\n")
    shapes = check_shapes(triples, origins)
    properties = {
        node.value: _make_property_shape(triples, node)
        for node in sorted(shapes, key=str)
        if isinstance(node, NamedNode) and f"{SH}path" in triples[node]
    }
    return Shapes("".join(sorted(lines)), properties, tuple(_make_node_shapes(triples, shapes, origins)))


def _make_property_shape(triples: Triples, node: NamedNode) -> PropertyShape:
    found = triples[node]
    path, turtle_path, last = write_path(triples, found[f"{SH}path"][0])
    declared = read_ontology().get(last)
    who = found.get(f"{KG}whoItem")
    return PropertyShape(
        name=node.value.removeprefix(KSH),
        path=path,
        turtle_path=turtle_path,
        card_key=declared.card_key if declared else None,
        field=", ".join(sorted(one.value for one in found.get(f"{KSH}field", ())))
        or (declared.field if declared else ""),
        severity=found[f"{SH}severity"][0].value.removeprefix(SH).lower(),
        message=found[f"{SH}message"][0].value,
        comment=found[f"{RDFS}comment"][0].value,
        item=found[f"{SH}name"][0].value,
        group=found[f"{SH}group"][0].value.removeprefix(KSH),
        who_item=int(who[0].value) if who else None,
        not_for=frozenset(one.value for one in found.get(f"{KSH}notFor", ())),
        is_optional=any(one.value == "true" for one in found.get(f"{KSH}mayBeNone", ())),
        required_by=", ".join(sorted(one.value for one in found.get(f"{KSH}requiredBy", ()))),
        said_by=next((one.value for one in found.get(f"{KSH}saidBy", ())), ""),
        said_for=frozenset(one.value for one in found.get(f"{KSH}saidFor", ())),
    )


def _make_node_shapes(triples: Triples, shapes: Collection[Any], origins: dict[Any, Path]) -> Iterable[NodeShape]:
    for node in sorted(shapes, key=str):
        for target in triples[node].get(f"{SH}targetClass", ()):
            yield NodeShape(
                node.value.removeprefix(KSH),
                target.value,
                next((one.value for one in triples[node].get(f"{RDFS}comment", ())), ""),
                tuple(one.value.removeprefix(KSH) for one in triples[node].get(f"{SH}property", ())),
                origins[node].name,
            )
