"""What the verbs print: rows and JSON on standard output, notes on standard error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.cli.options import Rows

if TYPE_CHECKING:
    from kg.graph import Graph


def print_rows(
    columns: tuple[str, ...],
    rows: list[dict[str, Any]],
    form: Rows,
    graph: Graph | None = None,
    types: dict[str, str] | None = None,
) -> None:
    from kg.rows import write_rows

    meta = None
    if graph is not None:
        import msgspec

        meta = msgspec.to_builtins(graph.meta)
    things = {name for name, kind in (types or {}).items() if kind == "iri"}
    write_rows(columns, rows, str(form), sys.stdout, meta, things)


def to_json(value: Any, indent: int = 0) -> str:
    import msgspec

    encoded = msgspec.json.encode(value)
    return (msgspec.json.format(encoded, indent=indent) if indent else encoded).decode()


def write(text: str) -> None:
    sys.stdout.write(text)


def count(number: int, noun: str) -> str:
    """ "1 record", "2 records"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def note(text: str) -> None:
    print(text, file=sys.stderr)


def rests_on(graph: Graph) -> str:
    meta = graph.meta
    return f"{count(meta.records, 'record')} read, newest of {meta.newest or 'unknown date'} (snapshot {meta.snapshot})"


def open_wanted(store: Path | None, endpoint: str | None, graph_iri: str | None) -> Graph:
    """The graph of the store, or the one that a SPARQL endpoint holds.

    :raises UsageError: a graph is named without an endpoint.
    """
    from kg.errors import UsageError
    from kg.graph import open_endpoint, open_graph

    if endpoint:
        return open_endpoint(endpoint, graph_iri)
    if graph_iri:
        raise UsageError("--graph goes with --endpoint")
    return open_graph(store)
