"""URLs that fsspec opens: ``s3://``, ``gs://``, ``https://``, and chains such as ``zip://*.json::https://…``.

Nothing of it is imported, and no network touched, unless a user gives a URL. Redirects, credentials and settings are
fsspec's affair; here are the bound on time and the errors of one line.
"""

from __future__ import annotations

import re
from typing import Any

from kg.errors import SourceError, UsageError

CONNECT_SECONDS = 30
SILENT_SECONDS = 120
"""Longest time that a server may send nothing."""
MEND = "Check the address and your rights there"
NO_RANGES = "the server sends no parts of a file, which an archive needs; put simplecache:: before its URL"
_URL = re.compile(r"(?i)(?:\w+::)*[a-z][a-z0-9+.-]*://")
_HTTP = ("http", "https")


def is_url(text: str) -> bool:
    """Whether a user's text is a URL and no path.

    >>> is_url("s3://bucket/x.zip"), is_url("data/x.zip")
    (True, False)
    """
    return _URL.match(text) is not None


def hide_secrets(url: str) -> str:
    """A URL as it may be shown and kept: without what lets its holder in.

    >>> hide_secrets("https://me:word@host/x.zip?signature=abc")
    'https://host/x.zip'
    """
    plain = re.sub(r"//[^/@:]*(:[^/@]*)?@", "//", url)
    return re.sub(r"(?i)(https?://[^?#]*?)[?#].*?(?=::|$)", r"\1", plain)


def join_url(url: str, place: str) -> str:
    """The URL of something below another.

    >>> join_url("s3://bucket/folder/", "x.json"), join_url("simplecache::https://host/a", "x.json")
    ('s3://bucket/folder/x.json', 'simplecache::https://host/a/x.json')
    """
    links = url.split("::")
    head = next((number for number, link in enumerate(links) if "://" in link), 0)
    links[head] = f"{links[head].rstrip('/')}/{place}"
    return "::".join(links)


def explain(error: BaseException) -> str:
    """What went wrong, without the URL, which may hold secrets."""
    cause = error.__cause__ or error
    if isinstance(status := getattr(cause, "status", None), int):
        said = f"the server says {status} {getattr(cause, 'message', '')}".strip()
        return "there is nothing" if status == 404 else said
    if isinstance(cause, FileNotFoundError):
        return "there is nothing"
    if isinstance(cause, TimeoutError):
        return "the server does not answer in time"
    if isinstance(cause, ValueError) and "range requests" in str(cause):
        return NO_RANGES
    reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return hide_secrets(" ".join(reason.split()))[:300]


def open_filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path in it.

    :raises UsageError: a package for such URLs is not installed, or there is none.
    """
    where = hide_secrets(url)
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise UsageError("a URL needs fsspec", where=where, mend="pip install 'trialkg[remote]'") from None
    try:
        system, path = url_to_fs(url, **_bound_time(url))
    except ImportError as error:
        what = " ".join(str(error).split()) or "a package for such URLs is missing"
        mend = "pip install 'trialkg[remote]'" if "aiohttp" in what else "Install it with pip, beside kg"
        raise UsageError(what, where=where, mend=mend) from None
    except Exception as error:  # noqa: BLE001  # a chain opens its archive here, with errors of its own
        if "Protocol not known" in str(error):
            raise UsageError(explain(error), where=where, mend="Known are file, https, s3, gs, zip …") from None
        raise SourceError(f"cannot be opened: {explain(error)}", where=where, mend=MEND) from None
    return system, path


def _bound_time(url: str) -> dict[str, Any]:
    """Options that put bounds on the waiting for HTTP servers; a user's own settings of fsspec stay."""
    named = [name for name in _HTTP if f"{name}://" in url.lower()]
    if not named:
        return {}
    from fsspec.config import conf

    try:
        from aiohttp import ClientTimeout
    except ImportError:
        return {}  # fsspec will say what is missing
    bound = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENT_SECONDS)
    own = {name: conf.get(name, {}).get("client_kwargs", {}) for name in named}
    return {name: {"client_kwargs": {"timeout": bound, **own[name]}} for name in named}


def is_http(system: Any) -> bool:
    """Whether a file system is a web server."""
    return "https" in system.protocol
