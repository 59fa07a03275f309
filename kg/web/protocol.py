"""The SPARQL 1.1 Protocol for queries (https://www.w3.org/TR/sparql11-protocol/). There is no update here."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from kg.terms import DATASET
from kg.web.children import Refused
from kg.web.descriptions import describe_service
from kg.web.limits import MAX_BYTES, check_size, may_vary
from kg.web.negotiation import GRAPHS, HTML, ROWS, choose_offer
from kg.web.pages import show_query_page
from kg.web.record_texts import is_for_texts
from kg.web.replies import WebFault, check, find_base, get_service, respond
from kg.web.results import GRAPH_FORMATS

_FORM = "application/x-www-form-urlencoded"
_DIRECT = "application/sparql-query"
_MOST_BYTES = 4 * MAX_BYTES
"""Longest body: a query whose every byte is written as %XX, and the rest of a form."""
_MOST_GRAPHS = 32


class Asked(msgspec.Struct, frozen=True):
    """A request of the protocol: its query and its dataset."""

    query: str | None
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()


async def answer_sparql(request: Request) -> Response:
    """GET with a query, POST with a form, POST with a query; GET without any describes the service.

    The query itself is only looked at in a worker: it is the client's text, and looking at it takes time.

    :raises WebFault: the request is not one of the protocol (400, 406, 413, 415), or the query is refused.
    """
    asked = await _read_request(request)
    if asked.query is None:
        if request.method == "POST":
            raise WebFault(400, "the form has no query", "Give one as query=…")
        return await _describe(request)
    service = get_service(request)
    graphs = {DATASET, *request.app.state.graphs}
    strange = {*asked.default_graphs, *asked.named_graphs} - graphs
    is_known = not strange or is_for_texts(asked.default_graphs, asked.named_graphs)
    if not is_known and not service.settings.endpoint:
        raise WebFault(400, f"no graph here is named {min(strange)[:200]}", "Leave the graph out")
    has_dataset = bool(asked.default_graphs or asked.named_graphs)
    check_size(asked.query)
    accept = request.headers.get("accept", "")
    chosen = [choose_offer(accept, offers) or ("", "") for offers in (ROWS, GRAPHS)]
    is_lenient = "handling=lenient" in request.headers.get("prefer", "").replace(" ", "").lower()
    reply = check(
        await service.run_query(
            request,
            {
                "text": asked.query,
                "forms": [form for form, _ in chosen],
                "known": None if has_dataset else sorted(graphs),
                "base": f"{find_base(request)}/sparql",
                "default_graphs": asked.default_graphs,
                "named_graphs": asked.named_graphs,
                "is_lenient": is_lenient,
            },
            is_shared=not may_vary(asked.query),
        )
    )
    headers = {}
    if reply.meta["truncated"]:
        headers = {"Kg-Truncated": str(reply.meta["truncated"]), "Preference-Applied": "handling=lenient"}
    form = str(reply.meta["form"])
    media = dict(chosen)[form]
    charset = "" if form in ("xml", "rdf", "json", "jsonld") else "; charset=utf-8"
    if not reply.meta["is_lasting"]:
        return Response(reply.body, media_type=media + charset, headers={**headers, "Cache-Control": "no-store"})
    return respond(request, reply.body, media + charset, form=form, headers=headers)


async def _read_request(request: Request) -> Asked:
    pairs = _read_pairs(request.scope["query_string"])
    if request.method == "POST":
        kind, _, rest = request.headers.get("content-type", "").partition(";")
        kind = kind.strip().lower()
        if kind not in (_FORM, _DIRECT):
            raise WebFault(415, "a query is posted as a form or as itself", f"Send {_FORM} or {_DIRECT}")
        charset = rest.lower().partition("charset=")[2].strip(' "').partition(";")[0]
        if charset not in ("", "utf-8", "utf8", "us-ascii"):
            raise WebFault(415, f"queries are UTF-8, not {charset[:20]}")
        coding = request.headers.get("content-encoding", "identity").strip().lower()
        if coding != "identity":
            raise WebFault(415, f"queries are sent as they are, not as {coding[:20]}")
        body = await _read_body(request)
        if kind == _DIRECT:
            if any(name == "query" for name, _ in pairs):
                raise WebFault(400, "there are two queries, in the address and in the body")
            pairs.append(("query", _decode(body)))
        else:
            pairs += _read_pairs(body)
    return _read_parameters(pairs)


def _read_parameters(pairs: Sequence[tuple[str, str]]) -> Asked:
    queries = [value for name, value in pairs if name == "query"]
    if len(queries) > 1:
        raise WebFault(400, "more than one query is given")
    if any(name == "update" for name, _ in pairs):
        raise WebFault(400, "this endpoint takes no updates")
    default, named = (
        tuple(value for name, value in pairs if name == f"{kind}-graph-uri") for kind in ("default", "named")
    )
    if len(default) + len(named) > _MOST_GRAPHS:
        raise WebFault(400, f"more than {_MOST_GRAPHS} graphs are named")
    return Asked(queries[0] if queries else None, default, named)


async def _read_body(request: Request) -> bytes:
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > _MOST_BYTES:
                raise WebFault(413, f"the query is longer than {MAX_BYTES // 1024} KB")
            chunks.append(chunk)
    except ClientDisconnect:
        raise Refused("the client went away", status=499) from None
    return b"".join(chunks)


def _read_pairs(text: bytes) -> list[tuple[str, str]]:
    if len(text) > _MOST_BYTES:
        raise WebFault(413, f"the query is longer than {MAX_BYTES // 1024} KB")
    try:
        return parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError:
        raise WebFault(400, "the form cannot be read; it is UTF-8, percent-encoded") from None


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise WebFault(400, "the query is not UTF-8") from None


async def _describe(request: Request) -> Response:
    chosen = choose_offer(request.headers.get("accept", ""), (*GRAPHS, HTML))
    if chosen is None:
        raise WebFault(406, "no format that the client accepts")
    if chosen[0] == "html":
        return show_query_page(request)
    return respond(request, await describe_service(request, GRAPH_FORMATS[chosen[0]]), chosen[1], form=chosen[0])
