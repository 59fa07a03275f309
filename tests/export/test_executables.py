"""The stored queries as sh:SPARQLExecutable: any tool that reads RDF can find and run them."""

from __future__ import annotations

import rdflib
from pyoxigraph import Store as Engine
from rdflib.namespace import RDF, RDFS, SH

from kg.export.executables import write_executables
from kg.queries import load_queries
from kg.terms import ID

GRAPH = rdflib.Graph().parse(data=write_executables("http://127.0.0.1:7878/sparql"), format="turtle")


def test_every_query_is_there_with_its_question_and_text() -> None:
    """One node each, typed, with a comment, prefixes, a target, and a text that runs."""
    nodes = set(GRAPH.subjects(RDF.type, SH.SPARQLSelectExecutable))
    assert {str(node) for node in nodes} == {f"{ID}query/{name}" for name in load_queries()}
    for node in nodes:
        assert (node, RDF.type, SH.SPARQLExecutable) in GRAPH
        query = load_queries()[str(node).rpartition("/")[2]]
        assert str(GRAPH.value(node, RDFS.comment)) == query.question
        assert GRAPH.value(node, SH.prefixes) is not None
        assert GRAPH.value(node, rdflib.URIRef("https://schema.org/target")) is not None
        Engine().query(str(GRAPH.value(node, SH.select)))
        names = {str(GRAPH.value(one, SH.name)) for one in GRAPH.objects(node, SH.parameter)}
        assert names == set(query.parameters)


def test_the_same_bytes_each_time() -> None:
    """No name is random."""
    assert write_executables() == write_executables()
