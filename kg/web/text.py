"""Make text of registries safe to show: controls that reorder or hide text become visible, links lead nowhere odd."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from markupsafe import Markup

from kg.controls import CONTROLS, show_controls
from kg.terms import ID, KG


def neutralise(value: Any) -> Any:
    """Text with its controls shown by number; anything else as it is.

    >>> neutralise("abc\u202edef")
    'abc⟨U+202E⟩def'
    """
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return show_controls(value)
    return "" if value is None else value


def escape_controls(body: bytes) -> bytes:
    r"""JSON with the controls that stand in its strings escaped; what it says stays the same.

    >>> escape_controls('{"a": "b\u202ec"}'.encode())
    b'{"a": "b\\u202ec"}'
    """
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", body.decode()).encode()


def find_link(iri: str) -> str:
    """Where a name leads: a page of ours, an http address, or nowhere (empty).

    >>> find_link(f"{ID}antigen/IL3RA"), find_link("javascript:alert(1)")
    ('/page/antigen/IL3RA', '')
    """
    if iri.startswith(ID):
        return "/page/" + quote(iri.removeprefix(ID), safe="/:@!$&'()*+,;=~-._")
    if iri.startswith(KG):
        return "/ontology#" + quote(iri.removeprefix(KG), safe="")
    try:
        parts = urlsplit(iri)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc or "\\" in iri:
        return ""
    return quote(iri, safe=":/?#[]@!$&'()*+,;=%~-._")


def embed_json(value: Any) -> Markup:
    """JSON to stand inside a script element of data: no character in it can end the element."""
    text = escape_controls(msgspec.json.encode(value)).decode()
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704  # every character that HTML knows is escaped above
