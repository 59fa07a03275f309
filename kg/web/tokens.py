"""Cut a query into words and signs (SPARQL 1.1, section 19.8), in time that grows with its length and no faster.

A kind of token may be looked for a long way and not be there: a string that nothing ends, a name without its colon.
Looked for anew at every sign on that way, it would cost the square of the length. Whatever begins on the way ends where
the first attempt did, so a kind that failed is left out up to there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

_KINDS = {
    "name": r"(?:[^\W\d][\w.-]*+(?<!\.))?:(?:\.*+(?:[\w:-]++|%[0-9A-Fa-f]{2}|\\.))*",
    "comment": r"\#[^\n\r]*",
    "iri": r"""<[^<>"{}|^`\\\x00-\x20]*>""",
    "long_double": r'"{3}(?:"{0,2}(?:[^"\\]++|\\.))*"{3}',
    "long_single": r"'{3}(?:'{0,2}(?:[^'\\]++|\\.))*'{3}",
    "double": r'"(?:[^"\\\n\r]++|\\.)*"',
    "single": r"'(?:[^'\\\n\r]++|\\.)*'",
    "open": r"[{(\[]",
    "close": r"[})\]]",
    "variable": r"[?$]\w+",
    "word": r"@?[A-Za-z_]\w*",
    "number": r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?",
    "space": r"\s+",
    "mark": r".",
}
"""Kinds of token, the first that fits first. No two ways through one of them read the same text, so each ends after one
look at it; what remains is how often one begins. Names come first since each of their parts costs memory for the groups
before them."""
_ATTEMPTS = {
    "long_double": r'"{3}.*',
    "long_single": r"'{3}.*",
    "double": r'"(?:[^"\\\n\r]++|\\.)*',
    "single": r"'(?:[^'\\\n\r]++|\\.)*",
    "name": r"[^\W\d][\w.-]*+",
}
"""How far a kind looks before it fails. An IRI is not here: the next ``<`` ends its look, so no two looks overlap."""
_UNSEEN = frozenset({"space", "comment", "end"})
_FAILED = {f"no_{kind}": kind for kind in _ATTEMPTS}


@cache
def _compile(barred: frozenset[str]) -> re.Pattern[str]:
    """A pattern for the next token, or for an attempt that fails; without the kinds that are left out."""
    parts = []
    for kind, part in _KINDS.items():
        if kind not in barred:
            parts.append(f"(?P<{kind}>{part})")
            if kind in _ATTEMPTS:
                parts.append(f"(?P<no_{kind}>{_ATTEMPTS[kind]})")
    spaces = "" if barred else r"\s*+"  # a kind is left out up to a place, which may be amid them
    return re.compile(rf"{spaces}(?:{'|'.join(parts)}|(?P<end>\Z))", re.DOTALL)


def cut_tokens(text: str) -> Iterator[tuple[str, str]]:
    """Kind and text of every token but spaces and comments; no sign of the text is passed over.

    >>> list(cut_tokens('ASK { "a' + "'b'"))
    [('word', 'ASK'), ('open', '{'), ('mark', '"'), ('word', 'a'), ('single', "'b'")]
    """
    place = 0
    barred: dict[str, int] = {}
    while place < len(text):
        for found in _compile(frozenset(barred)).finditer(text, place):
            kind = found.lastgroup or ""
            if kind in _FAILED:
                barred[_FAILED[kind]] = found.end()
                break
            place = found.end()
            if kind not in _UNSEEN:
                yield kind, found[kind]
            if barred and place >= min(barred.values()):
                barred = {one: end for one, end in barred.items() if end > place}
                break
