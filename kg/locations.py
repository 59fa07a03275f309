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
MEND = "Check the address, your credentials and your rights there"
NO_RANGES = "the server sends no parts of a file, which an archive needs; put simplecache:: before its URL"
_URL = re.compile(r"(?i)(?:\w+::)*[a-z][a-z0-9+.-]*://")
_EXTRAS = {"aiohttp": "remote", "s3fs": "s3"}
"""Packages that fsspec names as missing, and the extra of ours that brings each."""
_HTTP = ("http", "https")
_S3 = ("s3", "s3a")
_S3_TRIES, _S3FS_TRIES = 2, 5
"""Times that botocore asks a silent server, and that s3fs asks botocore; the first is 5 by itself, which is minutes."""
_USER = r"[^\s/@:\"']+:(?!\d+/|:|//)[^\s@]*@"
"""User and password; a colon also stands before a port, behind a scheme, and twice between the links of a chain."""
_LONGEST = 4000
"""Characters of an error's text that are looked through for secrets; a few hundred are shown."""
_S3_USER = re.compile(rf"(?i)s3a?://{_USER}")


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
    >>> hide_secrets("s3://AKID:se/cret@bucket/x.zip")
    's3://bucket/x.zip'
    """
    plain = re.sub(rf"//({_USER}|[^/@:]*@)", "//", url)
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
    if isinstance(said := getattr(cause, "response", None), dict) and "Error" in said:
        return _explain_s3(said["Error"])
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
    return re.sub(_USER, "***@", hide_secrets(" ".join(reason[:_LONGEST].split())))[:300].rstrip(".")


def _explain_s3(said: dict[str, str]) -> str:
    """What an S3 server answers: a code such as ``NoSuchBucket``, or the number of HTTP where an answer has no body."""
    code, message = said.get("Code", ""), said.get("Message", "").rstrip(".")
    if code in ("404", "NoSuchKey"):
        return "there is nothing"
    return f"the server says {code}{' ' if code.isdigit() else ': '}{message}".rstrip(": ")


def find_mend(url: str, error: BaseException) -> str:
    """What to do about an error; fsspec takes what stands behind a ``::`` in a name for options."""
    is_joined = "::" in url and isinstance(error, TypeError)
    return "`::` joins URLs; where it stands in a name, put ?? in its place" if is_joined else MEND


def is_missing(error: BaseException) -> bool:
    """Whether an error says that there is nothing, and not that the answer is kept back."""
    return isinstance(error, FileNotFoundError) or getattr(error.__cause__ or error, "status", None) == 404


def open_filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path in it.

    :raises UsageError: a package for such URLs is not installed, or there is none; or it holds the key to a bucket.
    :raises SourceError: it cannot be opened.
    """
    where = hide_secrets(url)
    if _S3_USER.search(url):
        mend = "Give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in ~/.aws/credentials"
        raise UsageError("a URL of a bucket takes no key and secret", where=where, mend=mend)
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise UsageError("a URL needs fsspec", where=where, mend="pip install 'trialkg[remote]'") from None
    try:
        system, path = url_to_fs(url, **_bound_time(url))
    except ImportError as error:
        what = " ".join(str(error).split()) or "a package for such URLs is missing"
        extra = next((name for package, name in _EXTRAS.items() if package in what), None)
        mend = f"pip install 'trialkg[{extra}]'" if extra else "Install it with pip, beside kg"
        raise UsageError(what, where=where, mend=mend) from None
    except Exception as error:  # noqa: BLE001  # a chain opens its archive here, with errors of its own
        if "Protocol not known" in str(error):
            raise UsageError(explain(error), where=where, mend="Known are file, https, s3, gs, zip …") from None
        raise SourceError(f"cannot be opened: {explain(error)}", where=where, mend=find_mend(url, error)) from None
    return system, path


def _bound_time(url: str) -> dict[str, Any]:
    """Options that put bounds on the waiting for servers; a user's own settings of fsspec stay."""
    from fsspec.config import conf

    bounds: dict[str, dict[str, Any]] = {}
    for names, kind, bound in ((_HTTP, "client_kwargs", _bound_http), (_S3, "config_kwargs", _bound_s3)):
        for name in names:
            if f"{name}://" in url.lower():
                bounds[name] = {kind: {**bound(), **conf.get(name, {}).get(kind, {})}}
    return bounds


def _bound_http() -> dict[str, Any]:
    try:
        from aiohttp import ClientTimeout
    except ImportError:
        return {}  # fsspec will say what is missing
    return {"timeout": ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENT_SECONDS)}


def _bound_s3() -> dict[str, Any]:
    wait = SILENT_SECONDS / _S3_TRIES / _S3FS_TRIES
    return {"connect_timeout": wait, "read_timeout": wait, "retries": {"total_max_attempts": _S3_TRIES}}


def find_local(url: str) -> str | None:
    """The path of a ``file:`` URL; None of any other.

    :raises UsageError: fsspec, which knows such URLs, is not installed.
    """
    return str(open_filesystem(url)[1]) if re.match(r"(?i)(?:file|local)://", url) else None


def has_folders(path: str) -> bool:
    """Whether a path is of a tree of folders, which must be made; that of an object store begins with a bucket, and
    making one nobody asked for would hide a wrong name.

    >>> has_folders("/home/me/x"), has_folders("bucket/x")
    (True, False)
    """
    return path.startswith("/")


def is_http(system: Any) -> bool:
    """Whether a file system is a web server."""
    return "https" in system.protocol
