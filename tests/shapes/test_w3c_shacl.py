"""The 98 SHACL Core tests of W3C's data-shapes test suite, through our engines and our reading of their reports."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import BlankNode, NamedNode, RdfFormat, parse

from kg.errors import ShapeError
from kg.shapes.engines import read_results, start_engine
from kg.shapes.triples import Triples, index_triples
from kg.terms import SH

MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
SHT = "http://www.w3.org/ns/shacl-test#"
CORE = 98
KNOWN: dict[str, dict[str, str]] = {
    "rudof": {},
    "pyshacl": {"property/uniqueLang-002": 'pySHACL takes sh:uniqueLang "1" for true; only the literal true is'},
}
"""Tests that an engine is known to fail, and why. A test that passes again must leave the list."""


def read_nt(path: Path) -> str:
    """A Turtle file as N-Triples."""
    quads = parse(path=str(path), format=RdfFormat.TURTLE, base_iri=path.as_uri())
    return "".join(f"{quad.triple} .\n" for quad in quads)


def name_term(term: Any) -> str:
    """A term as text; blank nodes have no name that two graphs share."""
    return "_:" if isinstance(term, BlankNode) or str(term).startswith("_:") else str(term)


def list_tests(core: Path) -> dict[str, tuple[Path, Triples, Any]]:
    """Every entry of every manifest below the folder: its file, triples and node."""
    found = {}
    for path in sorted(core.rglob("*.ttl")):
        triples = index_triples(read_nt(path))
        for node in list(triples):
            if any(getattr(one, "value", "") == f"{SHT}Validate" for one in triples[node].get(f"{MF}action", ())):
                continue
            if f"{MF}action" in triples[node] and f"{MF}result" in triples[node]:
                found[f"{path.parent.name}/{path.stem}"] = (path, triples, node)
    return found


def expect(triples: Triples, node: Any) -> Counter[tuple[str, ...]] | None:
    """The expected results; None where the test expects a refusal."""
    (result,) = triples[node][f"{MF}result"]
    if isinstance(result, NamedNode):
        return None
    found: Counter[tuple[str, ...]] = Counter()
    for one in triples[result].get(f"{SH}result", ()):
        given = {name.removeprefix(SH): values[0] for name, values in triples[one].items()}
        found[
            name_term(given["focusNode"]),
            given["sourceConstraintComponent"].value.removeprefix(SH).removesuffix("ConstraintComponent"),
            given["resultSeverity"].value.removeprefix(SH).lower(),
            name_term(given["value"]) if "value" in given else "",
        ] += 1
    return found


def find_graph(path: Path, triples: Triples, node: Any, name: str) -> Path:
    """File of the data or shapes graph of a test."""
    (action,) = triples[node][f"{MF}action"]
    (graph,) = triples[action][f"{SHT}{name}"]
    return Path(graph.value.removeprefix("file://"))


def answer(engine: str, path: Path, triples: Triples, node: Any) -> Counter[tuple[str, ...]] | None:
    """The results that an engine gives; None where it refuses."""
    try:
        run = start_engine(engine, read_nt(find_graph(path, triples, node, "shapesGraph")))
        report = run(read_nt(find_graph(path, triples, node, "dataGraph")))
    except ShapeError:
        return None
    return Counter(
        (name_term(one.focus), one.component, one.severity, "" if one.value is None else name_term(one.value))
        for one in read_results(report)
    )


@pytest.mark.parametrize("engine", sorted(KNOWN))
def test_w3c_core(engine: str, shared: Path) -> None:
    """Focus node, constraint, severity and value of every result agree, but for the known failures."""
    tests = list_tests(shared / "w3c" / "shacl" / "tests" / "core")
    assert len(tests) == CORE
    failed = {
        name
        for name, (path, triples, node) in tests.items()
        if answer(engine, path, triples, node) != expect(triples, node)
    }
    assert failed == set(KNOWN[engine])
