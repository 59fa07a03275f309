"""Pages to read, as plain HTML."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from kg.queries import load_queries
from kg.terms import ID, KG
from kg.web.frames import Fault
from kg.web.linked_data import check_iri
from kg.web.rendering import render
from kg.web.replies import WebFault, check, get_service, read_parameters, respond
from kg.web.text import find_link

PAGE = 100
"""Rows on a page of a query."""


def respond_page(request: Request, template: str, **values: Any) -> Response:
    """A page that needs little time to fill; larger ones are filled in a worker."""
    body = render(template, get_service(request).meta, **values)
    return respond(request, body, "text/html; charset=utf-8", form="html")


async def show_home(request: Request) -> Response:
    """What this is, and where to begin."""
    return respond_page(request, "home.html", queries=list(load_queries().values()))


def show_query_page(request: Request) -> Response:
    """A form for a client's own query."""
    return respond_page(request, "sparql.html", namespace=KG)


async def show_page(request: Request) -> Response:
    """The page of a trial, or of any other thing of the graph.

    :raises WebFault: nothing has the name.
    """
    path = request.path_params["path"]
    check_iri(ID + path)
    service = get_service(request)
    kind, _, key = path.partition("/")
    task = "trial" if kind == "trial" and "/" not in key else "thing"
    reply = check(await service.run_task(task, path=path))
    if canonical := reply.meta.get("canonical"):
        return RedirectResponse(find_link(ID + canonical), 303)
    return respond(request, reply.body, "text/html; charset=utf-8", form="html")


async def show_query(request: Request) -> Response:
    """A stored query: its form, and its rows once it is asked.

    :raises WebFault: there is no such query, or a value does not fit.
    """
    name = request.path_params["name"]
    query = load_queries().get(name)
    if query is None:
        raise WebFault(404, "no such query", "See /")
    asked = dict(read_parameters(request))
    given = {key: value for key, value in asked.items() if key in query.parameters and value}
    is_asked = not any(one.required for one in query.parameters.values()) or bool(given)
    values: dict[str, Any] = {"query": query, "given": given, "rows": [], "total": None, "start": 0, "fault": ""}
    if is_asked:
        reply = check(await get_service(request).run_task("stored", name=name, parameters=given))
        start = _read_offset(asked.get("offset", "0"))
        lines = reply.body.split(b"\n")[:-1][start : start + PAGE]
        values |= {"rows": [msgspec.json.decode(line) for line in lines], "total": reply.meta["total"], "start": start}
        links = urlencode(given)
        values |= {"before": max(0, start - PAGE), "after": start + PAGE, "links": links}
    return respond_page(request, "query.html", **values)


def _read_offset(text: str) -> int:
    return min(int(text), 10**9) if text.isascii() and text.isdecimal() and len(text) < 12 else 0


async def show_answer(request: Request) -> Response:
    """The answer to a question in words."""
    question = dict(read_parameters(request)).get("q", "").strip()
    if not question:
        return RedirectResponse("/", 303)
    reply = check(await get_service(request).run_task("ask", question=question[:1_000]))
    rows = [msgspec.json.decode(line) for line in reply.body.split(b"\n")[:PAGE] if line]
    return respond_page(
        request,
        "answer.html",
        question=question,
        meta_answer=reply.meta,
        rows=rows,
        columns=load_queries()[reply.meta["query"]].columns,
    )


def show_fault(fault: Fault) -> Response:
    """A fault as a page."""
    return HTMLResponse(render("fault.html", None, fault=fault), fault.status)
