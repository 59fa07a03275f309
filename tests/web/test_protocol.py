"""The SPARQL 1.1 Protocol and its result formats, with the W3C's own tests where they are at hand."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rdflib
from pyoxigraph import NamedNode, QueryResultsFormat, RdfFormat, parse_query_results
from pyoxigraph import Store as Engine
from rdflib.collection import Collection
from rdflib.namespace import RDF
from starlette.testclient import TestClient

from kg.store import VERSION, Manifest, open_records, write_manifest
from kg.terms import DATASET
from kg.web import limits
from kg.web import protocol as protocol_module
from kg.web.app import make_app
from kg.web.editions import Editions
from kg.web.service import Settings

TRIALS = "SELECT ?t { ?t a <https://w3id.org/trialkg/ontology#Trial> } ORDER BY ?t"
BUILD = "CONSTRUCT WHERE { ?t a <https://w3id.org/trialkg/ontology#Trial> }"
DIRECT = {"content-type": "application/sparql-query"}
MF = rdflib.Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
QT = rdflib.Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-query#")
HT = rdflib.Namespace("http://www.w3.org/2011/http#")
CNT = rdflib.Namespace("http://www.w3.org/2011/content#")
PLACE = "http://kasei.us/2009/09/sparql/data/"


def make_store(folder: Path, data: dict[str | None, Path | None]) -> Path:
    """A store of plain files, each in the graph of its name (None: the default graph)."""
    snapshot = folder / "snapshots" / "w3c"
    snapshot.mkdir(parents=True)
    engine = Engine(str(snapshot / "index"))
    for name, path in data.items():
        if name is not None:
            engine.add_graph(NamedNode(name))
        if path is not None:
            form = RdfFormat.TURTLE if path.suffix == ".ttl" else RdfFormat.N_TRIPLES
            engine.load(path=str(path), format=form, to_graph=NamedNode(name) if name else None, base_iri=PLACE)
    engine.flush()
    del engine
    open_records(snapshot / "records.sqlite", is_new=True).close()
    manifest = Manifest(VERSION, "w3c", 0, 0, 0, "", (), {})
    write_manifest(snapshot, manifest)
    (folder / "current").symlink_to(snapshot)
    return folder


# Requests


def test_the_three_ways_to_ask_give_the_same(client: TestClient) -> None:
    """GET, a form and the query itself (section 2.1)."""
    answers = [
        client.get("/sparql", params={"query": TRIALS}),
        client.post("/sparql", data={"query": TRIALS}),
        client.post("/sparql", content=TRIALS, headers=DIRECT),
    ]
    assert [one.status_code for one in answers] == [200, 200, 200]
    assert len({one.content for one in answers}) == 1
    assert len(answers[0].json()["results"]["bindings"]) >= 10


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "application/sparql-results+json"),
        ("*/*", "application/sparql-results+json"),
        ("application/json", "application/json"),
        ("application/sparql-results+xml", "application/sparql-results+xml"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/tab-separated-values", "text/tab-separated-values; charset=utf-8"),
        ("text/html;q=0.9, text/csv;q=0.5", "text/csv; charset=utf-8"),
    ],
)
def test_rows_come_in_the_format_that_is_asked_for(client: TestClient, accept: str, media: str) -> None:
    """And every format holds the same rows."""
    answer = client.get("/sparql", params={"query": TRIALS}, headers={"accept": accept})
    assert answer.headers["content-type"] == media
    form = media.partition(";")[0].replace("application/json", "application/sparql-results+json")
    if form == "text/csv":
        rows = len(list(csv.reader(io.StringIO(answer.text)))) - 1
    else:
        kind = QueryResultsFormat.from_media_type(form)
        assert kind is not None
        rows = len(list(parse_query_results(answer.content, kind)))  # type: ignore[arg-type]
    assert rows == len(client.get("/sparql", params={"query": TRIALS}).json()["results"]["bindings"])


@pytest.mark.parametrize(
    "media", ["text/turtle", "application/n-triples", "application/ld+json", "application/rdf+xml"]
)
@pytest.mark.parametrize("query", [BUILD, "DESCRIBE <https://w3id.org/trialkg/id/antigen/IL3RA>"])
def test_graphs_come_in_the_format_that_is_asked_for(client: TestClient, media: str, query: str) -> None:
    """CONSTRUCT and DESCRIBE, read again by rdflib."""
    answer = client.get("/sparql", params={"query": query}, headers={"accept": media})
    assert answer.headers["content-type"].partition(";")[0] == media
    names = {"text/turtle": "turtle", "application/n-triples": "nt", "application/ld+json": "json-ld"}
    assert len(rdflib.Graph().parse(data=answer.text, format=names.get(media, "xml"))) >= 5


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status"),
    [
        ("GET", "/sparql?query=SELECT", b"", {}, 400),
        ("GET", "/sparql?query=ASK%20%7B%7D&query=ASK%20%7B%7D", b"", {}, 400),
        ("GET", "/sparql?update=CLEAR%20ALL", b"", {}, 400),
        ("GET", "/sparql?query=%FF", b"", {}, 400),
        ("GET", "/sparql?query=ASK%20%7B%7D", b"", {"accept": "image/png"}, 406),
        ("GET", "/sparql", b"", {"accept": "image/png"}, 406),
        ("POST", "/sparql", b"update=CLEAR%20ALL", {"content-type": "application/x-www-form-urlencoded"}, 400),
        ("POST", "/sparql", b"", {"content-type": "application/x-www-form-urlencoded"}, 400),
        ("POST", "/sparql", b"CLEAR ALL", {"content-type": "application/sparql-update"}, 415),
        ("POST", "/sparql", b"ASK {}", {"content-type": "text/plain"}, 415),
        ("POST", "/sparql", b"ASK {}", {}, 415),
        ("POST", "/sparql", "ASK {}".encode("utf-16"), {"content-type": "application/sparql-query"}, 400),
        ("POST", "/sparql", b"ASK {}", {"content-type": "application/sparql-query; charset=utf-16"}, 415),
        ("POST", "/sparql", b"#" * 70_000, {"content-type": "application/sparql-query"}, 413),
        ("POST", "/sparql", b"#" * 700_000, {"content-type": "application/sparql-query"}, 413),
        ("POST", "/sparql?query=ASK%20%7B%7D", b"ASK {}", {"content-type": "application/sparql-query"}, 400),
        ("PUT", "/sparql?query=ASK%20%7B%7D", b"", {}, 405),
        ("DELETE", "/sparql", b"", {}, 405),
        ("GET", "/nothing", b"", {}, 404),
        ("GET", "/sparql?query=ASK%20%7B%7D&default-graph-uri=http://a/none", b"", {}, 400),
        ("GET", "/sparql?query=ASK%20%7B%7D&default-graph-uri=%22", b"", {}, 400),
    ],
)
def test_wrong_requests_are_named(
    client: TestClient, method: str, path: str, content: bytes, headers: dict[str, str], status: int
) -> None:
    """The status says what is wrong, and one line of text says it to people."""
    answer = client.request(method, path, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert 0 < len(answer.text) < 1_000
    assert "Traceback" not in answer.text


def test_answers_have_a_tag_of_the_snapshot(client: TestClient) -> None:
    """A client that has the answer gets 304, one that has another format does not (RFC 9110, section 13)."""
    first = client.get("/sparql", params={"query": TRIALS})
    tag = first.headers["etag"]
    again = client.get("/sparql", params={"query": TRIALS}, headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/sparql", params={"query": TRIALS}, headers={"if-none-match": tag, "accept": "text/csv"})
    assert other.status_code == 200
    assert "Accept" in first.headers["vary"]


def test_head_gives_the_headers_alone(client: TestClient) -> None:
    """As GET does, without the body."""
    for path in (f"/sparql?query={TRIALS.replace(' ', '+').replace('#', '%23')}", "/", "/health", "/void"):
        get, head = client.get(path), client.head(path)
        assert head.status_code == get.status_code == 200
        assert head.headers["content-type"] == get.headers["content-type"]
        assert head.headers.get("etag") == get.headers.get("etag")


def test_other_origins_may_read(client: TestClient) -> None:
    """CORS for reading; a preflight is answered."""
    assert client.get("/sparql", params={"query": "ASK {}"}).headers["access-control-allow-origin"] == "*"
    preflight = client.options("/sparql", headers={"origin": "http://a", "access-control-request-method": "POST"})
    assert preflight.status_code == 204
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in preflight.headers


def test_the_default_graph_can_be_named(client: TestClient) -> None:
    """The data set's name stands for its default graph."""
    asked = {"query": "ASK { ?s ?p ?o }"}
    assert client.get("/sparql", params={**asked, "default-graph-uri": DATASET}).json()["boolean"] is True


# Descriptions


@pytest.mark.parametrize("path", ["/sparql", "/void", "/.well-known/void"])
def test_the_data_set_is_described(client: TestClient, path: str) -> None:
    """VoID and DCAT with counts of the graph, beside the service where one asks it without a query."""
    answer = client.get(path, headers={"accept": "text/turtle"})
    graph = rdflib.Graph().parse(data=answer.text, format="turtle")
    void = rdflib.Namespace("http://rdfs.org/ns/void#")
    (count,) = graph.objects(rdflib.URIRef(DATASET), void.triples)
    asked = client.get("/sparql", params={"query": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"}).json()
    assert int(str(count)) == int(asked["results"]["bindings"][0]["n"]["value"])
    assert (rdflib.URIRef(DATASET), RDF.type, rdflib.URIRef("http://www.w3.org/ns/dcat#Dataset")) in graph


def test_the_service_describes_itself(client: TestClient) -> None:
    """The W3C's three service description tests: RDF, a triple that names the endpoint, and the schema's terms."""
    sd = rdflib.Namespace("http://www.w3.org/ns/sparql-service-description#")
    answer = client.get("/sparql", headers={"accept": "application/rdf+xml"})
    graph = rdflib.Graph().parse(data=answer.text, format="xml")
    (service,) = graph.subjects(RDF.type, sd.Service)
    assert graph.value(service, sd.endpoint) == rdflib.URIRef("http://testserver/sparql")
    (dataset,) = graph.objects(service, sd.defaultDataset)
    assert (dataset, RDF.type, sd.Dataset) in graph
    assert not [one for one in graph.objects(service, sd.feature) if "Update" in str(one)]


@pytest.mark.parametrize("path", ["/void", "/", "/page/trial/NCT05574608", "/api/queries", "/health"])
def test_a_strange_host_is_refused(client: TestClient, path: str) -> None:
    """The Host header stands in descriptions and in what proxies keep, so it must be one everywhere."""
    for host in ("a<b>", 'evil"x', "a b", "a/b", "a@b"):
        answer = client.get(path, headers={"host": host})
        assert answer.status_code == 400
        assert "content-security-policy" in answer.headers
    assert client.get(path, headers={"host": "kg_server:8000"}).status_code == 200


def test_a_packed_query_is_refused(client: TestClient) -> None:
    """By its coding (RFC 9110, section 8.4), not as a query that is not UTF-8."""
    headers = {"content-type": "application/sparql-query", "content-encoding": "gzip"}
    answer = client.post("/sparql", content=gzip.compress(b"ASK {}"), headers=headers)
    assert answer.status_code == 415
    assert "gzip" in answer.text
    headers["content-encoding"] = "identity"
    assert client.post("/sparql", content=b"ASK {}", headers=headers).status_code == 200


@pytest.mark.parametrize("unit", ["a-", "é", '"\\"', "'\\'", '"\n', "<a", "1.", ":a.", "{"])
def test_a_query_is_looked_at_in_a_worker_only(client: TestClient, monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    """The web process, which all wait for, never cuts it into words; a worker refuses it and answers a good one."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a query is looked at in the web process")

    for module in (limits, protocol_module):
        monkeypatch.setattr(module, "check_query", refuse, raising=False)
    monkeypatch.setattr(limits, "cut_tokens", refuse, raising=False)
    text = unit * (65_536 // len(unit.encode()))
    assert client.post("/sparql", content=text.encode(), headers=DIRECT).status_code in (400, 413)
    assert client.post("/sparql", content=TRIALS, headers=DIRECT).status_code == 200


@pytest.mark.parametrize("call", ["NOW()", "rand()", "UUID()", "StrUUID()", "BNODE()"])
def test_an_answer_that_is_another_each_time_is_not_kept(client: TestClient, call: str) -> None:
    """Neither by the server nor by the client."""
    query = {"query": f"SELECT ({call} AS ?v) {{ }}"}
    first = client.get("/sparql", params=query)
    assert first.status_code == 200
    assert "etag" not in first.headers
    assert first.headers["cache-control"] == "no-store"
    second = client.get("/sparql", params=query, headers={"if-none-match": "*"})
    assert second.status_code == 200
    assert second.content != first.content


def test_a_client_that_leaves_amid_its_query_leaves_no_trace(client: TestClient) -> None:
    """It is no error of the server; the application ends quietly."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/sparql-query"), (b"content-length", b"99")]
    scope = {"type": "http", "method": "POST", "path": "/sparql", "query_string": b"", "headers": headers}
    assert client.portal is not None
    client.portal.call(client.app, {**scope, "raw_path": b"/sparql", "root_path": "", "scheme": "http"}, receive, send)
    assert sent[0]["status"] == 499


def test_a_fixed_address_does_not_follow_the_host(store: Path) -> None:
    """With ``--base-url``, no client decides where descriptions point."""
    settings = Settings(store=str(store), workers=2, base_url="https://trials.example.org/")
    with TestClient(make_app(Editions(settings))) as running:
        text = running.get("/void", headers={"host": "evil.example.org"}).text
    assert "<https://trials.example.org/sparql>" in text
    assert "evil" not in text


# W3C


@pytest.fixture(scope="module")
def protocol(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[rdflib.Graph, TestClient]]:
    """The W3C's manifest, and an application over its data."""
    folder = shared / "w3c" / "sparql" / "sparql11" / "protocol"
    data: dict[str | None, Path | None] = {f"{PLACE}data{n}.rdf": folder / f"data{n}.nt" for n in (1, 2, 3)}
    graphs = {f"{PLACE}data0.rdf": None, **data}
    store = make_store(tmp_path_factory.mktemp("w3c"), graphs)
    app = make_app(Editions(Settings(store=str(store), workers=2)), tuple(name for name in graphs if name))
    with TestClient(app, raise_server_exceptions=False) as running:
        yield rdflib.Graph().parse(folder / "manifest.ttl"), running


def test_w3c_protocol(protocol: tuple[rdflib.Graph, TestClient]) -> None:
    """Every query test of the manifest; of the update tests, those that a server must refuse."""
    manifest, running = protocol
    (entries,) = manifest.objects(None, MF.entries)
    passed: list[str] = []
    failed: list[str] = []
    for test in Collection(manifest, entries):
        name = str(test).rpartition("#")[2]
        if name.startswith("update_"):
            continue
        action = manifest.value(manifest.value(test, MF.action), HT.requests)
        for request in Collection(manifest, action):  # type: ignore[arg-type]
            fault = run_request(manifest, running, request)
            (failed if fault else passed).append(f"{name}: {fault}" if fault else name)
    assert not failed
    assert len(passed) >= 26


def run_request(manifest: rdflib.Graph, running: TestClient, request: Any) -> str:
    """Send a request of the manifest; what is wrong with the answer, or nothing."""
    body = manifest.value(request, HT.body)
    encoding = str(manifest.value(body, CNT.characterEncoding) or "utf-8") if body else "utf-8"
    headers = {"accept": "*/*"}
    held = manifest.value(request, HT.headers)
    for header in Collection(manifest, held) if held else ():
        headers[str(manifest.value(header, HT.fieldName)).lower()] = str(manifest.value(header, HT.fieldValue))
    answer = running.request(
        str(manifest.value(request, HT.methodName)),
        str(manifest.value(request, HT.absolutePath)),
        content=str(manifest.value(body, CNT.chars) or "").encode(encoding) if body else b"",
        headers=headers,
    )
    expected = manifest.value(request, HT.resp)
    statuses = {str(one)[-3] for one in manifest.objects(expected, MF.expectedStatus)}
    if str(answer.status_code)[0] not in statuses:
        return f"{answer.status_code} {answer.text[:100]}"
    wanted = manifest.value(expected, MF.expectedBoolean)
    if wanted is not None and answer.json()["boolean"] is not wanted.toPython():
        return f"{answer.text} is not {wanted}"
    form = str(manifest.value(expected, MF.expectedFormat) or "")
    kinds = {"boolean": "sparql-results", "tabular": "sparql-results", "RDF": "turtle"}
    return "" if not form or kinds[form] in answer.headers["content-type"] else answer.headers["content-type"]


@pytest.mark.parametrize(
    ("folder", "data"), [("json-res", "data.ttl"), ("csv-tsv-res", "data.ttl"), ("csv-tsv-res", "data2.ttl")]
)
def test_w3c_result_formats(shared: Path, tmp_path: Path, folder: str, data: str) -> None:
    """Every test of the manifests of JSON, CSV and TSV results, through the server."""
    home = shared / "w3c" / "sparql" / "sparql11" / folder
    manifest = rdflib.Graph().parse(home / "manifest.ttl")
    store = make_store(tmp_path / "store", {None: home / data})
    media = {".srj": "application/sparql-results+json", ".csv": "text/csv", ".tsv": "text/tab-separated-values"}
    ran = 0
    with TestClient(make_app(Editions(Settings(store=str(store), workers=2)))) as running:
        for test in manifest.subjects(MF.result):
            action = manifest.value(test, MF.action)
            if not str(manifest.value(action, QT.data)).endswith(f"/{data}"):
                continue
            query, expected = (
                home / str(one).rpartition("/")[2]
                for one in (manifest.value(action, QT.query), manifest.value(test, MF.result))
            )
            answer = running.post(
                "/sparql", content=query.read_text(), headers={**DIRECT, "accept": media[expected.suffix]}
            )
            assert read_rows(answer.text, expected.suffix) == read_rows(expected.read_text(), expected.suffix), query
            ran += 1
    assert ran >= 2


def read_rows(text: str, suffix: str) -> Any:
    """The content of a result document, whatever the order of rows, the names of blank nodes, the way of a number."""
    if suffix == ".srj":
        read = json.loads(text)
        if "boolean" in read:
            return read["boolean"]
        rows = [
            sorted((name, *sorted(clean(part).items())) for name, part in row.items())
            for row in read["results"]["bindings"]
        ]
        return sorted(read["head"]["vars"]), sorted(rows, key=str)
    if suffix == ".csv":
        cells = [[read_cell(cell) for cell in row] for row in csv.reader(io.StringIO(text))]
        return align(cells)
    lines = [line.split("\t") for line in text.rstrip("\n").split("\n")]
    return align([[read_term(cell) for cell in line] for line in lines])


def read_cell(cell: str) -> str:
    """A cell of CSV in one way of writing; the engine keeps numbers by value."""
    if re.fullmatch(r"[+-]?[\d.]+(?:[eE][+-]?\d+)?", cell):
        return str(float(cell))
    return "_:b" if cell.startswith("_:") else cell


def clean(part: dict[str, str]) -> dict[str, str]:
    return {**part, "value": "b"} if part["type"] == "bnode" else part


def read_term(cell: str) -> str:
    """A cell of TSV in one way of writing; the engine keeps derived integers as integers."""
    cell = cell.replace("#negativeInteger>", "#integer>")
    if cell.startswith("_:"):
        return "_:b"
    if re.fullmatch(r"[+-]?\d+", cell):
        return f'"{cell}"^^<http://www.w3.org/2001/XMLSchema#integer>'
    if re.fullmatch(r"[+-]?\d*\.\d+", cell):
        return f'"{cell}"^^<http://www.w3.org/2001/XMLSchema#decimal>'
    if re.fullmatch(r"[+-]?[\d.]+[eE][+-]?\d+", cell):
        return f'"{float(cell)}"^^<http://www.w3.org/2001/XMLSchema#double>'
    return re.sub(r'"(.*)"(\^\^<.*double>)', lambda found: f'"{float(found[1])}"{found[2]}', cell)


def align(cells: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows in one order."""
    head = [name.lstrip("?") for name in cells[0]]
    order = sorted(range(len(head)), key=lambda number: head[number])
    rows = [[row[number] if number < len(row) else "" for number in order] for row in cells[1:]]
    return sorted(head), sorted(rows)
