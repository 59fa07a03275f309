"""The stored queries as RDF: ``sh:SPARQLExecutable``, in the form of https://github.com/sib-swiss/sparql-examples.

Other tools find, show and run them from there (SHACL Advanced Features, section 5,
https://www.w3.org/TR/shacl-af/#SPARQLExecutable).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, serialize

from kg.queries import Parameter, StoredQuery, load_queries
from kg.terms import DATASET, ID, KG, PREFIXES, RDF, RDFS, SH, XSD

SCHEMA = "https://schema.org/"
_TYPES = {"integer": "integer", "decimal": "decimal", "date": "date", "boolean": "boolean", "string": "string"}
_DECLARED = {name: PREFIXES[name] for name in ("kg", "rdf", "rdfs", "xsd", "skos", "prov", "dcterms", "geo")}


def write_executables(endpoint: str = "") -> bytes:
    """All stored queries as Turtle.

    :param endpoint: Address of the endpoint that answers them; empty: the data set's name.
    """
    prefixes = {**PREFIXES, "schema": SCHEMA}
    return serialize(list(_describe(endpoint or DATASET)), format=RdfFormat.TURTLE, prefixes=prefixes) or b""


def _describe(endpoint: str) -> Iterator[Triple]:
    shared = NamedNode(f"{ID}query")
    yield _say(shared, f"{RDF}type", NamedNode("http://www.w3.org/2002/07/owl#Ontology"))
    for prefix, namespace in _DECLARED.items():
        declared = BlankNode(f"prefix-{prefix}")
        yield _say(shared, f"{SH}declare", declared)
        yield _say(declared, f"{SH}prefix", Literal(prefix))
        yield _say(declared, f"{SH}namespace", Literal(namespace, datatype=NamedNode(f"{XSD}anyURI")))
    for query in load_queries().values():
        yield from _describe_query(query, shared, endpoint)


def _describe_query(query: StoredQuery, shared: NamedNode, endpoint: str) -> Iterator[Triple]:
    node = NamedNode(f"{ID}query/{query.name}")
    body = "\n".join(line for line in query.text.splitlines() if not line.startswith("#+"))
    for name in ("SPARQLExecutable", "SPARQLSelectExecutable"):
        yield _say(node, f"{RDF}type", NamedNode(SH + name))
    yield _say(node, f"{RDFS}label", Literal(query.title, language="en"))
    yield _say(node, f"{RDFS}comment", Literal(query.question, language="en"))
    yield _say(node, f"{SH}prefixes", shared)
    yield _say(node, f"{SH}select", Literal(body))
    yield _say(node, f"{SCHEMA}target", NamedNode(endpoint))
    for word in query.keywords:
        yield _say(node, f"{SCHEMA}keywords", Literal(str(word)))
    for parameter in query.parameters.values():
        yield from _describe_parameter(node, query, parameter)


def _describe_parameter(node: NamedNode, query: StoredQuery, parameter: Parameter) -> Iterator[Triple]:
    """A parameter as a property shape; its variable in the query is ``?p_`` and its name."""
    described = BlankNode(f"{query.name}-{parameter.name}".replace("_", "-"))
    yield _say(node, f"{SH}parameter", described)
    yield _say(described, f"{SH}path", NamedNode(f"{ID}query/parameter/p_{parameter.name}"))
    yield _say(described, f"{SH}name", Literal(parameter.name))
    yield _say(described, f"{SH}optional", _flag(not parameter.required))
    if parameter.type in _TYPES:
        yield _say(described, f"{SH}datatype", NamedNode(f"{XSD}{_TYPES[parameter.type]}"))
    else:
        yield _say(described, f"{SH}nodeKind", NamedNode(f"{SH}IRI"))
    if parameter.type == "trial":
        yield _say(described, f"{SH}class", NamedNode(f"{KG}Trial"))
    if parameter.note:
        yield _say(described, f"{SH}description", Literal(parameter.note, language="en"))


def _flag(value: bool) -> Literal:
    return Literal("true" if value else "false", datatype=NamedNode(f"{XSD}boolean"))


def _say(subject: NamedNode | BlankNode, predicate: str, value: Any) -> Triple:
    return Triple(subject, NamedNode(predicate), value)
