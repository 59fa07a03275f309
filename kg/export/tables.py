"""Flat tables for spreadsheets and data frames: one row a trial, product, target, endpoint, site, criterion and so on.

Values of a many-valued column stand in one cell, sorted and joined by "; ", so that they do not multiply rows. The
snapshot's sorted lines are read in one pass: looking each value up in the index takes twenty times as long.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
from pyoxigraph import DefaultGraph, Literal, NamedNode

from kg.errors import UsageError
from kg.export.columns import ADDED_PREFIXES, POSITION, TABLES, Column, Table, list_columns
from kg.spreadsheets import neutralise
from kg.store import Snapshot
from kg.terms import PREFIXES, RDFS

__all__ = [
    "FORMATS",
    "TABLES",
    "Column",
    "Relation",
    "Table",
    "bind_column",
    "list_columns",
    "list_tables",
    "read_object",
    "read_relations",
    "read_table",
    "write_cell",
    "write_table",
    "write_tables",
]

FORMATS = ("csv", "parquet")
_QUOTED = re.compile(r'[",\r\n]')
_READ: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "decimal": float,
    "boolean": lambda text: text in ("true", "1"),
}
_IN_VOCABULARIES = frozenset({"skos:notation", "skos:prefLabel", "kg:cardKey"})
"""Properties that the index alone tells: the snapshot's lines hold what the records say, not the vocabularies."""
Relation = dict[str, tuple[str, ...]]
"""Values of a property by their subject: IRIs without brackets, literals as text. Tuples are nothing to the garbage
collector; lists would cost it half the time of the reading."""


def list_tables() -> dict[str, Table]:
    """All tables by name, with their columns and what these mean."""
    return TABLES


def write_tables(snapshot: Snapshot, folder: Path, form: str, names: Sequence[str] = ()) -> list[Path]:
    """Write tables, all of them by default, as one file each; a file appears only when it is whole.

    :raises UsageError: a format or table is unknown, or ``pyarrow`` is not installed.
    """
    tables = [_find_table(name, form) for name in names or TABLES]
    folder.mkdir(parents=True, exist_ok=True)
    relations = read_relations(snapshot, tables)
    written = []
    for table in tables:
        path = folder / f"{table.name}.{form}"
        with (part := path.with_name(f".{path.name}.part")).open("wb") as stream:
            _write_rows(table, _list_rows(relations, table), form, stream)
        written.append(part.replace(path))
    return written


def write_table(snapshot: Snapshot, name: str, form: str, stream: IO[bytes]) -> int:
    """Write one table; the number of its rows.

    :raises UsageError: the format or table is unknown, or ``pyarrow`` is not installed.
    """
    table = _find_table(name, form)
    relations = read_relations(snapshot, [table])  # before a header is written
    return _write_rows(table, _list_rows(relations, table), form, stream)


def _write_rows(table: Table, rows: Iterator[tuple[Any, ...]], form: str, stream: IO[bytes]) -> int:
    return (_write_csv if form == "csv" else _write_parquet)(table, rows, stream)


def _find_table(name: str, form: str) -> Table:
    if form not in FORMATS:
        raise UsageError(f"no table format {form!r}", mend=f"One of {', '.join(FORMATS)}")
    if name not in TABLES:
        raise UsageError(f"no table {name!r}", mend=f"One of {', '.join(TABLES)}")
    if form == "parquet":
        _import_pyarrow()
    return TABLES[name]


def _import_pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("Parquet needs pyarrow", mend="pip install 'trialkg[parquet]'") from None
    return pyarrow, parquet


def read_table(snapshot: Snapshot, table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows: sorted by trial, then in the order of the record, then by IRI."""
    yield from _list_rows(read_relations(snapshot, [table]), table)


def _list_rows(relations: dict[str, Relation], table: Table) -> Iterator[tuple[Any, ...]]:
    types, steps = relations["rdf:type"], _find_steps(relations, table.rows)
    trial_class, row_class = _expand("kg:Trial"), _expand(table.kind)
    read_position = bind_column(relations, POSITION)
    keys = sorted(
        (trial, read_position(row) or 0, row)
        for trial, kinds in types.items()
        if trial_class in kinds
        for row in _follow(steps, trial)
        if row_class in types.get(row, ())
    )
    columns = [(column.of, bind_column(relations, column)) for column in list_columns(table)]
    own = _find_own(relations, table)
    for trial, _, row in keys:
        seen_from = {"row": row, "trial": trial, "own": own.get((trial, row), "")}
        yield tuple(read_cell(seen_from[of]) for of, read_cell in columns)


def _find_own(relations: dict[str, Relation], table: Table) -> dict[tuple[str, str], str]:
    """The trials' own nodes for rows that they share, by trial and row."""
    to_own, to_row = table.own or ("", "")
    return {
        (trial, row): node
        for trial, nodes in relations.get(to_own, {}).items()
        for node in nodes
        for row in relations[to_row].get(node, ())
    }


def bind_column(relations: dict[str, Relation], column: Column) -> Callable[[str], Any]:
    """What reads the column's cell for an IRI; None is an empty cell."""
    steps = _find_steps(relations, column.path)
    if column.supports:
        steps.append([_find_quotes(relations, column.supports)])
    names = relations[column.shown] if column.shown else None
    read = _READ.get(column.type)

    def read_cell(start: str) -> Any:
        found = _follow(steps, start)
        if not found:
            return column.default
        if names is not None:
            found = {name for one in found for name in names.get(one, (one,))}
        return "; ".join(sorted(found)) if read is None else min(map(read, found))

    return read_cell


def _find_steps(relations: dict[str, Relation], path: str) -> list[list[Relation]]:
    """The relations of each step of a path; alternatives stand together."""
    return [
        [
            _invert(relations[name[1:]]) if name.startswith("^") else relations[name]
            for name in step.strip("()").split("|")
        ]
        for step in path.split("/")
        if step
    ]


def _invert(relation: Relation) -> Relation:
    inverse = defaultdict(list)
    for subject, values in relation.items():
        for value in values:
            inverse[value].append(subject)
    return {value: tuple(subjects) for value, subjects in inverse.items()}


def _follow(steps: list[list[Relation]], start: str) -> set[str]:
    """Where the steps lead from an IRI.

    >>> sorted(_follow([[{"a": ("b", "c")}], [{"b": ("d",)}, {"b": ("e",), "c": ("d",)}]], "a"))
    ['d', 'e']
    """
    found = {start}
    for step in steps:
        found = {value for one in found for relation in step for value in relation.get(one, ())}
    return found


def _find_quotes(relations: dict[str, Relation], supported: str) -> Relation:
    """The words of the evidence for a property, save what an older record says otherwise."""
    words, superseded, wanted = relations["kg:exactWords"], relations["kg:superseded"], _expand(supported)
    return {
        evidence: words.get(evidence, ())
        for evidence, properties in relations["kg:predicate"].items()
        if wanted in properties and "true" not in superseded.get(evidence, ())
    }


def read_relations(snapshot: Snapshot, tables: Iterable[Table]) -> dict[str, Relation]:
    """The properties of the tables, by prefixed name, from one pass over the snapshot's lines."""
    relations: dict[str, Relation] = {name: {} for table in tables for name in table.properties}
    wanted = {f"<{_expand(name)}>": relation for name, relation in relations.items() if name not in _IN_VOCABULARIES}
    before = node = ""
    for line in snapshot.read_quads():
        subject, predicate, rest = line.split(" ", 2)
        if (relation := wanted.get(predicate)) is None:
            continue
        if subject != before:
            before, node = subject, subject[1:-1]
        known = relation.get(node, ())
        if (value := read_object(rest)) not in known:
            relation[node] = (*known, value)
    _add_vocabularies(snapshot, relations)
    return relations


def read_object(rest: str) -> str:
    r"""What stands after the predicate in an N-Quads line of ours, without its graph: an IRI, or a literal's text.

    Decimals are written as the index returns them. Escapes are those of JSON: ``kg.terms.literal`` writes no other.

    >>> [read_object(f"{term} <g:g> .") for term in ("<p:p>", r'"a \"b\" \n"', '"2.0"^^<x:#decimal>')]
    ['p:p', 'a "b" \n', '2']
    """
    term = rest[: rest.rindex(" <")]
    if term.startswith("<"):
        return term[1:-1]
    end = term.rindex('"')
    if "\\" in term:
        return msgspec.json.decode(term[: end + 1], type=str)
    return term[1:end].removesuffix(".0") if term.endswith("#decimal>") else term[1:end]


def _add_vocabularies(snapshot: Snapshot, relations: dict[str, Relation]) -> None:
    """Add what the vocabularies tell of their concepts, and the ontology's names of its properties."""
    for name in _IN_VOCABULARIES & relations.keys():
        _add_statements(snapshot, relations, name, None)
    if "rdfs:label" in relations:
        for quad in snapshot.engine.quads_for_pattern(None, NamedNode(f"{RDFS}isDefinedBy"), None, DefaultGraph()):
            _add_statements(snapshot, relations, "rdfs:label", quad.subject)


def _add_statements(snapshot: Snapshot, relations: dict[str, Relation], name: str, subject: Any) -> None:
    for quad in snapshot.engine.quads_for_pattern(subject, NamedNode(_expand(name)), None, DefaultGraph()):
        if isinstance(quad.subject, NamedNode) and isinstance(quad.object, NamedNode | Literal):
            known = relations[name].get(quad.subject.value, ())
            relations[name][quad.subject.value] = (*known, quad.object.value)


def _expand(name: str) -> str:
    """A prefixed name as an IRI."""
    prefix, _, local = name.partition(":")
    return f"{PREFIXES.get(prefix) or ADDED_PREFIXES[prefix]}{local}"


def _write_csv(table: Table, rows: Iterator[tuple[Any, ...]], stream: IO[bytes]) -> int:
    """RFC 4180 in UTF-8 without a mark, with LF as line end."""
    stream.write((",".join(column.name for column in list_columns(table)) + "\n").encode())
    count = 0
    for row in rows:
        stream.write((",".join(map(write_cell, row)) + "\n").encode())
        count += 1
    return count


def write_cell(value: Any) -> str:
    """A value as a CSV cell that no spreadsheet runs: text that begins like a formula gets an apostrophe.

    >>> [write_cell(value) for value in ("=1+1", -1.5, 28.0, 'a "b", c', True, None)]
    ["'=1+1", '-1.5', '28', '"a ""b"", c"', 'true', '']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if value == int(value) else f"{value:.10f}".rstrip("0")
    text = neutralise(value)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _write_parquet(table: Table, rows: Iterator[tuple[Any, ...]], stream: IO[bytes]) -> int:
    pyarrow, parquet = _import_pyarrow()
    types = {
        "string": pyarrow.string(),
        "integer": pyarrow.int64(),
        "decimal": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
    }
    schema = pyarrow.schema(
        [
            pyarrow.field(column.name, types[column.type], metadata={"note": column.note})
            for column in list_columns(table)
        ]
    )
    cells = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pyarrow.array(column, field.type) for column, field in zip(cells, schema, strict=True)]
    held = pyarrow.Table.from_arrays(arrays, schema=schema)
    parquet.write_table(held, stream, compression="zstd")
    return int(held.num_rows)
