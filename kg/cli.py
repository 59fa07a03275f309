"""The command line: thin verbs over the library. Results go to stdout; progress, notes and errors to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg.errors import KgError, UsageError

if TYPE_CHECKING:
    from kg.graph import Graph
    from kg.pipeline import Report

app = typer.Typer(
    name="kg",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="A clinical-trial knowledge graph for cell therapy: cited answers from registry records.",
)

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="Folder of the graph. Default: $KG_STORE, else ./.kg-store", show_default=False),
]
SourceArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Files, folders, globs, or - for standard input; plain or gzip. Default: the records shipped with kg",
        show_default=False,
    ),
]
ParamOption = Annotated[
    list[str] | None, typer.Option("--param", "-p", help="A parameter as name=value; may be given several times")
]


class Rows(StrEnum):
    """Ways to print rows."""

    TABLE = "table"
    CSV = "csv"
    TSV = "tsv"
    JSON = "json"
    JSONL = "jsonl"


class CardFormat(StrEnum):
    """Ways to print a card."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    TTL = "ttl"


class FindingFormat(StrEnum):
    """Ways to print findings."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    TTL = "ttl"


class Severity(StrEnum):
    """From which severity on ``kg validate`` fails."""

    VIOLATION = "violation"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


class ExportFormat(StrEnum):
    """Ways to hand the graph on."""

    TTL = "ttl"
    NT = "nt"
    NQ = "nq"
    JSONLD = "jsonld"
    CSV = "csv"
    PARQUET = "parquet"


@app.command(
    epilog="Examples:\n\n- `kg build` – the five trials shipped with kg\n\n- `kg build pages/ studies.jsonl.gz`\n\n"
    "- `curl … | kg build -`"
)
def build(
    sources: SourceArgument = None,
    store: StoreOption = None,
    workers: Annotated[int | None, typer.Option(help="Processes. Default: one for each core", min=1, max=256)] = None,
) -> None:
    """Read registry records into a new graph, which replaces the present one.

    Reads ClinicalTrials.gov API v2 JSON (one study, a list, JSON lines) and pages of MedPath, ClinicalTrials.Veeva
    and the
    "Overview / Description / Eligibility" kind. The format is told from the content.
    """
    _run_build(sources, store, workers, is_update=False)


@app.command(epilog="Example: `kg update new-studies.jsonl`")
def update(
    sources: Annotated[list[str], typer.Argument(help="Files, folders, globs, or -")],
    store: StoreOption = None,
    workers: Annotated[int | None, typer.Option(min=1, max=256)] = None,
) -> None:
    """Add registry records to the graph."""
    _run_build(sources, store, workers, is_update=True)


def _run_build(sources: list[str] | None, store: Path | None, workers: int | None, *, is_update: bool) -> None:
    from kg.pipeline import build as run
    from kg.resources import find_root
    from kg.store import find_store

    folder = find_store(store)
    with _progress() as show:
        report = run(
            sources or [str(find_root() / "data" / "trials")],
            folder,
            is_update=is_update,
            workers=workers,
            progress=show,
        )
    _print_report(report)


@contextmanager
def _progress() -> Iterator[Any]:
    """A counter on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("opening sources")

        def show(read: int, rejected: int) -> None:
            bar.update(task, description=f"{read:,} records read" + (f", {rejected:,} set aside" if rejected else ""))

        yield show


def _print_report(report: Report) -> None:
    manifest = report.manifest
    parts = [_count(manifest.records, "record"), _count(manifest.trials, "trial"), _count(report.quads, "statement")]
    if report.duplicates:
        parts.append(f"{report.duplicates:,} seen before")
    _note(f"built {manifest.snapshot}: {', '.join(parts)}")
    for what, found in (("record", report.rejected), ("value", report.set_aside)):
        if found:
            _note(f"{_count(len(found), what)} set aside (all in {report.folder / 'rejects.jsonl'}):")
            for one in found[:5]:
                _note(f"  {one.file}: {one.reason}" + (f". {one.mend}" if one.mend else ""))
            if len(found) > 5:
                _note(f"  … and {len(found) - 5:,} more")


@app.command(
    epilog="Examples:\n\n- `kg query --list`\n\n"
    "- `kg query trials_by_target_and_source --param target=CD123 --param cell_source=allogeneic`"
)
def query(
    name: Annotated[str | None, typer.Argument(help="Name of a stored query")] = None,
    param: ParamOption = None,
    store: StoreOption = None,
    form: Annotated[Rows, typer.Option("--format", help="How to print the rows")] = Rows.TABLE,
    listing: Annotated[bool, typer.Option("--list", help="List the stored queries with their questions")] = False,
    meta: Annotated[bool, typer.Option("--meta", help="With JSON: rows in an object beside what they rest on")] = False,
    endpoint: Annotated[str | None, typer.Option(help="Ask this SPARQL endpoint instead of the store")] = None,
    graph_iri: Annotated[str | None, typer.Option("--graph", help="With --endpoint: the graph to ask")] = None,
) -> None:
    """Answer a stored query."""
    from kg.queries import find_query, load_queries, run_query

    if listing or name is None:
        rows = [
            {"query": one.name, "question": one.question, "parameters": ", ".join(one.parameters)}
            for one in load_queries().values()
        ]
        _print_rows(("query", "question", "parameters"), rows, form)
        return
    stored = find_query(name)
    given = _read_parameters(param or [])
    if endpoint:
        from kg.remote import RemoteEngine

        found = run_query(RemoteEngine(endpoint, graph_iri), stored, given)
        _print_rows(found.columns, list(found.rows), form, types=stored.columns)
        _note(f"{len(found.rows):,} rows from {endpoint}")
        return
    from kg.graph import open_graph

    graph = open_graph(store)
    answer = graph.answer(stored.name, given)
    _print_rows(answer.columns, list(answer.rows), form, graph if meta else None, stored.columns)
    _note(("" if answer.rows else "none among ") + _rests_on(graph))


def _read_parameters(pairs: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"{pair!r} is no parameter", mend="Write --param name=value")
        if name in found:
            raise UsageError(f"the parameter {name!r} is given twice", mend="Ask twice, or leave it out")
        found[name] = value
    return found


def _rests_on(graph: Graph) -> str:
    meta = graph.meta
    return (
        f"{_count(meta.records, 'record')} read, newest of {meta.newest or 'unknown date'} (snapshot {meta.snapshot})"
    )


@app.command(
    epilog='Examples:\n\n- `kg ask "which CD123 trials use allogeneic cells?"`\n\n'
    '- `kg ask "recruiting phase 1 CAR-NK studies in China"`'
)
def ask(
    question: Annotated[list[str], typer.Argument(help="A question in words")],
    store: StoreOption = None,
    form: Annotated[Rows, typer.Option("--format", help="How to print the rows")] = Rows.TABLE,
) -> None:
    """Answer a question in words with the stored query that fits it, and say how it was understood."""
    from kg.graph import open_graph

    graph = open_graph(store)
    reply = graph.ask(" ".join(question))
    _note(f"understood: {reply.understood}")
    if reply.answer is None:
        raise UsageError("the question was not understood", mend=reply.hint)
    from kg.queries import find_query

    _print_rows(reply.answer.columns, list(reply.answer.rows), form, types=find_query(reply.query).columns)
    _note(("" if reply.answer.rows else "none among ") + _rests_on(graph))


@app.command(epilog="Examples:\n\n- `kg show NCT05574608`\n\n- `kg show --all --format jsonl`")
def show(
    trials: Annotated[
        list[str] | None, typer.Argument(help="Registry ids, other ids, or names of record files")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All trials")] = False,
    store: StoreOption = None,
    form: Annotated[CardFormat, typer.Option("--format", help="How to print the card")] = CardFormat.TEXT,
) -> None:
    """Print trial cards: every fact, and the words of the record behind it."""
    if not trials and not every:
        raise UsageError("which trial?", mend="Give an id such as NCT05574608, or --all")
    from kg.graph import open_graph

    graph = open_graph(store)
    if form is CardFormat.TTL:
        from kg.cards import find_trials, list_trials
        from kg.export.rdf_formats import write_rdf

        for iri in [one for trial in trials or [] for one in find_trials(graph.snapshot, trial)] or list_trials(
            graph.snapshot
        ):
            write_rdf(graph.snapshot, "ttl", sys.stdout.buffer, trial=iri)
        return
    cards = graph.cards(trials or ())
    if form is CardFormat.JSONL:
        for card in cards:
            _write(_to_json(card) + "\n")
    elif form is CardFormat.JSON:
        found = list(cards)
        _write(_to_json(found[0] if len(found) == 1 and not every else found, indent=2) + "\n")
    else:
        from kg.card_text import print_card

        for card in cards:
            print_card(card)


@app.command(epilog="Examples:\n\n- `kg validate --fail-on never`\n\n- `kg validate NCT05574608 --format json`")
def validate(
    trials: Annotated[list[str] | None, typer.Argument(help="Only these trials")] = None,
    store: StoreOption = None,
    fail_on: Annotated[
        Severity, typer.Option("--fail-on", help="Exit with 1 when something at or above this severity is found")
    ] = Severity.VIOLATION,
    engine: Annotated[str, typer.Option(help="pyrudof (fast) or pyshacl (reference)")] = "pyrudof",
    form: Annotated[FindingFormat, typer.Option("--format", help="How to print the findings")] = FindingFormat.TEXT,
) -> None:
    """Check the graph against the SHACL shapes, and every quote against its record."""
    from kg.cards import find_trials
    from kg.findings import print_findings
    from kg.graph import open_graph
    from kg.shapes import validate_snapshot

    snapshot = open_graph(store).snapshot
    snapshot.verify()
    wanted = [iri for trial in trials for iri in find_trials(snapshot, trial)] if trials else None
    findings = validate_snapshot(snapshot, engine=engine, trials=wanted)
    print_findings(snapshot, findings, str(form))
    ranks = {"violation": 3, "warning": 2, "info": 1}
    if fail_on is not Severity.NEVER and any(ranks[one.severity] >= ranks[fail_on.value] for one in findings):
        raise typer.Exit(1)


@app.command(
    epilog="Examples:\n\n- `kg export --format ttl > graph.ttl`\n\n- `kg export --format csv --output tables/`\n\n"
    "- `kg export --format csv --table targets`"
)
def export(
    form: Annotated[
        ExportFormat, typer.Option("--format", help="ttl, nt, nq, jsonld: the graph; csv, parquet: flat tables")
    ] = ExportFormat.TTL,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File, or folder for tables. Default: standard output")
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="One table: trials, products, targets, endpoints, sites, criteria …")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Hand the graph on as RDF or as flat tables."""
    from kg.export.rdf_formats import write_rdf
    from kg.export.tables import write_table, write_tables
    from kg.graph import open_graph

    snapshot = open_graph(store).snapshot
    if form in (ExportFormat.CSV, ExportFormat.PARQUET) and table is None:
        if output is None:
            raise UsageError("several tables need a folder", mend="Give --output FOLDER, or --table NAME for one table")
        write_tables(snapshot, output, form.value)
        _note(f"wrote tables to {output}")
        return
    with _open_output(output) as stream:
        if table is not None:
            if form not in (ExportFormat.CSV, ExportFormat.PARQUET):
                raise UsageError("--table goes with --format csv or parquet")
            write_table(snapshot, table, form.value, stream)
        else:
            write_rdf(snapshot, form.value, stream)


@contextmanager
def _open_output(path: Path | None) -> Iterator[Any]:
    """Standard output, or a file that appears only when it is whole."""
    if path is None:
        yield sys.stdout.buffer
        return
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write ({error.strerror})", where=str(path), mend="Choose another --output") from None
    finally:
        part.unlink(missing_ok=True)


def _version(is_wanted: bool) -> None:
    if is_wanted:
        from kg import __version__

        _write(f"kg {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version")
    ] = False,
) -> None:
    """A clinical-trial knowledge graph for cell therapy: cited answers from registry records."""


def _print_rows(
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


def _to_json(value: Any, indent: int = 0) -> str:
    import msgspec

    encoded = msgspec.json.encode(value)
    return (msgspec.json.format(encoded, indent=indent) if indent else encoded).decode()


def _write(text: str) -> None:
    sys.stdout.write(text)


def _count(number: int, noun: str) -> str:
    """ "1 record", "2 records"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> None:
    """Run, and turn every error into one line and its exit code."""
    try:
        app()
    except KgError as error:
        _note(f"kg: {error}")
        code = error.exit_code
    except BrokenPipeError:
        with suppress(OSError):
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # the reader went away; nothing is left to say
        code = 0
    except KeyboardInterrupt:
        _note("kg: interrupted; the previous graph is unchanged")
        code = 130
    except MemoryError:
        _note("kg: out of memory. Give fewer --workers, or fewer sources")
        code = 4
    except Exception as error:  # the outermost edge
        if os.environ.get("KG_DEBUG"):
            raise
        _note(
            f"kg: internal error: {type(error).__name__}: {error}. Set KG_DEBUG=1 for the traceback, and please "
            f"report it"
        )
        code = 5
    else:
        return
    sys.exit(code)
