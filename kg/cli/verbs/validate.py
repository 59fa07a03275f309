"""``kg validate``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from kg.cli.application import app
from kg.cli.options import EndpointOption, GraphOption, StoreOption
from kg.cli.printing import open_wanted

if TYPE_CHECKING:
    from kg.store import Snapshot


class FindingFormat(StrEnum):
    """Ways to print findings."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    TTL = "ttl"
    HTML = "html"


class Severity(StrEnum):
    """From which severity on ``kg validate`` fails."""

    VIOLATION = "violation"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


@app.command(
    epilog="Examples:\n\n- `kg validate --fail-on never`\n\n- `kg validate NCT05574608 --format json`\n\n"
    "- `kg validate --format html > report.html`\n\n- `kg validate --baseline last-week.json`"
)
def validate(
    trials: Annotated[list[str] | None, typer.Argument(help="Only these trials")] = None,
    store: StoreOption = None,
    endpoint: EndpointOption = None,
    graph_iri: GraphOption = None,
    fail_on: Annotated[
        Severity, typer.Option("--fail-on", help="Exit with 1 when something at or above this severity is found")
    ] = Severity.VIOLATION,
    engine: Annotated[
        str, typer.Option(help="pyshacl (reference), rudof (bulk), or auto: rudof above 100 trials")
    ] = "auto",
    form: Annotated[FindingFormat, typer.Option("--format", help="How to print the findings")] = FindingFormat.TEXT,
    trial: Annotated[list[str] | None, typer.Option("--trial", help="Only this trial; may be repeated")] = None,
    shape: Annotated[
        list[str] | None, typer.Option("--shape", help="Only this shape or check (docs/shapes.md); may be repeated")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Only trials with a record updated on or after this day; pages give no such day"
        ),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="An earlier report (json, jsonl or csv): say what got better or worse")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one for each core where not given")] = None,
) -> None:
    """Check the graph against the SHACL shapes, and every quote against its record."""
    from kg.findings import report
    from kg.shapes.baselines import read_baseline
    from kg.shapes.runs import Choice

    earlier = read_baseline(baseline) if baseline else None
    with _open(store, endpoint, graph_iri) as snapshot:
        snapshot.verify()
        wanted = _find_trials(snapshot, [*(trials or ()), *(trial or ())], since.date() if since else None)
        choice = Choice(engine, wanted, frozenset(shape) if shape else None, workers)
        counts = report(snapshot, choice, str(form), earlier)
    ranks = ("info", "warning", "violation")
    if fail_on is not Severity.NEVER and any(counts[one] for one in ranks[ranks.index(fail_on.value) :]):
        raise typer.Exit(1)


@contextmanager
def _open(store: Path | None, endpoint: str | None, graph_iri: str | None) -> Iterator[Snapshot]:
    """The snapshot of the store; of a server, a copy for the time of the check."""
    snapshot = open_wanted(store, endpoint, graph_iri).snapshot
    if not endpoint:
        yield snapshot
        return
    with TemporaryDirectory() as folder:
        yield snapshot.mirror(Path(folder))


def _find_trials(snapshot: Snapshot, names: list[str], since: date | None) -> frozenset[str] | None:
    """IRIs of the trials wanted; None for all."""
    from kg.cards import find_trials

    wanted = frozenset(iri for name in names for iri in find_trials(snapshot, name)) if names else None
    if since is not None:
        recent = frozenset(
            stored.trial[1:-1] for stored in snapshot.list_records() if stored.record.updated[:10] >= since.isoformat()
        )
        wanted = recent if wanted is None else wanted & recent
    return wanted
