"""What the server and its data are, for machines: SPARQL Service Description, VoID and DCAT, counted from the graph.

https://www.w3.org/TR/sparql11-service-description/, https://www.w3.org/TR/void/, https://www.w3.org/TR/vocab-dcat-3/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, serialize
from starlette.requests import Request
from starlette.responses import Response

from kg.terms import DATASET, DCTERMS, ID, KG, PREFIXES, RDF, XSD
from kg.web.negotiation import GRAPHS, choose_offer
from kg.web.replies import WebFault, check, find_base, get_service, respond
from kg.web.results import GRAPH_FORMATS

SD = "http://www.w3.org/ns/sparql-service-description#"
VOID = "http://rdfs.org/ns/void#"
DCAT = "http://www.w3.org/ns/dcat#"
FORMATS = "http://www.w3.org/ns/formats/"
_PREFIXES = {**PREFIXES, "sd": SD, "void": VOID, "dcat": DCAT}


async def describe_service(request: Request, form: RdfFormat) -> bytes:
    """The description that GET gives on the endpoint."""
    return _write([*_service(find_base(request)), *await _dataset(request)], form)


async def answer_void(request: Request) -> Response:
    """The data set as VoID and DCAT.

    :raises WebFault: no format fits.
    """
    chosen = choose_offer(request.headers.get("accept", ""), GRAPHS)
    if chosen is None:
        raise WebFault(406, "no format that the client accepts")
    body = _write(await _dataset(request), GRAPH_FORMATS[chosen[0]])
    return respond(request, body, chosen[1], form=chosen[0])


def _write(triples: list[Triple], form: RdfFormat) -> bytes:
    prefixes = _PREFIXES if form in (RdfFormat.TURTLE, RdfFormat.RDF_XML) else None
    return serialize(triples, format=form, prefixes=prefixes) or b""


def _service(base: str) -> Iterator[Triple]:
    service = NamedNode(f"{base}/sparql")
    yield _say(service, f"{RDF}type", f"{SD}Service")
    yield _say(service, f"{SD}endpoint", service)
    yield _say(service, f"{SD}supportedLanguage", f"{SD}SPARQL11Query")
    for name in ("SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV"):
        yield _say(service, f"{SD}resultFormat", FORMATS + name)
    for name in ("Turtle", "N-Triples", "JSON-LD", "RDF_XML"):
        yield _say(service, f"{SD}resultFormat", FORMATS + name)
    dataset, graph = BlankNode("dataset"), NamedNode(DATASET)
    yield _say(service, f"{SD}defaultDataset", dataset)
    yield _say(dataset, f"{RDF}type", f"{SD}Dataset")
    yield _say(dataset, f"{SD}defaultGraph", graph)
    yield _say(graph, f"{RDF}type", f"{SD}Graph")


async def _dataset(request: Request) -> list[Triple]:
    service, base = get_service(request), find_base(request)
    counts = msgspec.json.decode(check(await service.run_task("count")).body)
    return list(_describe_dataset(counts, service.meta, base))


def _describe_dataset(counts: dict[str, Any], meta: Any, base: str) -> Iterator[Triple]:
    data = NamedNode(DATASET)
    yield _say(data, f"{RDF}type", f"{VOID}Dataset")
    yield _say(data, f"{RDF}type", f"{DCAT}Dataset")
    yield _say(data, f"{DCTERMS}title", Literal("trialkg: clinical trials of cell therapy", language="en"))
    yield _say(data, f"{DCTERMS}description", Literal(_DESCRIPTION, language="en"))
    yield _say(data, f"{DCTERMS}identifier", Literal(meta.snapshot))
    if len(meta.newest) == 10:
        yield _say(data, f"{DCTERMS}modified", Literal(meta.newest, datatype=NamedNode(f"{XSD}date")))
    yield _say(data, f"{VOID}sparqlEndpoint", f"{base}/sparql")
    yield _say(data, f"{VOID}uriSpace", Literal(ID))
    yield _say(data, f"{VOID}vocabulary", KG)
    for name, number in (
        ("triples", sum(counts["properties"].values())),
        ("distinctSubjects", counts["subjects"]),
        ("properties", len(counts["properties"])),
        ("classes", len(counts["classes"])),
    ):
        yield _say(data, VOID + name, _number(number))
    for kind, key, word in (("propertyPartition", "properties", "property"), ("classPartition", "classes", "class")):
        for number, (name, count) in enumerate(counts[key].items()):
            part = BlankNode(f"{word}{number}")
            yield _say(data, VOID + kind, part)
            yield _say(part, VOID + word, name)
            yield _say(part, f"{VOID}{'triples' if word == 'property' else 'entities'}", _number(count))
    yield from _list_access(data, base)


_DESCRIPTION = "Registry records of clinical trials as a graph, with the words of the record behind every fact."


def _list_access(data: NamedNode, base: str) -> Iterator[Triple]:
    access = NamedNode(f"{base}/sparql#access")
    yield _say(data, f"{DCAT}distribution", access)
    yield _say(access, f"{RDF}type", f"{DCAT}Distribution")
    yield _say(access, f"{DCAT}accessURL", f"{base}/sparql")
    yield _say(access, f"{DCAT}accessService", f"{base}/sparql")
    yield _say(NamedNode(f"{base}/sparql"), f"{RDF}type", f"{DCAT}DataService")
    yield _say(NamedNode(f"{base}/sparql"), f"{DCAT}endpointURL", f"{base}/sparql")
    yield _say(NamedNode(f"{base}/sparql"), f"{DCAT}servesDataset", data)


def _number(value: int) -> Literal:
    return Literal(str(value), datatype=NamedNode(f"{XSD}integer"))


def _say(subject: Any, predicate: str, value: Any) -> Triple:
    return Triple(subject, NamedNode(predicate), NamedNode(value) if isinstance(value, str) else value)
