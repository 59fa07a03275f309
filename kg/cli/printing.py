"""What the verbs print: rows and JSON on standard output, notes on standard error."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.cli.options import Rows
from kg.controls import show_controls
from kg.errors import count

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


_LONG_WORD = re.compile(r"\S{161,}")


def shorten(text: str) -> str:
    """A message without what floods a terminal: long words lose their middle, and all of it has an end.

    >>> shorten("no such file " + "x" * 5000 + ".json")[:30], len(shorten("x" * 5000))
    ('no such file xxxxxxxxxxxxxxxxx', 141)
    """
    text = _LONG_WORD.sub(lambda word: f"{word[0][:70]}…{word[0][-70:]}", text)
    return text if len(text) <= 1500 else f"{text[:1000]} … {text[-400:]}"


def note(text: str) -> None:
    """Tell whoever runs the command; where nobody can be told, the command goes on."""
    with suppress(OSError):
        print(show_controls(text), file=sys.stderr)


def tell_answer(answers: Mapping[str, int], number: int, graph: Graph) -> str:
    """What an answer amounts to, and what it rests on; an answer of none is said as one.

    :param answers: Rows by their answer, where the question has three.
    """
    if not number:
        return f"none among {rests_on(graph)}"
    told = ", ".join(f"{count:,} {kind}" for kind, count in answers.items())
    none = "none says yes: " if told and "yes" not in answers else ""
    return f"{none}{told}{', among ' if told else ''}{rests_on(graph)}"


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
