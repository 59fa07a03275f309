"""The application: routes, the headers of every answer, and faults."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kg.errors import KgError
from kg.web import linked_data, pages, rest
from kg.web.budgets import Budget
from kg.web.descriptions import answer_void
from kg.web.editions import Editions
from kg.web.frames import Fault
from kg.web.protocol import answer_sparql
from kg.web.replies import SECURITY, fault_of, to_json
from kg.web.targets import is_host, is_too_long, lead_by_slash, read_target

_STATIC = Path(__file__).parent / "static"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Content-Type, If-None-Match, Prefer",
    "Access-Control-Max-Age": "86400",
}


def make_app(
    editions: Editions, graphs: tuple[str, ...] = (), count_unsent: Callable[[], int] = lambda: 0
) -> ASGIApp:
    """The application over the store's current snapshot.

    :param count_unsent: Bytes of answers that clients have not taken yet.
    :param graphs: Named graphs of the store that a query's FROM may name.
    """

    @asynccontextmanager
    async def live(_: Starlette) -> AsyncIterator[None]:
        await editions.start()
        try:
            yield
        finally:
            await editions.close()

    app = Starlette(
        routes=_list_routes(),
        lifespan=live,
        exception_handlers={KgError: _answer_fault, HTTPException: _answer_http, Exception: _answer_fault},
    )
    app.router.redirect_slashes = False  # Starlette's lead to an address made of the Host header
    app.router.default = lead_by_slash(app.router)
    app.state.graphs = graphs
    return _Guard(Budget(app, editions.settings.in_flight, count_unsent), editions)


def _list_routes() -> list[Route | Mount]:
    return [
        Route("/", pages.show_home),
        Route("/sparql", answer_sparql, methods=["GET", "POST"]),
        Route("/sparql/", answer_sparql, methods=["GET", "POST"]),
        Route("/id/{path:path}", linked_data.resolve_name),
        Route("/data/{path:path}", linked_data.answer_data),
        Route("/page/{path:path}", pages.show_page),
        Route("/ontology", linked_data.answer_ontology),
        Route("/ontology.ttl", linked_data.answer_ontology),
        Route("/queries/{name}", pages.show_query),
        Route("/ask", pages.show_answer),
        Route("/api/queries", rest.list_stored),
        Route("/api/queries/{name}", rest.answer_stored),
        Route("/api/trials/{key}", rest.answer_trial),
        Route("/api/ask", rest.answer_question),
        Route("/api/openapi.json", rest.answer_openapi),
        Route("/health", rest.answer_health),
        Route("/void", answer_void),
        Route("/.well-known/void", answer_void),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]


async def _answer_fault(request: Request, error: Exception) -> Response:
    return _write_fault(request, *fault_of(error))


async def _answer_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(getattr(error, "headers", None) or {})
    what = {404: "nothing is here", 405: "the method is not allowed here"}.get(status, "the request cannot be answered")
    return _write_fault(request, Fault(status, what), headers)


def _write_fault(request: Request, fault: Fault, headers: dict[str, str]) -> Response:
    """As JSON to programs of the REST interface (RFC 9457), as a page to browsers, as text to SPARQL clients."""
    path, accept = request.scope["path"], request.headers.get("accept", "")
    if path.startswith("/api/") or path == "/health":
        problem = {"type": "about:blank", "status": fault.status, "title": fault.what, "detail": fault.mend}
        answer = to_json(problem, fault.status)
        answer.headers["content-type"] = "application/problem+json"
    elif "text/html" in accept:
        answer = pages.show_fault(fault)
    else:
        answer = PlainTextResponse(f"{fault.what}{'. ' + fault.mend if fault.mend else ''}\n", fault.status)
    answer.headers.update(headers)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _find_fault(request: Request) -> Fault | None:
    if not is_host(request.headers.get("host", "localhost")):
        return Fault(400, "the Host header is no host")
    if is_too_long(request.scope):
        return Fault(414, "the address is too long")
    return None


class _Guard:
    """Lends every request its service, puts the headers on every answer, and answers preflights of other origins."""

    def __init__(self, app: ASGIApp, editions: Editions) -> None:
        self.app, self.editions = app, editions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY)
            await send(message)

        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send_guarded)
            return
        scope = read_target(scope)
        request = Request(scope)
        if fault := _find_fault(request):
            await _write_fault(request, fault, {})(scope, receive, send_guarded)
            return
        with self.editions.lend() as service:
            state = {**scope.get("state", {}), "service": service}
            await self.app({**scope, "state": state}, receive, send_guarded)
