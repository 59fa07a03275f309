"""Every RDF format holds the same triples, in the same bytes each time, as other tools read them."""

from __future__ import annotations

import io
import json

import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from kg.errors import UsageError
from kg.export import rdf_formats
from kg.export.rdf_formats import FORMATS, write_rdf
from kg.store import Snapshot
from kg.terms import KG, PREFIXES, XSD, literal, typed

OXIGRAPH = {"ttl": RdfFormat.TURTLE, "nt": RdfFormat.N_TRIPLES, "nq": RdfFormat.N_QUADS}
RDFLIB = {"ttl": "turtle", "nt": "nt", "jsonld": "json-ld"}


def write(snapshot: Snapshot, form: str, trial: str | None = None, *, with_vocabularies: bool = False) -> bytes:
    stream = io.BytesIO()
    write_rdf(snapshot, form, stream, trial=trial, with_vocabularies=with_vocabularies)
    return stream.getvalue()


def read_triples(content: bytes, form: str) -> set[Triple]:
    return {Triple(one.subject, one.predicate, one.object) for one in parse(content, format=OXIGRAPH[form])}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("with_vocabularies", [False, True])
def test_same_bytes(snapshot: Snapshot, form: str, with_vocabularies: bool) -> None:
    """Two runs give the same bytes."""
    rdf_formats._read_vocabularies.cache_clear()
    first = write(snapshot, form, with_vocabularies=with_vocabularies)
    rdf_formats._read_vocabularies.cache_clear()
    assert write(snapshot, form, with_vocabularies=with_vocabularies) == first


@pytest.mark.parametrize("with_vocabularies", [False, True])
def test_same_triples(snapshot: Snapshot, with_vocabularies: bool) -> None:
    """rdflib reads the same triples from Turtle, N-Triples and JSON-LD; with the vocabularies they are the index's."""
    graphs = {
        form: rdflib.Graph().parse(data=write(snapshot, form, with_vocabularies=with_vocabularies), format=name)
        for form, name in RDFLIB.items()
    }
    named = {form: {one for one in graph if not is_blank(one)} for form, graph in graphs.items()}
    assert named["nt"]
    assert named["ttl"] == named["nt"]
    assert named["jsonld"] == named["nt"]
    assert len(graphs["ttl"]) == len(graphs["jsonld"]) == len(graphs["nt"])
    if with_vocabularies:
        assert len(graphs["nt"]) == len(snapshot.engine)


def is_blank(triple: tuple[rdflib.term.Node, ...]) -> bool:
    """Whether the triple has a blank node, whose name differs with each reading."""
    return any(isinstance(term, rdflib.BNode) for term in triple)


def test_triples_are_sorted_and_unique(snapshot: Snapshot) -> None:
    """N-Triples and N-Quads come sorted, each line once, and the quads are the snapshot's."""
    for form in ("nt", "nq"):
        lines = write(snapshot, form).decode().split("\n")[:-1]
        assert lines == sorted(set(lines))
    assert sorted(snapshot.read_quads()) == write(snapshot, "nq").decode().splitlines(keepends=True)
    assert read_triples(write(snapshot, "ttl"), "ttl") == read_triples(write(snapshot, "nq"), "nq")


def test_one_trial(snapshot: Snapshot) -> None:
    """One trial's export is what its records say: its own parts and what they link to, and nothing of other trials."""
    keys = {
        str(one.subject).split("/trial/")[1].rstrip(">")
        for one in snapshot.engine.quads_for_pattern(None, NamedNode(f"{KG}registryId"), None, None)
    }
    key = min(keys)
    whole, part = read_triples(write(snapshot, "nt"), "nt"), read_triples(write(snapshot, "nt", key), "nt")
    own = {one for one in whole if f"/trial/{key}>" in str(one.subject) or f"/trial/{key}/" in str(one.subject)}
    assert own < part < whole
    assert not any(f"/trial/{other}" in str(one.subject) for one in part for other in keys - {key})
    linked = {str(one.object) for one in part} & {str(one.subject) for one in whole}
    assert linked <= {str(one.subject) for one in part}
    assert write(snapshot, "ttl", f"{PREFIXES['trial']}{key}") == write(snapshot, "ttl", key)
    assert write(snapshot, "jsonld", key).count(b'"@type":"kg:Trial"') == 1


def test_turtle_is_readable(snapshot: Snapshot) -> None:
    """Turtle binds the prefixes in their order, uses them, and groups by subject."""
    text = write(snapshot, "ttl").decode()
    heads = [line.split()[1].rstrip(":") for line in text.splitlines() if line.startswith("@prefix")]
    assert heads == list(PREFIXES)
    assert "\n    kg:hasRecord record:" in text
    assert " a kg:Trial ;" in text
    assert f"<{KG}" not in text.split("\n\n", 1)[1]


def test_json_has_its_context(snapshot: Snapshot) -> None:
    """JSON-LD refers to no remote context, and its nodes have compact keys and native whole numbers and booleans."""
    value = json.loads(write(snapshot, "jsonld"))
    assert isinstance(value["@context"], dict)
    assert value["@context"]["kg:phase"] == {"@id": "kg:phase", "@type": "@id"}
    assert value["@context"]["kg:earliest"] == {"@id": "kg:earliest", "@type": "xsd:date"}
    assert "kg:title" not in value["@context"]
    trial = next(node for node in value["@graph"] if node.get("@type") == "kg:Trial")
    assert all(key.startswith(("@", "kg:", "rdfs:")) for key in trial)
    assert len({node["@id"] for node in value["@graph"]}) == len(value["@graph"])


@pytest.mark.parametrize(
    ("form", "trial"), [("rdfxml", None), ("", None), ("ttl", "NCT99999999"), ("nt", "a> <b"), ("jsonld", "é")]
)
def test_unknown(snapshot: Snapshot, form: str, trial: str | None) -> None:
    """An unknown format or trial is a usage error, and nothing is written."""
    stream = io.BytesIO()
    with pytest.raises(UsageError) as caught:
        write_rdf(snapshot, form, stream, trial=trial)
    assert caught.value.exit_code == 2
    assert not stream.getvalue() or form in FORMATS


VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(literal),
    st.integers().map(lambda value: typed(value, "integer")),
    st.booleans().map(lambda value: typed(str(value).lower(), "boolean")),
    st.sampled_from(["1.0", "-0.5", ".5", "5", "1e3", "x", "", "007", "+3", "1."]).flatmap(
        lambda text: st.sampled_from(["integer", "decimal"]).map(lambda kind: typed(text, kind))
    ),
)


@settings(deadline=None)
@given(
    st.lists(VALUES, min_size=1, max_size=4, unique=True),
    st.sampled_from(["title", "position", "minDays", "hasResults", "earliest", "objectValue"]),
)
def test_any_literal(values: list[str], name: str) -> None:
    """Any literal of any property comes back from Turtle, and from JSON-LD, as it was."""
    lines = sorted(f"<s:s> <{KG}{name}> {value} <g:g> .\n" for value in values)
    expected = read_triples("".join(lines).encode(), "nq")
    turtle, linked = io.BytesIO(), io.BytesIO()
    FORMATS["ttl"](iter(lines), turtle)
    FORMATS["jsonld"](iter(lines), linked)
    assert read_triples(turtle.getvalue(), "ttl") == expected
    back = {
        Literal(str(o), datatype=NamedNode(str(o.datatype or f"{XSD}string")))
        for o in rdflib.Graph().parse(data=linked.getvalue(), format="json-ld").objects()
        if isinstance(o, rdflib.Literal)
    }
    assert {one.datatype for one in back} == {
        one.object.datatype for one in expected if isinstance(one.object, Literal)
    }
    assert len(back) == len(expected)
