"""Print rows: as a table to read, or as CSV, TSV, JSON or JSON lines to pipe on."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Collection, Sequence
from typing import IO, Any

import msgspec

from kg.controls import show_controls
from kg.spreadsheets import neutralise
from kg.terms import PREFIXES

_DETAIL = {"target_quote", "source_quote"}
"""Columns that a table leaves out where a ``quote`` is shown."""
_UNBROKEN = {"registry_id", "query", "name"}
"""Columns of names that are copied, and of the names of columns."""
_LEAST_WIDTH = 40
_LEAST_COLUMN = 13
"""Characters that a column needs on average; where it has fewer, rows are printed one value to a line."""


def measure_width(unseen: int) -> int:
    """Characters to a line: of ``$COLUMNS``, else of the terminal, else the number given for what nobody sees."""
    return max(shutil.get_terminal_size((unseen, 24)).columns, _LEAST_WIDTH)


def write_rows(
    columns: Sequence[str],
    rows: Sequence[dict[str, Any]],
    form: str,
    stream: IO[str],
    meta: dict[str, Any] | None = None,
    things: Collection[str] = (),
) -> None:
    """Write rows in one of the formats of ``kg query``.

    :param meta: Goes into an object beside the rows, in JSON only.
    :param things: Columns of IRIs; a table leaves them out where others tell a reader more.
    """
    if form == "json":
        value = {"meta": meta, "rows": list(rows)} if meta is not None else list(rows)
        stream.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
    elif form == "jsonl":
        for row in rows:
            stream.write(msgspec.json.encode(row).decode() + "\n")
    elif form in ("csv", "tsv"):
        writer = csv.writer(stream, delimiter="," if form == "csv" else "\t", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([make_safe(row[column]) for column in columns] for row in rows)
    else:
        _print_table(columns, rows, stream, things)


def make_safe(value: Any) -> Any:
    """A cell that a spreadsheet will not run as a formula.

    >>> make_safe("=1+1"), make_safe(-2), make_safe(None)
    ("'=1+1", -2, '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return neutralise(value) if isinstance(value, str) else value


def shorten_iri(value: str) -> str:
    """An IRI with its prefix, where it has one.

    >>> shorten_iri("https://w3id.org/trialkg/id/trial/NCT05574608")
    'trial:NCT05574608'
    """
    for prefix, namespace in sorted(PREFIXES.items(), key=lambda item: -len(item[1])):
        if value.startswith(namespace):
            return f"{prefix}:{value[len(namespace) :]}"
    return value


def _print_table(
    columns: Sequence[str], rows: Sequence[dict[str, Any]], stream: IO[str], things: Collection[str]
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    shown = [
        column for column in columns if not (column in _DETAIL and "quote" in columns) and column not in things
    ] or list(columns)
    width = measure_width(unseen=150)
    is_narrow = width < _LEAST_COLUMN * len(shown)
    table = Table(box=None if is_narrow else box.SIMPLE_HEAD, pad_edge=False, show_header=not is_narrow)
    for column in ("name", "value") if is_narrow else shown:
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column in _UNBROKEN)
    for row in rows:
        cells = dict(row)
        if "registry_id" in cells and cells["registry_id"] is None and cells.get("trial"):
            cells["registry_id"] = str(cells["trial"]).rpartition("/")[2]
        texts = [Text(_show_cell(column, cells[column])) for column in shown]
        if is_narrow:
            for column, text in zip(shown, texts, strict=True):
                table.add_row(column.replace("_", " "), text)
            table.add_row()
        else:
            table.add_row(*texts)
    Console(file=stream, width=width).print(table)


def _show_cell(column: str, value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, int) and not isinstance(value, bool):
        text = f"{value:,}"
    else:
        text = f"{value:.6g}" if isinstance(value, float) else show_controls(str(value))
    if column.endswith("quote"):
        return f"“{text}”"
    return shorten_iri(text) if text.startswith("http") else text
