"""Two SHACL engines behind one door: N-Triples in, results out.

pySHACL is the reference; pyrudof (Rust) does the bulk. Results are taken from the serialised ``sh:ValidationReport`` of
each, which is where the two agree; pyrudof's own objects leave parts of a result out.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from pyoxigraph import NamedNode, RdfFormat, parse

from kg.errors import ShapeError, UsageError
from kg.shapes.paths import write_path
from kg.terms import SH

Run = Callable[[str], str]
"""From a data graph to a validation report, both as N-Triples."""


class Result(msgspec.Struct, frozen=True, gc=False):
    """One ``sh:ValidationResult``; terms are N-Triples.

    :ivar path: SPARQL property path, or empty.
    :ivar shape: IRI of the source shape without brackets; empty where it is a blank node.
    :ivar component: SHACL's name of the broken constraint without its ending: ``MinCount``, ``Datatype`` …
    """

    focus: str
    path: str
    shape: str
    component: str
    severity: str
    value: str | None


def _start_rudof(shapes: str) -> Run:
    import pyrudof

    rudof = pyrudof.Rudof(pyrudof.RudofConfig())
    try:
        rudof.read_shacl(shapes, format=pyrudof.ShaclFormat.NTriples, reader_mode=pyrudof.ReaderMode.Strict)
    except pyrudof.RudofError as error:
        raise ShapeError(f"pyrudof refuses the shapes: {error}", mend="Run the lint; see shapes/") from None

    def run(data: str) -> str:
        rudof.reset_data()  # read_data(merge=False) keeps what was read before (0.3.35)
        rudof.read_data(data, format=pyrudof.RDFFormat.NTriples, reader_mode=pyrudof.ReaderMode.Strict)
        rudof.validate_shacl()
        return str(rudof.serialize_shacl_validation_results(format=pyrudof.ResultShaclValidationFormat.NTriples))

    return run


@contextlib.contextmanager
def _literals_as_written() -> Iterator[None]:
    """rdflib would rewrite "none"^^xsd:boolean as "false" and hide what is wrong with it."""
    import rdflib

    before = rdflib.NORMALIZE_LITERALS
    rdflib.NORMALIZE_LITERALS = False
    try:
        yield
    finally:
        rdflib.NORMALIZE_LITERALS = before


def _start_pyshacl(shapes: str) -> Run:
    import pyshacl
    from pyshacl.errors import ReportableRuntimeError
    from rdflib import Graph

    with _literals_as_written():
        graph = Graph().parse(data=shapes, format="nt")

    def run(data: str) -> str:
        with _literals_as_written():
            data_graph = Graph().parse(data=data, format="nt")
        try:
            _, report, text = pyshacl.validate(data_graph, shacl_graph=graph, inference="none", inplace=True)
        except ReportableRuntimeError as error:
            raise ShapeError(f"pySHACL refuses the shapes: {error.message}", mend="Run the lint; see shapes/") from None
        if not isinstance(report, Graph):
            raise ShapeError(f"pySHACL refuses the shapes: {text}", mend="Run the lint; see shapes/")
        return report.serialize(format="nt")

    return run


ENGINES: dict[str, Callable[[str], Run]] = {"rudof": _start_rudof, "pyshacl": _start_pyshacl}
_ALSO = {"pyrudof": "rudof"}


def find_engine(name: str) -> str:
    """The engine's name; ``pyrudof`` is understood too.

    :raises UsageError: there is no such engine.
    """
    name = _ALSO.get(name, name)
    if name not in ENGINES:
        raise UsageError(f"{name!r} is no validation engine", mend=f"Use one of {', '.join(ENGINES)}")
    return name


def start_engine(name: str, shapes: str) -> Run:
    """An engine that has read the shapes (N-Triples).

    :raises UsageError: there is no such engine.
    :raises ShapeError: the engine refuses the shapes.
    """
    return ENGINES[find_engine(name)](shapes)


def read_results(report: str) -> Iterator[Result]:
    """Results of a report; what is nested in a result is left out."""
    triples: dict[Any, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    top = []
    for quad in parse(input=report, format=RdfFormat.N_TRIPLES):
        triples[quad.subject][quad.predicate.value].append(quad.object)
        if quad.predicate.value == f"{SH}result":
            top.append(quad.object)
    for node in top:
        found = {name.removeprefix(SH): values[0] for name, values in triples[node].items()}
        component = found["sourceConstraintComponent"].value.removeprefix(SH).removesuffix("ConstraintComponent")
        value = found.get("value")
        path, shape = found.get("resultPath"), found.get("sourceShape")
        yield Result(
            str(found["focusNode"]),
            write_path(triples, path)[0] if path is not None else "",
            shape.value if isinstance(shape, NamedNode) else "",
            component,
            found["resultSeverity"].value.removeprefix(SH).lower(),
            None if value is None else str(value),
        )
