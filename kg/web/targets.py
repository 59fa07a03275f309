"""Where a request goes, and under which name. What its head says of it is a client's word, checked before use."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, unquote

from starlette.responses import RedirectResponse
from starlette.routing import Match, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from kg.errors import UsageError, cut

MOST_QUERY = 32 << 10
"""Bytes after the question mark of an address other than the endpoint's, which has a bound of its own."""
_HOST = re.compile(r"([A-Za-z0-9._-]{1,255}|\[([0-9A-Fa-f:.]{2,45})\])(?::\d{1,5})?")
_WHOLE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_PATH = re.compile(r"[A-Za-z0-9/:@!$&'()*+,;=~._%-]*")
_SAFE = "/:@!$&'()*+,;=~-._"


def is_host(text: str) -> bool:
    """Whether it is a host, with or without a port.

    >>> is_host("kg.example.org:8000"), is_host("[::1]"), is_host("[::1::]"), is_host('a"b')
    (True, True, False, False)
    """
    found = _HOST.fullmatch(text)
    if found is None or found[2] is None:
        return found is not None
    try:
        return ipaddress.ip_address(found[2]).version == 6
    except ValueError:
        return False


def read_target(scope: Scope) -> Scope:
    """The request with its path alone as its target: where a client names the whole address, its host is what counts
    (RFC 9112, section 3.2.2)."""
    found = _WHOLE.fullmatch((scope.get("raw_path") or b"").decode("latin-1"))
    if found is None:
        return scope
    path = found[2] or "/"
    headers = [(b"host", found[1].encode("latin-1")), *(one for one in scope["headers"] if one[0] != b"host")]
    return {**scope, "path": unquote(path), "raw_path": path.encode("latin-1"), "headers": headers}


def is_too_long(scope: Scope) -> bool:
    """Whether the address is longer than any that leads somewhere here."""
    return len(scope["query_string"]) > MOST_QUERY and scope["path"].rstrip("/") != "/sparql"


def check_base(text: str) -> str:
    """The address that clients know, without a slash at its end; empty where none is fixed.

    :raises UsageError: it is no address that a path can follow.

    >>> check_base("https://trials.example.org/kg/")
    'https://trials.example.org/kg'
    """
    found = _WHOLE.fullmatch(text)
    is_good = found is not None and is_host(found[1]) and _PATH.fullmatch(found[2])
    if text and not is_good:
        mend = "Give one such as https://trials.example.org, without ? and #"
        raise UsageError("is no address of a server", where=f"--base-url {cut(text)}", mend=mend)
    return text.rstrip("/")


def quote_path(path: str) -> str:
    """A path as it stands in an address."""
    return quote(path, safe=_SAFE)


def lead_by_slash(router: Router) -> ASGIApp:
    """What answers a path without a route: it leads to the path with or without a slash at its end, where that has one.

    It names a place of this server and never an address with a host, which would be the client's word.
    """

    async def lead(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        other = path.rstrip("/") if path.endswith("/") else f"{path}/"
        if not any(route.matches({**scope, "path": other})[0] is not Match.NONE for route in router.routes):
            await router.not_found(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        await RedirectResponse(quote_path(other) + (f"?{query}" if query else ""), 307)(scope, receive, send)

    return lead
