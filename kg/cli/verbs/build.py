"""``kg build`` and ``kg update``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg.cli.application import app
from kg.cli.options import StoreOption
from kg.cli.printing import count, note

if TYPE_CHECKING:
    from kg.pipeline import Report

SourceArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Files, folders, globs, or - for standard input; plain or gzip. Default: the records shipped with kg",
        show_default=False,
    ),
]


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
    parts = [count(manifest.records, "record"), count(manifest.trials, "trial"), count(report.quads, "statement")]
    if report.duplicates:
        parts.append(f"{report.duplicates:,} seen before")
    note(f"built {manifest.snapshot}: {', '.join(parts)}")
    for what, found in (("record", report.rejected), ("value", report.set_aside)):
        if found:
            note(f"{count(len(found), what)} set aside (all in {report.folder / 'rejects.jsonl'}):")
            for one in found[:5]:
                note(f"  {one.file}: {one.reason}" + (f". {one.mend}" if one.mend else ""))
            if len(found) > 5:
                note(f"  … and {len(found) - 5:,} more")
