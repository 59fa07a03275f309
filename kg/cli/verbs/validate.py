"""``kg validate``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from kg.cli.application import app
from kg.cli.options import EndpointOption, GraphOption, StoreOption
from kg.cli.printing import open_wanted


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


@app.command(epilog="Examples:\n\n- `kg validate --fail-on never`\n\n- `kg validate NCT05574608 --format json`")
def validate(
    trials: Annotated[list[str] | None, typer.Argument(help="Only these trials")] = None,
    store: StoreOption = None,
    endpoint: EndpointOption = None,
    graph_iri: GraphOption = None,
    fail_on: Annotated[
        Severity, typer.Option("--fail-on", help="Exit with 1 when something at or above this severity is found")
    ] = Severity.VIOLATION,
    engine: Annotated[str, typer.Option(help="pyrudof (fast) or pyshacl (reference)")] = "pyrudof",
    form: Annotated[FindingFormat, typer.Option("--format", help="How to print the findings")] = FindingFormat.TEXT,
) -> None:
    """Check the graph against the SHACL shapes, and every quote against its record."""
    from kg.cards import find_trials
    from kg.findings import print_findings
    from kg.shapes import validate_snapshot

    snapshot = open_wanted(store, endpoint, graph_iri).snapshot
    snapshot.verify()
    wanted = [iri for trial in trials for iri in find_trials(snapshot, trial)] if trials else None
    findings = validate_snapshot(snapshot, engine=engine, trials=wanted)
    print_findings(snapshot, findings, str(form))
    ranks = {"violation": 3, "warning": 2, "info": 1}
    if fail_on is not Severity.NEVER and any(ranks[one.severity] >= ranks[fail_on.value] for one in findings):
        raise typer.Exit(1)
