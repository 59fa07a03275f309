"""What a client's query may be, decided from its words before any parser sees it.

A parser that recurses can be brought down by a few kilobytes of brackets, and a federated query reaches the network;
so the query is cut into tokens (SPARQL 1.1, section 19.8) without recursion, and refused here.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from kg.errors import KgError
from kg.web.tokens import cut_tokens

MAX_BYTES = 64 * 1024
MAX_NESTING = 64
MAX_PATTERNS = 100
MAX_TOKENS = 5_000
MAX_PREFIX_RUN = 32
"""Signs such as ``!`` or ``-`` in a row, each of which nests an expression."""

_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FORMS = frozenset({"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"})
_UPDATES = frozenset({"INSERT", "DELETE", "CLEAR", "DROP", "CREATE", "COPY", "MOVE", "ADD", "WITH", "USING", "LOAD"})
_FLEETING = frozenset({"NOW", "RAND", "UUID", "STRUUID", "BNODE"})
"""Functions whose value is another each time."""
_MAY_VARY = re.compile("|".join(sorted(_FLEETING)), re.IGNORECASE)
_ADVICE = {
    "SERVICE": "SERVICE is refused: this endpoint never asks another",
    "LOAD": "LOAD is refused: this endpoint reads no addresses",
}


class QueryRefused(KgError):  # noqa: N818  # the name says what happened
    """The query is not evaluated. ``status`` is the HTTP status that says so."""

    def __init__(self, what: str, *, status: int = 400, mend: str = "") -> None:
        self.status = status
        super().__init__(what, mend=mend)


class Checked(msgspec.Struct, frozen=True):
    """A query within the limits.

    :ivar form: ``SELECT`` …; empty where there is none.
    :ivar is_lasting: Whether the answer is the same as long as the graph is; False in doubt.
    """

    text: str
    form: str
    is_lasting: bool = True


def check_query(text: str, *, graphs: Collection[str] = (), has_dataset: bool = False) -> Checked:
    """Refuse what is too large or reaches outside.

    :param graphs: IRIs that FROM may name; nothing is ever fetched.
    :param has_dataset: Whether the request names its dataset, which takes the place of FROM
        (SPARQL 1.1 Protocol, section 2.1.4).
    :raises QueryRefused: a limit is passed, or the query asks for another server.

    >>> check_query("SELECT * { ?s ?p ?o }").form
    'SELECT'
    >>> check_query("SELECT * { SERVICE <http://example.org> { } }")
    Traceback (most recent call last):
    kg.web.limits.QueryRefused: SERVICE is refused: this endpoint never asks another. Take it out
    """
    check_size(text)
    _check_escapes(text)
    scan = _Scan(frozenset(graphs), has_dataset)
    for kind, word in cut_tokens(text):
        scan.take(kind, word)
    return Checked(text, scan.form, scan.is_lasting)


def check_size(text: str) -> None:
    """Refuse what is too long to be looked at.

    :raises QueryRefused: it is.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise QueryRefused(f"the query is longer than {MAX_BYTES // 1024} KB", status=413)


def may_vary(text: str) -> bool:
    """Whether the answer may be another each time, in doubt too: a letter run of the text is enough.

    >>> may_vary("SELECT (RAND() AS ?x) {}"), may_vary("ASK { ?s ?p 'unknown' }"), may_vary("ASK {}")
    (True, True, False)
    """
    return _MAY_VARY.search(text) is not None


def _check_escapes(text: str) -> None:
    """Code point escapes are replaced before the grammar is applied (section 19.2), so they could hide a bracket."""
    for found in _ESCAPE.finditer(text):
        code = int(found[1] or found[2], 16)
        if code < 0x80 or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            raise QueryRefused(f"the escape {found[0]} is refused", mend="Write the character itself")
    if _SURROGATE.search(text):
        raise QueryRefused("the query is not UTF-8")


class _Scan:
    """Counts tokens and remembers the open brackets."""

    def __init__(self, graphs: frozenset[str], has_dataset: bool) -> None:
        self.graphs, self.has_dataset = graphs, has_dataset
        self.form, self.before = "", ""
        self.is_lasting = True
        self.open: list[str] = []
        self.tokens = self.patterns = self.run = 0

    def take(self, kind: str, word: str) -> None:
        self.tokens += 1
        if self.tokens > MAX_TOKENS:
            raise QueryRefused(f"the query has more than {MAX_TOKENS:,} words and signs", status=413)
        self.run = self.run + 1 if word in ("!", "-", "+", "^") else 0
        if self.run > MAX_PREFIX_RUN:
            raise QueryRefused(f"more than {MAX_PREFIX_RUN} signs stand in a row")
        if kind == "open":
            self._open(word)
        elif kind == "close" and self.open:
            self.open.pop()
        elif kind == "mark":
            self._count(word)
        elif kind == "word":
            self._read(word.upper())
        elif self.before in ("FROM", "FROM NAMED"):
            self._check_graph(word)
        if kind != "word":
            self.before = ""

    def _open(self, word: str) -> None:
        self.open.append(word)
        if len(self.open) > MAX_NESTING:
            raise QueryRefused(f"the query nests deeper than {MAX_NESTING} brackets")
        if word == "{":
            self._add_pattern()

    def _count(self, word: str) -> None:
        if word in ".;" or (word == "," and self.open and self.open[-1] != "("):
            self._add_pattern()

    def _add_pattern(self) -> None:
        self.patterns += 1
        if self.patterns > MAX_PATTERNS:
            raise QueryRefused(f"the query has more than {MAX_PATTERNS} patterns and groups")

    def _read(self, word: str) -> None:
        if word in _ADVICE:
            raise QueryRefused(_ADVICE[word], mend="Take it out")
        if word in _UPDATES:
            raise QueryRefused(f"{word} is refused: this endpoint answers queries and takes no updates")
        if word in _FLEETING:
            self.is_lasting = False
        if not self.form and word in _FORMS:
            self.form = word
        self.before = "FROM NAMED" if (self.before, word) == ("FROM", "NAMED") else word

    def _check_graph(self, word: str) -> None:
        if not self.has_dataset and word.strip("<>") not in self.graphs:
            raise QueryRefused(
                f"FROM {word[:200]} is refused: no graph of this endpoint has the name, and nothing is fetched",
                mend="Leave FROM out; the facts are in the default graph",
            )
