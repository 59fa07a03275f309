"""``kg export``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from kg.cli.application import app
from kg.cli.options import StoreOption
from kg.cli.printing import note
from kg.errors import UsageError
from kg.locations import hide_secrets, is_url, open_filesystem
from kg.remote_files import put_files


class ExportFormat(StrEnum):
    """Ways to hand the graph on."""

    TTL = "ttl"
    NT = "nt"
    NQ = "nq"
    JSONLD = "jsonld"
    CSV = "csv"
    PARQUET = "parquet"
    QUERIES = "queries"


@app.command(
    epilog="Examples:\n\n- `kg export --format ttl > graph.ttl`\n\n- `kg export --format csv --output tables/`\n\n"
    "- `kg export --format csv --table targets`\n\n- `kg export --format nt --output s3://bucket/graph.nt`"
)
def export(
    form: Annotated[
        ExportFormat, typer.Option("--format", help="ttl, nt, nq, jsonld: the graph; csv, parquet: tables; queries")
    ] = ExportFormat.TTL,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="File, or folder for tables; a path or a URL. Default: standard output"),
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="One table: trials, products, targets, endpoints, sites, criteria …")
    ] = None,
    with_vocabularies: Annotated[
        bool, typer.Option("--with-vocabularies", help="RDF with the ontology and all terms, for another engine")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Hand the graph on as RDF or as flat tables."""
    from kg.export.rdf_formats import write_rdf
    from kg.export.tables import write_table, write_tables
    from kg.graph import open_graph

    if form is ExportFormat.QUERIES:
        from kg.export.executables import write_executables

        with _open_output(output) as stream:
            stream.write(write_executables())
        return
    snapshot = open_graph(store).snapshot
    if form in (ExportFormat.CSV, ExportFormat.PARQUET) and table is None:
        if output is None:
            raise UsageError("several tables need a folder", mend="Give --output FOLDER, or --table NAME for one table")
        with _stage(output) as folder:
            write_tables(snapshot, folder, form.value)
        note(f"wrote tables to {hide_secrets(output)}")
        return
    with _open_output(output) as stream:
        if table is not None:
            if form not in (ExportFormat.CSV, ExportFormat.PARQUET):
                raise UsageError("--table goes with --format csv or parquet")
            write_table(snapshot, table, form.value, stream)
        else:
            write_rdf(snapshot, form.value, stream, with_vocabularies=with_vocabularies)


@contextmanager
def _open_output(output: str | None) -> Iterator[Any]:
    """Standard output, or a file that appears only when it is whole."""
    if output is None:
        yield sys.stdout.buffer
        return
    with _stage(output) as path:
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("wb") as stream:
                yield stream
            part.replace(path)
        except OSError as error:
            raise UsageError(
                f"cannot write ({error.strerror})", where=str(path), mend="Choose another --output"
            ) from None
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def _stage(output: str) -> Iterator[Path]:
    """The place on this machine to write to; from there a URL is given what was written whole."""
    if not is_url(output):
        yield Path(output)
        return
    open_filesystem(output)  # what is missing is said before the work
    with TemporaryDirectory(prefix="kg-export-") as folder:
        staged = Path(folder) / "output"
        yield staged
        inside = {path: str(path.relative_to(staged)) for path in sorted(staged.rglob("*"))}
        put_files(inside or {staged: ""}, output)
