"""Answers of the web: bodies with their headers, and faults as one clear text without a stack trace."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kg.errors import KgError
from kg.resources import fingerprint, list_files
from kg.web.children import Refused
from kg.web.frames import Fault, Reply
from kg.web.service import Service
from kg.web.text import escape_controls

SECURITY = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link, Retry-After, Kg-Total, Kg-Truncated",
}
"""Headers of every answer."""
_MOST_PARAMETERS = 100
_TEMPLATES = Path(__file__).parent / "templates"


class WebFault(KgError):  # noqa: N818  # the name says what it is
    """An answer with an error status."""

    def __init__(self, status: int, what: str, mend: str = "", near: tuple[str, ...] = ()) -> None:
        self.status, self.near = status, near
        super().__init__(what, mend=mend)


def get_service(request: Request) -> Service:
    """The service that the request was lent."""
    service: Service = request.state.service
    return service


def check(reply: Reply) -> Reply:
    """The reply, unless it is a fault.

    :raises WebFault: it is one.
    """
    if reply.fault is not None:
        raise WebFault(reply.fault.status, reply.fault.what, reply.fault.mend, reply.fault.near)
    return reply


def find_base(request: Request) -> str:
    """The server's address as the client knows it, without a slash at its end; its Host header is a host."""
    settings = get_service(request).settings
    if settings.base_url:
        return settings.base_url
    return f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}"


def read_parameters(request: Request) -> list[tuple[str, str]]:
    """Names and values of the address's query, in its order.

    :raises WebFault: there are more than anything here takes.
    """
    text = request.scope["query_string"].decode("latin-1")
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise WebFault(400, f"more than {_MOST_PARAMETERS} parameters are given") from None


@cache
def mark_program() -> str:
    """Digest of what an answer rests on beside the snapshot: code, vocabularies, queries and templates."""
    digest = hashlib.sha256(fingerprint().encode())
    for path in (*list_files("queries", ".rq"), *sorted(_TEMPLATES.iterdir())):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def respond(
    request: Request, body: bytes, media: str, *, form: str = "", headers: dict[str, str] | None = None
) -> Response:
    """A body that is right as long as this program serves this snapshot: with an ETag, and 304 for who has it
    (RFC 9110). JSON has its controls escaped."""
    if media == "application/json":
        body = escape_controls(body)
    tag = f'W/"{get_service(request).meta.snapshot}-{mark_program()}{"-" + form if form else ""}"'
    every = {"ETag": tag, "Vary": "Accept", "Cache-Control": "no-cache", **(headers or {})}
    if request.method in ("GET", "HEAD") and _has_tag(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=every)
    return Response(body, media_type=media, headers=every)


def _has_tag(known: str, tag: str) -> bool:
    return known.strip() == "*" or tag.removeprefix("W/") in (
        one.strip().removeprefix("W/") for one in known.split(",")
    )


def to_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(escape_controls(msgspec.json.encode(value)), status, headers, "application/json")


def fault_of(error: Exception) -> tuple[Fault, dict[str, str]]:
    """What a client may read of an error, and the headers that go with it."""
    if isinstance(error, KgError):
        retry = int(getattr(error, "retry", 0))
        headers = {"Retry-After": str(retry)} if retry else {}
        if isinstance(error, Refused) and error.status == 503 and not retry:
            headers = {"Retry-After": "30"}
        status = int(getattr(error, "status", 0)) or (400 if error.exit_code == 2 else 500)
        return Fault(status, error.what, error.mend, getattr(error, "near", ())), headers
    return Fault(500, "an internal error; it stands in the server's log"), {}
