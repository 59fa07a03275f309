"""Ask a remote SPARQL endpoint the same queries (SPARQL 1.1 Protocol, https://www.w3.org/TR/sparql11-protocol/).

Credentials come from the environment only: ``KG_ENDPOINT_TOKEN`` (bearer), or ``KG_ENDPOINT_USER`` and
``KG_ENDPOINT_PASSWORD`` (basic; digest where ``KG_ENDPOINT_AUTH`` says so).
"""

from __future__ import annotations

import ast
import io
import os
import random
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from email.message import Message
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from pyoxigraph import (
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    Triple,
    parse,
    parse_query_results,
)

from kg.errors import EndpointError, LimitReached, UsageError
from kg.terms import KG

MAX_BYTES = 256 * 2**20
"""Longest answer that is read."""
TRIES = 4
"""How often a query is sent while the server says that it is busy or broken (429, 5xx)."""
BATCH = 100
"""Subjects asked for at once."""

_DESCRIBE = "SELECT ?s ?p ?o WHERE { VALUES ?s { UNDEF } ?s ?p ?o }"
_EVIDENCE = f"SELECT ?s ?p ?o WHERE {{ VALUES ?about {{ UNDEF }} ?s <{KG}subject> ?about . ?s ?p ?o }}"
_PATTERN = "SELECT ?s ?p ?o WHERE { VALUES ?s { UNDEF } VALUES ?p { UNDEF } VALUES ?o { UNDEF } ?s ?p ?o }"
_GRAPHS = "text/turtle, application/n-triples;q=0.9"
_NO_KEYWORD = re.compile(
    r"""<[^<>\s]*>|"(?:[^"\\]|\\(?:[\s\S]|\Z))*(?:"|\Z)|'(?:[^'\\]|\\(?:[\s\S]|\Z))*(?:'|\Z)|#[^\n]*|[?$]\w+"""
    r"""|(?:(?<!\w)\w+)?:[\w-]*"""
)
_FORM = re.compile(r"\b(?:SELECT|ASK|CONSTRUCT|DESCRIBE)\b", re.IGNORECASE)
Term = NamedNode | Literal


class RefusalError(EndpointError):
    """The server will not answer this query (4xx); to ask again changes nothing."""


class RemoteEngine:
    """An endpoint that answers queries as the embedded store does.

    :param url: The endpoint, http or https.
    :param graph: IRI of the graph to ask as default graph, where the server keeps several.
    :param timeout: Seconds to wait for the answer.
    """

    def __init__(self, url: str, graph: str | None = None, timeout: int = 60) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise UsageError(f"{url!r} is no endpoint", mend="Give an http or https address")
        self.url, self.graph, self.timeout = url, graph, timeout

    def query(
        self, text: str, *, default_graphs: Sequence[str] = (), named_graphs: Sequence[str] = ()
    ) -> QuerySolutions | QueryBoolean | Iterator[Triple]:
        """Solutions of a query, as the embedded engine gives them.

        :param default_graphs: Graphs to ask instead of the engine's own.
        :raises EndpointError: no answer, an error, or something that is no SPARQL result.
        :raises LimitReached: the answer is too long.
        """
        kind, body = self._ask(text, default_graphs, named_graphs)
        try:
            if kind in ("text/turtle", "application/n-triples"):
                form = RdfFormat.TURTLE if kind == "text/turtle" else RdfFormat.N_TRIPLES
                return iter([quad.triple for quad in parse(input=body, format=form)])
            found = parse_query_results(io.BytesIO(body), QueryResultsFormat.JSON)
        except (SyntaxError, ValueError) as error:
            raise EndpointError(
                f"the answer is no SPARQL result ({error})",
                where=self.url,
                mend="Check that the address is a SPARQL endpoint",
            ) from None
        return found

    def _ask(self, text: str, default_graphs: Sequence[str], named_graphs: Sequence[str]) -> tuple[str, bytes]:
        """Media type and body of the answer; a server that is busy or broken is asked again after a pause."""
        end = time.monotonic() + self.timeout
        for number in range(TRIES):
            try:
                return self._send(text, default_graphs, named_graphs)
            except (TimeoutError, HTTPError, URLError, OSError) as error:
                status = getattr(error, "code", 0)
                if isinstance(error, HTTPError) and error.fp:
                    error.close()  # it holds the connection
                pause = _find_pause(error, number)
                if (status == 429 or status >= 500) and number < TRIES - 1 and time.monotonic() + pause < end:
                    time.sleep(pause)
                    continue
                kind = RefusalError if 400 <= status < 500 and status != 429 else EndpointError
                raise kind(f"no answer ({_explain(error)})", where=self.url, mend=_advise(status)) from None
        raise AssertionError("the last try returns or raises")

    def _send(self, text: str, default_graphs: Sequence[str], named_graphs: Sequence[str]) -> tuple[str, bytes]:
        from SPARQLWrapper.SPARQLExceptions import SPARQLWrapperException

        try:
            with self._prepare(text, default_graphs, named_graphs).query().response as response:
                body = response.read(MAX_BYTES + 1)
                kind = str(response.headers.get_content_type())
        except SPARQLWrapperException as error:  # it hides the status of the commonest errors
            status = {"QueryBadFormed": 400, "Unauthorized": 401, "EndPointNotFound": 404, "URITooLong": 414}
            code = status.get(type(error).__name__, 500)
            raise HTTPError(self.url, code, _find_reason(code, error), Message(), None) from None
        if len(body) > MAX_BYTES:
            raise LimitReached(
                f"an answer of more than {MAX_BYTES // 2**20} MB", where=self.url, mend="Ask with more parameters"
            )
        return kind, body

    def _prepare(self, text: str, default_graphs: Sequence[str], named_graphs: Sequence[str]) -> Any:
        from SPARQLWrapper import BASIC, DIGEST, JSON, POST, SPARQLWrapper

        wrapper = SPARQLWrapper(self.url, returnFormat=JSON)
        wrapper.setMethod(POST)
        wrapper.setTimeout(self.timeout)
        wrapper.setQuery(text)
        for graph in default_graphs or ([self.graph] if self.graph and not named_graphs else []):
            wrapper.addParameter("default-graph-uri", graph)
        for graph in named_graphs:
            wrapper.addParameter("named-graph-uri", graph)
        wrapper.queryType = find_form(text)
        if wrapper.queryType in ("CONSTRUCT", "DESCRIBE"):
            wrapper.addCustomHttpHeader("Accept", _GRAPHS)
        token, user, password, scheme = read_credentials()
        if token:
            wrapper.addCustomHttpHeader("Authorization", f"Bearer {token}")
        elif user:
            wrapper.setHTTPAuth(DIGEST if scheme == "digest" else BASIC)
            wrapper.setCredentials(user, password)
        return wrapper

    def quads_for_pattern(
        self, subject: Term | None, predicate: NamedNode | None, value: Term | None, graph: Any = None
    ) -> Iterator[Quad]:
        """Quads of the graph that match, as the embedded engine gives them."""
        text = _PATTERN
        for name, term in (("s", subject), ("p", predicate), ("o", value)):
            text = put_terms(text, name, [term]) if term is not None else drop_terms(text, name)
        for triple in self._select(text):
            yield Quad(triple.subject, triple.predicate, triple.object, DefaultGraph())

    def describe(self, iris: Sequence[str]) -> Iterator[Triple]:
        """All triples with one of the subjects."""
        for start in range(0, len(iris), BATCH):
            yield from self._select(put_terms(_DESCRIBE, "s", map(NamedNode, iris[start : start + BATCH])))

    def describe_evidence(self, iris: Sequence[str]) -> Iterator[Triple]:
        """All triples of the evidence for one of the subjects."""
        for start in range(0, len(iris), BATCH):
            yield from self._select(put_terms(_EVIDENCE, "about", map(NamedNode, iris[start : start + BATCH])))

    def _select(self, text: str) -> Iterator[Triple]:
        for row in self.select(text):
            yield Triple(row["s"], row["p"], row["o"])

    def select(self, text: str) -> QuerySolutions:
        """Rows of a SELECT query of our own.

        :raises EndpointError: the server gives none.
        """
        found = self.query(text)
        if not isinstance(found, QuerySolutions):
            raise EndpointError("the answer has no rows", where=self.url)
        return found


def find_form(text: str) -> str:
    """The form of a query: its first keyword of the four, outside names, strings and comments.

    >>> find_form("PREFIX ask: <x:select> # DESCRIBE\\nCONSTRUCT WHERE { ?s ?p ?o }")
    'CONSTRUCT'
    """
    found = _FORM.search(_NO_KEYWORD.sub(" ", text))
    return found[0].upper() if found else "SELECT"


def put_terms(text: str, name: str, terms: Iterable[Term]) -> str:
    """A query of ours with RDF terms in the place of UNDEF; a term prints itself escaped.

    >>> put_terms("SELECT * { VALUES ?s { UNDEF } ?s ?p ?o }", "s", [NamedNode("x:a"), NamedNode("x:b")])
    'SELECT * { VALUES ?s { <x:a> <x:b> } ?s ?p ?o }'
    """
    return text.replace(f"VALUES ?{name} {{ UNDEF }}", f"VALUES ?{name} {{ {' '.join(map(str, terms))} }}")


def drop_terms(text: str, name: str) -> str:
    """A query of ours without a line that binds nothing."""
    return text.replace(f"VALUES ?{name} {{ UNDEF }} ", "")


def read_credentials() -> tuple[str, str, str, str]:
    """Token, user, password and scheme from the environment; empty where they are not set."""
    token, user, password, scheme = (
        os.environ.get(f"KG_ENDPOINT_{name}", "") for name in ("TOKEN", "USER", "PASSWORD", "AUTH")
    )
    return token, user, password, scheme.lower()


def _find_pause(error: Exception, number: int) -> float:
    """Seconds to wait: what the server asks for, else a random part of a doubling span."""
    asked = str((getattr(error, "headers", None) and error.headers.get("Retry-After")) or "")  # type: ignore[attr-defined]
    if asked.isdecimal():
        return float(asked)
    return random.uniform(0.1, 0.3 * 2**number)  # noqa: S311  # jitter, no secret


def _find_reason(code: int, error: Exception) -> str:
    """What the server said, which SPARQLWrapper puts behind its own words as a literal of bytes."""
    said = str(error).partition("Response:\n")[2]
    body = ast.literal_eval(said).decode("utf-8", "replace").strip() if said else ""
    if not body or body.startswith("<"):  # nothing, or a page
        return f"{code} {_explain(error)}"
    return f"{code} {body.splitlines()[0]}"


def _advise(status: int) -> str:
    """How to mend an error of HTTP: a server that knows no such page, or takes no query there, runs."""
    if status in (404, 405):
        return "This address is no SPARQL endpoint; it often ends in /sparql or /query"
    return "Check the address and that the server runs"


def _explain(error: Exception) -> str:
    return (str(getattr(error, "reason", "") or error).splitlines() or [type(error).__name__])[0][:200]
