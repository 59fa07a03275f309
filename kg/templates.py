"""A stored query fitted to the parameters that are given.

As a file it answers any choice of them: ``VALUES ?p_x { UNDEF }`` leaves a parameter open, and ``!BOUND(?p_x) || …``
lets a test pass that has nothing to test. Engines plan such a text poorly, and Virtuoso 7.2.5 loses rows on it, so that
before it is sent the open parts are taken out. That happens to the file's own text; only then, in one pass, terms are
put in, so that nothing of a user's is ever looked through.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from pyoxigraph import Literal, NamedNode

_VALUES = re.compile(r"^ *VALUES \?p_(\w+) \{ UNDEF \}\n", re.MULTILINE)
_PLACE = re.compile(rf"{_VALUES.pattern}|\?p_(\w+)", re.MULTILINE)
_TEST = re.compile(r"(FILTER)?\(!BOUND\(\?p_(\w+)\) \|\| ")
_BOUND = re.compile(r"BOUND\(\?p_(\w+)\)")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>\s]*>|#[^\n]*|[()]')


def fit_text(text: str, given: Collection[str]) -> str:
    """The query with the ``VALUES`` lines of the given parameters alone, and tests of nothing but them.

    >>> fit_text("VALUES ?p_a { UNDEF }\\n  FILTER(!BOUND(?p_a) || ?x = ?p_a)\\n  ?x ?y ?z", ())
    '  ?x ?y ?z'
    >>> fit_text("FILTER(!BOUND(?p_a) || ?x = ?p_a)", {"a"})
    'FILTER(?x = ?p_a)'
    """
    text = _VALUES.sub(lambda found: found[0] if found[1] in given else "", text)
    kept: list[str] = []
    at = 0
    for found in _TEST.finditer(text):
        keyword, name = found.groups()
        if name in given:  # what is tested is left: "not given or …" with the first half false
            kept += (text[at : found.start()], f"{keyword or ''}(")
            at = found.end()
        elif keyword:
            kept.append(text[at : found.start()].rstrip(" "))
            at = _find_close(text, found.end())
            at += text[at : at + 1] == "\n"
    kept.append(text[at:])
    return _BOUND.sub(lambda found: "true" if found[1] in given else "false", "".join(kept))


def _find_close(text: str, start: int) -> int:
    """The place behind the parenthesis that closes what is open at the start."""
    depth = 1
    for found in _TOKEN.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if not depth:
            return found.end()
    raise ValueError("a parenthesis is not closed")


def fill_text(text: str, terms: Mapping[str, NamedNode | Literal]) -> str:
    """The query with terms in the place of its parameters, things by their ``VALUES`` line and literals wherever they
    are compared: Virtuoso compares numbers and truth values of a ``VALUES`` line wrongly. A term prints itself escaped.

    >>> fill_text("VALUES ?p_a { UNDEF }\\n  ?x ?y ?p_a", {"a": NamedNode("x:a")})
    'VALUES ?p_a { <x:a> }\\n  ?x ?y ?p_a'
    >>> fill_text("VALUES ?p_a { UNDEF }\\n  FILTER(?x > ?p_a)", {"a": Literal(1)})
    '  FILTER(?x > "1"^^<http://www.w3.org/2001/XMLSchema#integer>)'
    """

    def fill(found: re.Match[str]) -> str:
        line, name = found[0], found[1] or found[2]
        term = terms.get(name)
        if isinstance(term, Literal):
            return "" if found[1] else str(term)
        return line.replace("UNDEF", str(term))

    return _PLACE.sub(fill, text)
