"""Pages to read: plain HTML from templates with every value escaped, and no script at all."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import urlencode

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from kg.queries import load_queries
from kg.rows import shorten_iri
from kg.terms import ID, KG
from kg.web.frames import Fault
from kg.web.replies import WebFault, check, get_service, respond
from kg.web.text import embed_json, find_link, neutralise
from kg.web.trial_page import lay_out, say

PAGE = 100
"""Rows on a page of a query."""


@cache
def _open_templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("kg.web"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=neutralise,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(link=find_link, short=shorten_iri, say=say, json=embed_json)
    return templates


def render(request: Request, template: str, **values: Any) -> bytes:
    """A page as bytes."""
    meta = get_service(request).meta
    return _open_templates().get_template(template).render(meta=meta, path=request.url.path, **values).encode()


def _page(request: Request, template: str, **values: Any) -> Response:
    return respond(request, render(request, template, **values), "text/html; charset=utf-8", form="html")


async def show_home(request: Request) -> Response:
    """What this is, and where to begin."""
    return _page(request, "home.html", queries=list(load_queries().values()))


def show_query_page(request: Request) -> Response:
    """A form for a client's own query."""
    return _page(request, "sparql.html", namespace=KG)


async def show_page(request: Request) -> Response:
    """The page of a trial, or of any other thing of the graph."""
    path = request.path_params["path"]
    service = get_service(request)
    kind, _, key = path.partition("/")
    if kind == "trial" and "/" not in key:
        found = msgspec.json.decode(check(await service.run_task("trial", trial=ID + path)).body)
        return _page(request, "trial.html", **lay_out(found["card"], found["texts"]), page_path=path)
    thing = msgspec.json.decode(check(await service.run_task("thing", iri=ID + path)).body)
    return _page(request, "thing.html", thing=thing, page_path=path)


async def show_query(request: Request) -> Response:
    """A stored query: its form, and its rows once it is asked.

    :raises WebFault: there is no such query, or a value does not fit.
    """
    name = request.path_params["name"]
    query = load_queries().get(name)
    if query is None:
        raise WebFault(404, "no such query", "See /")
    given = {key: value for key, value in request.query_params.items() if key in query.parameters and value}
    is_asked = not any(one.required for one in query.parameters.values()) or bool(given)
    values: dict[str, Any] = {"query": query, "given": given, "rows": [], "total": None, "start": 0, "fault": ""}
    if is_asked:
        reply = check(await get_service(request).run_task("stored", name=name, parameters=given))
        start = _read_offset(request)
        lines = reply.body.split(b"\n")[:-1][start : start + PAGE]
        values |= {"rows": [msgspec.json.decode(line) for line in lines], "total": reply.meta["total"], "start": start}
        links = urlencode(given)
        values |= {"before": max(0, start - PAGE), "after": start + PAGE, "links": links}
    return _page(request, "query.html", **values)


def _read_offset(request: Request) -> int:
    text = request.query_params.get("offset", "0")
    return min(int(text), 10**9) if text.isascii() and text.isdecimal() and len(text) < 12 else 0


async def show_answer(request: Request) -> Response:
    """The answer to a question in words."""
    question = request.query_params.get("q", "").strip()
    if not question:
        return RedirectResponse("/", 303)
    reply = check(await get_service(request).run_task("ask", question=question[:1_000]))
    rows = [msgspec.json.decode(line) for line in reply.body.split(b"\n")[:PAGE] if line]
    return _page(
        request,
        "answer.html",
        question=question,
        meta_answer=reply.meta,
        rows=rows,
        columns=load_queries()[reply.meta["query"]].columns,
    )


def show_fault(request: Request, fault: Fault) -> Response:
    """A fault as a page."""
    body = _open_templates().get_template("fault.html").render(fault=fault, path=request.url.path, meta=None)
    return HTMLResponse(body, fault.status)
