"""Stored queries: ``queries/*.rq``, files that any SPARQL tool runs as they are, with a YAML header that drives
everything else.

A parameter is one line ``VALUES ?p_name { UNDEF }``: unbound, it constrains nothing. Binding puts a typed, escaped
term in its place (``templates``); no text of a user ever becomes SPARQL.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import msgspec
from pyoxigraph import Literal, QuerySolutions

from kg.engines import is_embedded
from kg.errors import LimitReached, QueryError, cut
from kg.orders import OrderKey, read_order, sort_rows
from kg.parameters import Parameter as Parameter
from kg.parameters import make_term, read_parameter
from kg.parameters import resolve_term as resolve_term
from kg.resources import list_files
from kg.templates import fill_text, fit_text
from kg.terms import XSD

MAX_ROWS = 1_000_000
_PARAMETER = re.compile(r"VALUES \?p_(\w+) \{ UNDEF \}")
_SELECTED = re.compile(r"\bSELECT\s+(?:DISTINCT\s+)?((?:\?\w+\s+|\(.*?\bAS\s+\?\w+\s*\)\s*)+)WHERE", re.DOTALL)
_COLUMN = re.compile(r"\bAS\s+\?(\w+)\s*\)|(?<![\w(.,])\?(\w+)(?=\s)")


class StoredQuery(msgspec.Struct, frozen=True):
    """A parsed file of ``queries/``. ``must_be_empty`` marks a rule on the whole graph, ``is_overview`` a question
    whose answer without parameters every build works out ahead; ``answers_about`` is the parameter without which its
    column ``answer`` answers nothing; ``order`` is what its ORDER BY says of the columns."""

    name: str
    title: str
    question: str
    keywords: tuple[str, ...]
    parameters: dict[str, Parameter]
    columns: dict[str, str]
    text: str
    must_be_empty: bool = False
    is_overview: bool = False
    answers_about: str = ""
    order: tuple[OrderKey, ...] = ()


class SelectEngine(Protocol):
    """What answers queries: the embedded store, or a remote endpoint."""

    def query(self, query: str, /) -> Any:
        """Solutions of a SELECT query."""


class Answer(msgspec.Struct, frozen=True):
    """Rows of a query: values by column, None where a column is unbound."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]


@cache
def load_queries() -> dict[str, StoredQuery]:
    """All stored queries by name.

    :raises QueryError: a header and its query disagree.
    """
    return {name: _open_query(name) for name in _list_paths()}


@cache
def _list_paths() -> dict[str, Path]:
    return {path.stem: path for path in list_files("queries", ".rq")}


@cache
def _open_query(name: str) -> StoredQuery:
    return read_query(_list_paths()[name])


def find_query(name: str) -> StoredQuery:
    """The stored query with this name.

    :raises QueryError: there is none; the likeliest names are given.
    """
    names = list(_list_paths())
    if name not in names:
        from rapidfuzz import process

        near = [found for found, score, _ in process.extract(name[:80], names, limit=3) if score > 60]
        raise QueryError(
            f"no stored query {cut(name)}",
            mend=f"Did you mean {', '.join(near)}?" if near else "`kg query --list` names them all",
        )
    return _open_query(name)


def read_query(path: Path) -> StoredQuery:
    """Read one file and check its header against its query.

    :raises QueryError: the header is no YAML, lacks a key, or names parameters or columns that
        the query has not, or the reverse.
    """
    import yaml

    text = path.read_text(encoding="utf-8")
    header = "\n".join(line[3:] for line in text.splitlines() if line.startswith("#+ "))
    try:
        # libyaml, where PyYAML was built with it, reads the same in a fifth of the time.
        read = yaml.load(header, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}  # noqa: S506
    except yaml.YAMLError as error:
        raise QueryError(f"the header is not YAML: {error}", where=path.name) from None
    missing = {"title", "question", "keywords", "columns"} - set(read)
    if missing:
        raise QueryError(f"the header lacks {', '.join(sorted(missing))}", where=path.name)
    parameters = {
        name: read_parameter(name, given or {}, path.name) for name, given in (read.get("parameters") or {}).items()
    }
    query = StoredQuery(
        path.stem,
        read["title"],
        read["question"],
        tuple(read["keywords"]),
        parameters,
        dict(read["columns"]),
        text,
        bool(read.get("must_be_empty")),
        bool(read.get("overview")),
        str(read.get("answers_about", "")),
    )
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    _check_header(query, body, path.name)
    return msgspec.structs.replace(query, order=read_order(body, query.columns, path.name))


def _check_header(query: StoredQuery, body: str, where: str) -> None:
    used, declared = _PARAMETER.findall(body), list(query.parameters)
    selected = _SELECTED.search(body)
    columns = [found[1] or found[2] for found in _COLUMN.finditer(selected[1])] if selected else []
    for wrong, what in (
        (set(used) - set(declared), "uses the undeclared parameter"),
        (set(declared) - set(used), "declares the unused parameter"),
        (set(columns) - set(query.columns), "selects the undeclared column"),
        (set(query.columns) - set(columns), "declares the unselected column"),
    ):
        if wrong:
            raise QueryError(
                f"{what} {', '.join(sorted(wrong))}", where=where, mend="Make the #+ header and the query agree"
            )
    if len(used) != len(set(used)):
        raise QueryError("a parameter has more than one VALUES line", where=where)
    if "ORDER BY" not in body:
        raise QueryError("has no ORDER BY", where=where, mend="Order by enough columns to make the order total")


def list_answers(query: StoredQuery, given: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Number of rows by answer ("yes", "not stated", "no"); empty where nothing was asked that has one."""
    is_asked = not query.answers_about or given.get(query.answers_about) not in (None, "")
    if "answer" not in query.columns or not is_asked:
        return {}
    counted = Counter(row["answer"] for row in rows)
    return {kind: counted[kind] for kind in ("yes", "not stated", "no") if counted[kind]}


def bind_parameters(query: StoredQuery, given: Mapping[str, Any]) -> str:
    """The query's text with each given parameter as a typed term.

    :raises QueryError: a parameter is unknown, missing, or its value does not fit.
    """
    unknown = [name for name in given if name not in query.parameters]
    if unknown:
        takes = ", ".join(query.parameters) or "no parameters"
        raise QueryError(f"{query.name} has no parameter {cut(unknown[0])}", mend=f"It takes {takes}")
    missing = [
        name for name, parameter in query.parameters.items() if parameter.required and given.get(name) in (None, "")
    ]
    if missing:
        example = query.parameters[missing[0]].example
        raise QueryError(
            f"{query.name} needs --param {missing[0]}=…",
            mend=f"For example --param {missing[0]}={example}" if example else "",
        )
    stated = {name: value for name, value in given.items() if value is not None and value != ""}
    terms = {name: make_term(query.parameters[name], value) for name, value in stated.items()}
    return fill_text(fit_text(query.text, terms), terms)


def run_query(engine: SelectEngine, query: StoredQuery, given: Mapping[str, Any] | None = None) -> Answer:
    """Answer a stored query.

    :raises LimitReached: more rows than anybody can use.
    """
    answer = run_text(engine, bind_parameters(query, given or {}), tuple(query.columns))
    if is_embedded(engine):
        return answer
    rows = [{column: _read_as(query.columns[column], value) for column, value in row.items()} for row in answer.rows]
    return Answer(answer.columns, tuple(sort_rows(rows, query.order)))


def _read_as(kind: str, value: Any) -> Any:
    """A value as its column declares it: Virtuoso writes truth values as numbers."""
    return bool(value) if kind == "boolean" and value is not None else value


def run_text(engine: SelectEngine, text: str, columns: tuple[str, ...] | None = None) -> Answer:
    """Answer a SELECT query of our own."""
    solutions = engine.query(text)
    if not isinstance(solutions, QuerySolutions):
        raise QueryError("only SELECT queries have rows")
    named = columns or tuple(variable.value for variable in solutions.variables)
    return Answer(named, tuple(_read_rows(solutions, named)))


def _read_rows(solutions: QuerySolutions, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for number, solution in enumerate(solutions):
        if number >= MAX_ROWS:
            raise LimitReached(f"more than {MAX_ROWS:,} rows", mend="Ask with more parameters")
        yield {column: to_value(solution[column]) for column in columns}


_READERS: dict[str, Any] = {
    f"{XSD}{name}": reader
    for name, reader in (
        ("integer", int),
        ("decimal", float),
        ("double", float),
        ("float", float),
        ("boolean", lambda text: text in ("true", "1")),
    )
}


def to_value(term: Any) -> Any:
    """An RDF term as a plain Python value.

    >>> from pyoxigraph import NamedNode
    >>> to_value(Literal("2.0", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#decimal")))
    2.0
    """
    if term is None:
        return None
    if isinstance(term, Literal):
        return _READERS.get(term.datatype.value, str)(term.value)
    return term.value
