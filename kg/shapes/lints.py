"""The lint of the shapes: a misspelt constraint, a shape without target or an undeclared class checks nothing, and no
engine says so.

The rules follow SHACL (https://www.w3.org/TR/shacl/) and what both engines were seen to let pass.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, Triple

from kg.errors import ShapeError
from kg.shapes.paths import read_list
from kg.shapes.triples import Triples, read_ontology
from kg.terms import KG, RDF, RDFS, SH

_CORE = frozenset(
    """
    NodeShape PropertyShape PropertyGroup IRI Literal BlankNode BlankNodeOrIRI BlankNodeOrLiteral IRIOrLiteral
    Violation Warning Info targetClass targetNode targetObjectsOf targetSubjectsOf property path inversePath
    alternativePath zeroOrMorePath oneOrMorePath zeroOrOnePath severity message name description order group
    defaultValue node not and or xone class datatype nodeKind minCount maxCount minExclusive minInclusive
    maxExclusive maxInclusive minLength maxLength pattern flags languageIn uniqueLang equals disjoint lessThan
    lessThanOrEquals qualifiedValueShape qualifiedMinCount qualifiedMaxCount qualifiedValueShapesDisjoint closed
    ignoredProperties hasValue in
    """.split()  # noqa: SIM905
)
"""Terms of SHACL Core that a shape may use; engines ignore misspelt ones."""
_TARGETS = ("targetClass", "targetNode", "targetObjectsOf", "targetSubjectsOf")
_LINKS = ("property", "node", "not", "qualifiedValueShape")
_LIST_LINKS = ("and", "or", "xone")
_NEEDED = (
    ("sh:path", f"{SH}path"),
    ("sh:message", f"{SH}message"),
    ("sh:severity", f"{SH}severity"),
    ("sh:name", f"{SH}name"),
    ("sh:group", f"{SH}group"),
    ("rdfs:comment", f"{RDFS}comment"),
)
_UNBOUNDED = re.compile(r"(?<!\\)(?:\\\\)*[*+]|\{\d+,\}")
_CLASS = re.compile(r"\[(?:\\.|[^\]\\])*\]")
_QUANTIFIED_GROUP = re.compile(r"\)(?:[*+]|\{\d+,\}|\{\d+,\d+\}|\{\d{2,}\})")


def check_term(triple: Triple, path: Path) -> None:
    """Refuse terms that an engine would ignore or that nobody declares, and patterns that could hang an engine."""
    for term in (triple.predicate, triple.object):
        if not isinstance(term, NamedNode):
            continue
        name = term.value.removeprefix(SH)
        if name == "deactivated":
            raise ShapeError(
                f"{triple.subject} has sh:deactivated: it checks nothing", where=path.name, mend="Remove the shape"
            )
        if term.value.startswith(SH) and name not in _CORE:
            raise ShapeError(
                f"sh:{name} is no term of SHACL Core",
                where=path.name,
                mend="Look for a misspelling; sh:sparql is not used here",
            )
        if term.value.startswith(KG) and term.value not in read_ontology():
            raise ShapeError(
                f"kg:{term.value.removeprefix(KG)} is not declared",
                where=path.name,
                mend="Declare it in ontology/kg.ttl, or correct it",
            )
    if triple.predicate.value == f"{SH}pattern":
        fault = find_pattern_fault(str(getattr(triple.object, "value", "")))
        if fault:
            raise ShapeError(f"{triple.subject} has a pattern that {fault[0]}", where=path.name, mend=fault[1])


def find_pattern_fault(pattern: str) -> tuple[str, str] | None:
    """Why a regular expression must not stand in a shape, and how to mend it; None where it may.

    pySHACL matches with Python's backtracking engine, which some patterns keep busy for hours on a short text;
    pyrudof's refuses to look around.

    >>> find_pattern_fault("^NCT[0-9]{8}$")
    >>> find_pattern_fault("^(a+)+$")[0]
    'repeats a repetition, which can take for ever'
    """
    try:
        re.compile(pattern)
    except re.error as error:
        return f"is no regular expression ({error})", "Correct it"
    plain = _CLASS.sub("c", pattern)
    if "(?" in plain or re.search(r"\\[1-9]", plain):
        return "looks around or refers back, which pyrudof refuses", "Write it without (?…) and \\1"
    if _QUANTIFIED_GROUP.search(plain):
        return "repeats a repetition, which can take for ever", "Write the group out, or count what is in it"
    unbounded = len(_UNBOUNDED.findall(plain))
    if unbounded > 1 or (unbounded and not plain.startswith("^")):
        return "has an open-ended repetition, which can take for ever", "Begin with ^, and repeat without bound once"
    return None


def check_shapes(triples: Triples, origins: Mapping[Any, Path]) -> set[Any]:
    """Check every shape; give them all.

    :raises ShapeError: the first fault found, with the file.
    """
    shapes = {node for node in triples if _types(triples, node) & {f"{SH}NodeShape", f"{SH}PropertyShape"}}
    users = set()
    for node in sorted(shapes, key=str):
        for linked in refer(triples, node):
            if linked not in shapes:
                raise ShapeError(
                    f"{node} refers to {linked}, which is no shape", where=origins[node].name, mend="Correct the name"
                )
            users.add(linked)
        if f"{SH}PropertyShape" in _types(triples, node):
            _check_property_shape(triples, node, origins[node])
    for node in sorted(shapes, key=str):
        if node not in users and not any(f"{SH}{target}" in triples[node] for target in _TARGETS):
            raise ShapeError(
                f"{node} has no target and no shape refers to it: it checks nothing",
                where=origins[node].name,
                mend="Give it sh:targetClass, or name it in sh:property or sh:node of another shape",
            )
    _check_recursion(triples, shapes, origins)
    return shapes


def _check_property_shape(triples: Triples, node: Any, origin: Path) -> None:
    if not isinstance(node, NamedNode) and not triples[node].get(f"{SH}message"):
        return  # an inner shape of sh:qualifiedValueShape, sh:or … reports nothing itself
    missing = [name for name, one in _NEEDED if len(triples[node].get(one, ())) != 1]
    if missing or not isinstance(node, NamedNode):
        raise ShapeError(f"{node} needs an IRI and exactly one {', '.join(missing)}", where=origin.name)


def _types(triples: Triples, node: Any) -> set[str]:
    return {one.value for one in triples[node].get(f"{RDF}type", ()) if isinstance(one, NamedNode)}


def refer(triples: Triples, node: Any) -> Iterator[Any]:
    """Shapes that a shape refers to."""
    for name in _LINKS:
        yield from triples[node].get(f"{SH}{name}", ())
    for name in _LIST_LINKS:
        for head in triples[node].get(f"{SH}{name}", ()):
            yield from read_list(triples, head)


def _check_recursion(triples: Triples, shapes: Collection[Any], origins: Mapping[Any, Path]) -> None:
    done: set[Any] = set()

    def visit(node: Any, above: tuple[Any, ...]) -> None:
        if node in above:
            raise ShapeError(
                f"{node} refers to itself, which SHACL leaves undefined",
                where=origins[node].name,
                mend="Break the circle",
            )
        if node not in done:
            for linked in refer(triples, node):
                visit(linked, (*above, node))
            done.add(node)

    for node in sorted(shapes, key=str):
        visit(node, ())
