"""Print what ``kg validate`` found."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kg.rows import shorten_iri, write_rows
from kg.shapes import Finding, to_rows, to_turtle

if TYPE_CHECKING:
    from kg.store import Snapshot

_SHOWN = 12


def print_findings(snapshot: Snapshot, findings: Sequence[Finding], form: str) -> None:
    """Write findings: text to read, or a format to pipe on."""
    if form == "ttl":
        sys.stdout.write(to_turtle(findings))
    elif form == "text":
        _print_text(snapshot, findings)
    else:
        rows = to_rows(findings)
        columns = tuple(rows[0]) if rows else tuple(Finding.__struct_fields__)
        write_rows(columns, rows, form, sys.stdout)


def _print_text(snapshot: Snapshot, findings: Sequence[Finding]) -> None:
    """Counts, then each message with the trials it stands for, the gravest first."""
    manifest = snapshot.manifest
    counts = Counter(one.severity for one in findings)
    print(
        f"{manifest.trials:,} trials, {manifest.records:,} records: "
        + ", ".join(f"{counts[name]:,} {name}" for name in ("violation", "warning", "info"))
    )
    for severity in ("violation", "warning", "info"):
        grouped: dict[str, dict[str, None]] = {}
        for one in findings:
            if one.severity == severity:
                grouped.setdefault(one.message, {})[one.registry_id or shorten_iri(one.trial or one.focus)] = None
        if grouped:
            print(f"\n{severity}")
        for message, trials in sorted(grouped.items(), key=lambda item: (-len(item[1]), item[0])):
            named = list(trials)
            more = f" … and {len(named) - _SHOWN:,} more" if len(named) > _SHOWN else ""
            print(f"  {len(named):>5,} × {message}\n          {', '.join(named[:_SHOWN])}{more}")
