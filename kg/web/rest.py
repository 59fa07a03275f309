"""The REST interface: stored queries, cards and questions as JSON and CSV, in pages with a total."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kg.queries import load_queries
from kg.rows import write_rows
from kg.web.frames import DAMAGED, MEND, Reply
from kg.web.negotiation import Offer, choose_offer
from kg.web.openapi import write_openapi
from kg.web.replies import WebFault, check, find_base, get_service, read_parameters, respond, to_json
from kg.web.targets import quote_path

LIMIT = 100
MAX_LIMIT = 10_000
MAX_OFFSET = 10**9
MAX_VALUE = 1_000
"""Longest value of a parameter, in characters."""
PAGING = ("limit", "offset", "output")
"""Parameters of every list; no stored query has one of these names (a test holds them to it)."""
_OFFERS = (Offer("json", ("application/json",)), Offer("csv", ("text/csv",)))


async def list_stored(request: Request) -> Response:
    """The stored queries, with what each can be asked with."""
    found = [
        {
            "name": query.name,
            "title": query.title,
            "question": query.question,
            "parameters": msgspec.to_builtins(list(query.parameters.values())),
            "columns": query.columns,
            "href": f"/api/queries/{query.name}",
        }
        for query in load_queries().values()
    ]
    return respond(request, msgspec.json.encode({"total": len(found), "queries": found}), "application/json")


async def answer_stored(request: Request) -> Response:
    """Rows of a stored query.

    :raises WebFault: there is no such query, a parameter is unknown, given twice or does not fit.
    """
    query = load_queries().get(request.path_params["name"])
    if query is None:
        raise WebFault(404, "no such query", "GET /api/queries lists them")
    given = _read_given(request)
    parameters = {name: value for name, value in given.items() if name not in PAGING}
    reply = check(await get_service(request).run_task("stored", name=query.name, parameters=parameters))
    return _respond_rows(request, reply, given)


async def answer_question(request: Request) -> Response:
    """The answer to a question in words, and how it was understood.

    :raises WebFault: the question is empty or not understood.
    """
    given = _read_given(request)
    unknown = set(given) - {"q", *PAGING}
    if unknown:
        raise WebFault(400, f"no parameter {min(unknown)[:80]!r}", "It takes q, limit, offset and output")
    if not given.get("q", "").strip():
        raise WebFault(400, "the question is empty", "Ask with q=…")
    reply = check(await get_service(request).run_task("ask", question=given["q"]))
    return _respond_rows(request, reply, given)


async def answer_trial(request: Request) -> Response:
    """The card of a trial, by any id of it.

    :raises WebFault: no trial has the id, or a parameter is given.
    """
    if given := _read_given(request):
        raise WebFault(400, f"no parameter {min(given)[:80]!r}", "A card takes none")
    key = request.path_params["key"]
    if len(key) > MAX_VALUE:
        raise WebFault(404, "no such trial")
    reply = check(await get_service(request).run_task("card", trial=key))
    return respond(request, reply.body, "application/json")


async def answer_health(request: Request) -> Response:
    """Whether the server can answer, and from what."""
    service = get_service(request)
    has_workers = bool(service.queries.list_processes() or service.desk.list_processes())  # queries may take all
    status = "damaged" if service.integrity.fault else "ok" if has_workers else "starting"
    body: dict[str, Any] = {
        "status": status,
        "snapshot": service.meta.snapshot,
        "trials": service.meta.trials,
        "records": service.meta.records,
        "newest": service.meta.newest,
        "workers": len(service.queries.list_processes()),
        "asked": service.answers.asked,
        "kept": service.answers.found,
        "confined": service.queries.confined,
        "lacks": service.queries.lacks,
    }
    if status == "damaged":
        body |= {"title": DAMAGED, "detail": MEND}
    return to_json(body, 200 if status == "ok" else 503, {"Cache-Control": "no-store"})


async def answer_openapi(request: Request) -> Response:
    """The interface as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0)."""
    return respond(request, msgspec.json.encode(write_openapi(find_base(request))), "application/json")


def _read_given(request: Request) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in read_parameters(request):
        if name in given:
            raise WebFault(400, f"the parameter {name[:80]!r} is given twice")
        if len(value) > MAX_VALUE:
            raise WebFault(400, f"the value of {name[:80]!r} is longer than {MAX_VALUE:,} characters")
        given[name] = value
    return given


def _respond_rows(request: Request, reply: Reply, given: dict[str, str]) -> Response:
    limit = _read_number(given, "limit", LIMIT, 1, MAX_LIMIT)
    offset = _read_number(given, "offset", 0, 0, MAX_OFFSET)
    form = given.get("output") or (choose_offer(request.headers.get("accept", ""), _OFFERS) or ("", ""))[0]
    if form not in ("json", "csv"):
        raise WebFault(400 if "output" in given else 406, "no such format", "json or csv")
    lines = reply.body.split(b"\n")[:-1]
    rows = [msgspec.json.decode(line) for line in lines[offset : offset + limit]]
    total = len(lines)
    headers = {"Kg-Total": str(total)}
    if offset + limit < total:
        after = urlencode({**given, "offset": offset + limit})
        headers["Link"] = f'<{quote_path(request.scope["path"])}?{after}>; rel="next"'
    if form == "csv":
        stream = io.StringIO()
        write_rows(reply.meta["columns"], rows, "csv", stream)
        return respond(request, stream.getvalue().encode(), "text/csv; charset=utf-8", form="csv", headers=headers)
    body: dict[str, Any] = {"total": total, "limit": limit, "offset": offset}
    body |= {name: reply.meta[name] for name in ("query", "understood", "parameters", "columns") if name in reply.meta}
    body |= {"rows": rows, "meta": msgspec.to_builtins(get_service(request).meta)}
    return respond(request, msgspec.json.encode(body), "application/json", form="json", headers=headers)


def _read_number(given: dict[str, str], name: str, usual: int, low: int, high: int) -> int:
    text = given.get(name, str(usual))
    if not (text.isascii() and text.isdecimal() and len(text) < 12 and low <= int(text) <= high):
        raise WebFault(400, f"{name} is a whole number from {low} to {high}")
    return int(text)
