"""Text of a user never becomes SPARQL: payloads stay values, and no code builds a query from text."""

from __future__ import annotations

import ast
import itertools
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import Store as Engine

from kg import queries
from kg.errors import QueryError
from kg.queries import StoredQuery, bind_parameters, load_queries
from kg.remote import drop_terms, put_terms
from kg.templates import fit_text
from kg.vocabularies import Term
from tests.conftest import ROOT

QUERIES = load_queries()
COUNT = 1_000
_PIECES = (
    '"', "'", '"""', "'''", "\\", '\\"', "\n", "\r", "\t", "}", "{", "} }", "<", ">", "#", ";", ".", "^^", "@en", "|",
    "UNDEF", "{ UNDEF }", "VALUES ?p_x { UNDEF }", "VALUES ?p_target { UNDEF }", "?p_target", "$p", "DROP ALL",
    "INSERT DATA { <a:a> <b:b> 1 }", "UNION { ?s ?p ?o }", "SERVICE <http://127.0.0.1:9/> { ?s ?p ?o }",
    "FILTER(true)", "LOAD <file:///etc/passwd>", "BIND(1 AS ?answer)", "\\u0022", "\\u007D", "\u202e", "\x00", "\x07",
    "<http://a/>", "kg:Trial", "CD123", "AML", "PHASE1", "2020-01-01", "1e400", "-1", "NaN", "true", "%22", "é", "𝔘",
)  # fmt: skip
"""What payloads are made of."""


def make_payloads() -> Iterator[str]:
    """A thousand payloads, the same each time."""
    yield from _PIECES
    yield from (f"CD123{piece}" for piece in _PIECES)
    chance = random.Random(7)  # noqa: S311  # payloads, no secret
    while True:
        yield " ".join(chance.choices(_PIECES, k=chance.randint(2, 7)))


PAYLOADS = tuple(itertools.islice(make_payloads(), COUNT))


@pytest.fixture(scope="module", autouse=True)
def remembered() -> Iterator[None]:
    """What a word means in a scheme is looked up once, not once for each query that has a parameter of the scheme."""
    real = queries.resolve_term
    known: dict[tuple[str, str], Term | QueryError] = {}

    def resolve(scheme: str, text: str) -> Term:
        if (scheme, text) not in known:
            try:
                known[scheme, text] = real(scheme, text)
            except QueryError as error:
                known[scheme, text] = error
        found = known[scheme, text]
        if isinstance(found, QueryError):
            raise QueryError(found.what, mend=found.mend)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "resolve_term", resolve)
        patch.setattr("rapidfuzz.process.extract", lambda *_, **__: [])  # near names cost, and say nothing here
        yield


_LITERAL = r'"(?:[^"\\\n\r]|\\.)*"(?:\^\^<[^<>"\s]*>)?'
_THING = r"<[^<>\"{}|^`\\\s]*>"


def make_mould(query: StoredQuery, given: set[str]) -> re.Pattern[str]:
    """What a query may look like once parameters are given: its own text, with one term in each of their places."""
    mould = ""
    for part in re.split(r"( *VALUES \?p_\w+ \{ UNDEF \}\n|\?p_\w+)", fit_text(query.text, given)):
        own = re.escape(part)
        if part.endswith("UNDEF }\n"):
            mould += f"(?:{own.replace('UNDEF', _THING)})?"
        elif part.startswith("?p_"):
            mould += f"(?:{own}|{_LITERAL})"
        else:
            mould += own
    return re.compile(mould)


@pytest.mark.xdist_group("injection")
@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_payload_is_a_value_or_a_clear_refusal(name: str) -> None:
    """Each payload in each parameter: either a QueryError of one line, or the query with one term in its place."""
    query = QUERIES[name]
    needed = {key: one.example for key, one in query.parameters.items() if one.required}
    engine = Engine()
    for key in query.parameters:
        rest = {other: value for other, value in needed.items() if other != key}
        bound = set()
        mould = make_mould(query, {*rest, key})
        for payload in PAYLOADS:
            text = bind(query, {**rest, key: payload})
            if text is not None:
                assert mould.fullmatch(text), payload
                bound.add(text)
        for text in itertools.islice(bound, 40):
            engine.query(text)


def bind(query: StoredQuery, given: dict[str, str]) -> str | None:
    """The bound text, or None where it is refused."""
    try:
        return bind_parameters(query, given)
    except QueryError:
        return None


def test_most_payloads_reach_a_string_parameter() -> None:
    """The test above does test something: a string takes nearly all payloads."""
    query, key = next(
        (query, key) for query in QUERIES.values() for key, one in query.parameters.items() if one.type == "string"
    )
    needed = {name: one.example for name, one in query.parameters.items() if one.required and name != key}
    assert sum(bind(query, {**needed, key: payload}) is not None for payload in PAYLOADS) > COUNT * 0.6


# The hunt: a query text may come from a file, a constant, or a function that puts typed terms into one.

_CALLS = {"query", "update", "run_text", "select"}
_MAKERS = {"put_terms", "drop_terms", "bind_parameters"}
_KEYWORDS = re.compile(r"\b(?:SELECT|ASK|CONSTRUCT|DESCRIBE|INSERT|DELETE|CLEAR|WHERE)\b.*[{?]", re.DOTALL)
_TERMS = {"KG", "ID", "SKOS", "RDF", "RDFS", "PROV", "XSD", "GEO", "LOAD", "DCTERMS"}
"""Constants of terms.py that may stand in a query's text."""
ALLOWED = {
    ("loading.py", "_send"): "N-Triples lines that the engine wrote, and a NamedNode",
    ("loading.py", "_clear"): "a NamedNode",
}
"""Functions that build an update, and of what."""


def find_built_queries(path: Path) -> Iterator[tuple[str, int, str]]:
    """F-strings, formats, joins and sums that make a query from anything but constants of ours."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]:
        for node in ast.walk(function):
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
                names = [ast.unparse(part.value) for part in node.values if isinstance(part, ast.FormattedValue)]
                if _KEYWORDS.search(text) and not set(names) <= _TERMS:
                    yield function.name, node.lineno, ast.unparse(node)
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
                sides = [one for one in (node.left, node.right) if isinstance(one, ast.Constant)]
                if any(isinstance(one.value, str) and _KEYWORDS.search(one.value) for one in sides):
                    yield function.name, node.lineno, ast.unparse(node)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
                held = node.func.value
                if isinstance(held, ast.Constant) and _KEYWORDS.search(str(held.value)):
                    yield function.name, node.lineno, ast.unparse(node)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "kg").rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_no_query_is_built_from_strings(path: Path) -> None:
    """Nor in any module: a text with SPARQL in it is a constant."""
    found = [
        f"{path.name}:{line} {text[:100]}"
        for function, line, text in find_built_queries(path)
        if (path.name, function) not in ALLOWED
    ]
    assert not found


def test_the_hunt_finds_what_it_hunts(tmp_path: Path) -> None:
    """Each way of building a query from text."""
    module = tmp_path / "bad.py"
    module.write_text(
        'def a(x):\n    return f"SELECT * {{ ?s ?p {x} }}"\n'
        'def b(x):\n    return "SELECT * { ?s ?p " + x\n'
        'def c(x):\n    return "ASK { ?s ?p %s }" % x\n'
        'def d(x):\n    return "SELECT * {{ ?s ?p {} }}".format(x)\n',
        encoding="utf-8",
    )
    assert {name for name, _, _ in find_built_queries(module)} == {"a", "b", "c", "d"}


def test_terms_are_put_in_escaped() -> None:
    """What fills a query of ours is a term, which prints itself escaped."""
    from pyoxigraph import Literal

    template = "SELECT * { VALUES ?o { UNDEF } ?s ?p ?o }"
    for payload in PAYLOADS[:200]:
        text = put_terms(template, "o", [Literal(payload)])
        assert len(text.splitlines()) <= 1 + len(re.findall("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", payload))
        Engine().query(text)
    assert "VALUES" not in drop_terms(template, "o")
