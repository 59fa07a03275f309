"""``kg build`` and ``kg update``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from kg.cli.application import app
from kg.cli.options import StoreOption
from kg.cli.printing import note
from kg.cli.progress import show_progress
from kg.errors import SourceError, UsageError, count

if TYPE_CHECKING:
    from kg.pipeline import Report

SourceArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Files, folders, globs, URLs, or - for standard input; plain, gzip or zip. "
        "Default of a build: the records shipped with kg",
        show_default=False,
    ),
]
WorkersOption = Annotated[int | None, typer.Option(help="Processes. Default: one for each core", min=1, max=256)]
SchedulerOption = Annotated[
    str | None,
    typer.Option(help="Read on a Dask cluster: address of its scheduler, as tcp://host:8786", show_default=False),
]
LimitOption = Annotated[int | None, typer.Option(help="Take so many records at most", min=1)]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Take only these: cell-therapy, or KEY=VALUE with status, condition, phase, country, sponsor, title, id, "
        "type, sex, purpose or funder. One key several times: any of them; several keys: all",
    ),
]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Read and count, and leave the graph as it is")]
KeepOption = Annotated[int, typer.Option(help="Snapshots to keep, this one included", min=1)]


_BUILD = """Read registry records into a new graph, which replaces the present one.

Reads ClinicalTrials.gov API v2 JSON (one study, a list, JSON lines) and pages of MedPath, ClinicalTrials.Veeva and the
"Overview / Description / Eligibility" kind. The format is told from the content. Stop it at any time: the present graph
stays, and the next build goes on from what was read.
"""
_UPDATE = """Add registry records to the graph; a newer version of a record takes the place of the older one.

Only records whose content is new are worked on. The snapshot before is kept: `kg diff` tells what changed.
"""


def _make_verb(*, is_update: bool) -> Callable[..., None]:
    """``kg build`` or ``kg update``, which take the same options."""

    def run(
        sources: SourceArgument = None,
        store: StoreOption = None,
        workers: WorkersOption = None,
        scheduler: SchedulerOption = None,
        where: WhereOption = None,
        limit: LimitOption = None,
        is_dry: DryOption = False,
        keep: KeepOption = 2,
    ) -> None:
        from kg.cli.watches import explain_aborts
        from kg.pipeline import build, parse_choice
        from kg.resources import find_root
        from kg.store import find_store

        if is_update and not sources:
            raise UsageError("no records are named", mend="Name files, folders or URLs, or - for standard input")
        choices = [parse_choice(one) for one in where or []]
        explain_aborts()
        with show_progress() as show:
            report = build(
                sources or [str(find_root() / "data" / "trials")],
                find_store(store),
                is_update=is_update,
                workers=workers,
                scheduler=scheduler,
                choices=choices,
                limit=limit,
                is_dry=is_dry,
                keep=keep,
                progress=show,
            )
        _print_report(report)
        if report.is_cut:
            raise SourceError("not everything could be read", mend="The rest was; what is missing is told above")

    return run


app.command(
    "build",
    help=_BUILD,
    epilog="Examples:\n\n- `kg build` – the five trials shipped with kg\n\n- `kg build pages/ studies.jsonl.gz`\n\n"
    "- `kg build ctg-studies.json.zip --where cell-therapy --where status=recruiting`\n\n"
    "- `kg build 's3://bucket/daily/*.jsonl.gz'`\n\n- `curl … | kg build -`",
)(_make_verb(is_update=False))
app.command("update", help=_UPDATE, epilog="Example: `kg update new-studies.jsonl && kg diff previous current`")(
    _make_verb(is_update=True)
)


def _print_report(report: Report) -> None:
    manifest = report.manifest
    parts = [count(manifest.records, "record"), count(manifest.trials, "trial")]
    if report.folder:
        parts.append(count(report.quads, "statement"))
    for number, what in (
        (report.duplicates, "seen before"),
        (report.replaced, "replaced by newer versions"),
        (report.older, "older than the graph's"),
        (report.left_out, "left out by --where"),
        (report.resumed, "read by the build before"),
    ):
        if number:
            parts.append(f"{number:,} {what}")
    head = f"built {manifest.snapshot}" if report.is_new else f"nothing new, {manifest.snapshot} stays"
    note(f"{head if report.folder else 'nothing built, read'}: {', '.join(parts)}")
    if report.log_fault:
        note(report.log_fault)
    listed = f" (listed in {report.folder / 'rejects.tsv'})" if report.folder and report.is_new else ""
    for what, found, number in (
        ("record", report.rejected, report.rejected_count),
        ("value", report.set_aside, report.set_aside_count),
    ):
        if found:
            note(f"{count(number, what)} set aside{listed}:")
            for one in found[:5]:
                note(f"  {one.file}: {one.reason}" + (f". {one.mend}" if one.mend else ""))
            if number > 5:
                note(f"  … and {number - 5:,} more")
