"""Fill a remote server with a snapshot: its triples in one graph, the texts of its records in another.

By the Graph Store Protocol (https://www.w3.org/TR/sparql11-http-rdf-update/) or by INSERT DATA, in portions of bounded
size. A portion that was sent twice changes nothing, so a load that was broken off goes on where it was; at the end the
server counts what it has.
"""

from __future__ import annotations

import hashlib
import itertools
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from pyoxigraph import DefaultGraph, Literal, NamedNode, Triple

from kg.errors import EndpointError, UsageError
from kg.remote import RemoteEngine, read_credentials
from kg.remote_snapshot import RemoteSnapshot, pack_record
from kg.store import Manifest, Snapshot, StoredRecord
from kg.terms import LOAD, mint_load_graph

PORTION = 20_000
"""Triples in a portion for the Graph Store Protocol."""
SMALL_PORTION = 500
"""Triples in an INSERT DATA; servers compile it like a program."""
MAX_BYTES = 4 << 20
"""Bytes in a portion."""
_COUNT = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"
Progress = Callable[[int, int], None]


class Report(msgspec.Struct, frozen=True):
    """What is on the server now.

    :ivar was_resumed: Whether an earlier load was gone on with.
    :ivar was_there: Whether an earlier load had sent all, and nothing was left to do.
    """

    triples: int
    records: int
    was_resumed: bool
    was_there: bool = False


class Target(msgspec.Struct, frozen=True):
    """A server to fill.

    :ivar endpoint: Where it answers queries.
    :ivar store_url: Where it takes graphs by the Graph Store Protocol; empty where it takes updates only.
    :ivar update_url: Where it takes updates.
    """

    endpoint: str
    graph: str | None = None
    store_url: str = ""
    update_url: str = ""
    timeout: int = 300


def find_target(endpoint: str, graph: str | None, store_url: str = "", update_url: str = "") -> Target:
    """A server by its query address; the usual places of its graph store are tried by the last word of the address.

    :raises UsageError: an address is none, or the place to write to is not known.

    >>> find_target("http://127.0.0.1:7878/query", None).store_url
    'http://127.0.0.1:7878/store'
    """
    for url in filter(None, (endpoint, store_url, update_url)):
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise UsageError(f"{url!r} is no endpoint", mend="Give an http or https address")
    if not store_url and not update_url:
        stem, _, last = endpoint.rstrip("/").rpartition("/")
        usual = {"query": "store", "sparql": "sparql-graph-crud-auth"}
        if last not in usual:
            raise UsageError("where does the server take graphs?", mend="Give --graph-store URL or --update URL")
        store_url = f"{stem}/{usual[last]}"
    return Target(endpoint, graph, store_url, update_url)


def load_snapshot(
    snapshot: Snapshot, target: Target, *, is_new: bool = False, progress: Progress | None = None
) -> Report:
    """Fill the server; nothing is sent when it holds the snapshot already.

    :param is_new: Whether what the graphs hold is removed first.
    :raises UsageError: the graph holds something else.
    :raises EndpointError: the server refuses, or counts something else at the end.
    """
    journal = _find_journal(snapshot, target)
    done = int(journal.read_text(encoding="ascii") or 0) if journal.exists() and not is_new else 0
    engine = RemoteEngine(target.endpoint, target.graph, target.timeout)
    texts = mint_load_graph(target.graph)
    size = PORTION if target.store_url else SMALL_PORTION
    if is_new:
        _clear(target, target.graph)
        _clear(target, texts)
    elif not done and (there := _count(engine)):
        if there == len(snapshot.engine) and _read_name(engine) == snapshot.manifest.snapshot:
            return Report(there, snapshot.manifest.records, was_resumed=False, was_there=True)
        raise UsageError(
            "the graph on the server is not empty", where=target.endpoint, mend="Give --replace, or another --graph"
        )
    portions = itertools.chain(
        ((target.graph, one) for one in _cut(_list_triples(snapshot), size)),
        ((texts, one) for one in _cut(_list_records(snapshot), size)),
    )
    number = 0
    for number, (graph, portion) in enumerate(portions, 1):
        if number > done:
            _send(target, graph, portion)
            journal.write_text(str(number), encoding="ascii")
            if progress:
                progress(number, len(portion))
    return _finish(snapshot, engine, journal, was_resumed=bool(done))


def _read_name(engine: RemoteEngine) -> str:
    """Which snapshot the server holds whole: the manifest is sent last."""
    return RemoteSnapshot(engine).manifest.snapshot


def _finish(snapshot: Snapshot, engine: RemoteEngine, journal: Path, *, was_resumed: bool) -> Report:
    """Compare the counts of both sides."""
    here = len(snapshot.engine)
    there = _count(engine)
    journal.unlink(missing_ok=True)
    if here != there:
        raise EndpointError(
            f"the server has {there:,} statements and the graph {here:,}",
            where=engine.url,
            mend="Load again with --replace",
        )
    return Report(there, snapshot.manifest.records, was_resumed)


def _find_journal(snapshot: Snapshot, target: Target) -> Path:
    """Where the number of the last portion stands: beside the snapshots, one for each server and graph."""
    key = hashlib.sha256(f"{target} {snapshot.manifest.snapshot}".encode()).hexdigest()[:16]
    return snapshot.folder.parent.parent / f".load-{key}"


def _list_triples(snapshot: Snapshot) -> Iterator[str]:
    for quad in snapshot.engine.quads_for_pattern(None, None, None, DefaultGraph()):
        yield f"{quad.triple} .\n"


def _list_records(snapshot: Snapshot) -> Iterator[str]:
    """The manifest and the records as N-Triples lines, the manifest last: it is there only when all is."""
    for stored in snapshot.read_records():
        for triple in describe_record(stored):
            yield f"{triple} .\n"
    yield f"{describe_manifest(snapshot.manifest)} .\n"


def describe_record(stored: StoredRecord) -> Iterator[Triple]:
    """A record beside the graph: its trial, what it is, and its text where it has one at hand."""
    record = NamedNode(stored.iri[1:-1])
    head, text = pack_record(stored)
    yield Triple(record, NamedNode(LOAD + "trial"), NamedNode(stored.trial[1:-1]))
    yield Triple(record, NamedNode(LOAD + "head"), head)
    if stored.record.text:
        yield Triple(record, NamedNode(LOAD + "text"), text)


def describe_manifest(manifest: Manifest) -> Triple:
    """The manifest of a snapshot beside its graph."""
    said = msgspec.json.encode(msgspec.structs.replace(manifest, files={})).decode()
    return Triple(NamedNode(LOAD + "graph"), NamedNode(LOAD + "manifest"), Literal(said))


def _cut(lines: Iterable[str], most: int) -> Iterator[list[str]]:
    portion: list[str] = []
    size = 0
    for line in lines:
        if portion and (len(portion) >= most or size + len(line) > MAX_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(line)
        size += len(line)
    if portion:
        yield portion


def _send(target: Target, graph: str | None, portion: list[str]) -> None:
    body = "".join(portion)
    if target.store_url:
        _request(target, "POST", _name_graph(target.store_url, graph), body, "application/n-triples")
        return
    data = f"GRAPH {NamedNode(graph)} {{\n{body}}}" if graph else body
    _request(target, "POST", target.update_url, "INSERT DATA {\n" + data + "}", "application/sparql-update")


def _clear(target: Target, graph: str | None) -> None:
    if target.store_url:
        _request(target, "DELETE", _name_graph(target.store_url, graph), "", "", may_lack=True)
    else:
        named = f"GRAPH {NamedNode(graph)}" if graph else "DEFAULT"
        _request(target, "POST", target.update_url, f"CLEAR SILENT {named}", "application/sparql-update")


def _name_graph(url: str, graph: str | None) -> str:
    named = urlencode({"graph": graph}, quote_via=quote) if graph else "default"
    return f"{url}{'&' if '?' in url else '?'}{named}"


def _request(target: Target, method: str, url: str, body: str, kind: str, *, may_lack: bool = False) -> None:
    token, user, password, scheme = read_credentials()
    headers = {"Content-Type": kind} if kind else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    known.add_password(None, url, user, password)
    basic, digest = urllib.request.HTTPBasicAuthHandler(known), urllib.request.HTTPDigestAuthHandler(known)
    opener = urllib.request.build_opener(*([digest if scheme == "digest" else basic] if user else []))
    request = urllib.request.Request(url, body.encode() or None, headers, method=method)  # noqa: S310  # checked above
    try:
        with opener.open(request, timeout=target.timeout) as answer:
            answer.read(1 << 16)
    except HTTPError as error:
        if may_lack and error.code == 404:
            return
        said = error.read(400).decode("utf-8", "replace").strip().replace("\n", " ")
        raise EndpointError(f"{method} was refused ({error.code} {said[:200]})", where=url) from None
    except (OSError, HTTPException) as error:
        raise EndpointError(
            f"{method} failed ({error})", where=url, mend="Start the same load again; it goes on"
        ) from None


def _count(engine: RemoteEngine) -> int:
    for row in engine.select(_COUNT):
        return int(getattr(row["n"], "value", 0))
    raise EndpointError("the server does not count", where=engine.url)
