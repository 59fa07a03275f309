"""``kg diff``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kg.cli.application import app
from kg.cli.options import StoreOption
from kg.cli.printing import note, to_json, write
from kg.controls import show_controls
from kg.errors import count

if TYPE_CHECKING:
    from kg.diffs import TrialDiff


class DiffFormat(StrEnum):
    """Ways to print differences."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"


@app.command(epilog="Examples:\n\n- `kg diff`\n\n- `kg diff previous current --trial NCT05574608 --format json`")
def diff(
    old: Annotated[str, typer.Argument(help="Snapshot before: a name or its beginning")] = "previous",
    new: Annotated[str, typer.Argument(help="Snapshot after")] = "current",
    trial: Annotated[list[str] | None, typer.Option(help="Only this trial; may be given several times")] = None,
    store: StoreOption = None,
    form: Annotated[DiffFormat, typer.Option("--format", help="How to print the differences")] = DiffFormat.TEXT,
) -> None:
    """Tell what changed between two snapshots, trial by trial, with the records' words before and after."""
    from kg.diffs import diff_snapshots
    from kg.snapshots import find_snapshot
    from kg.store import find_store

    folder = find_store(store)
    before, after = find_snapshot(folder, old), find_snapshot(folder, new)
    if before.manifest.created > after.manifest.created:
        note(f"{before.folder.name} was built after {after.folder.name}: the changes run backwards in time")
    kinds = {"changed": 0, "added": 0, "removed": 0, "uncompared": 0}
    listed = []
    for one in diff_snapshots(before, after, trial or ()):
        kinds[one.kind] += 1
        if form is DiffFormat.JSON:
            listed.append(one)
        elif form is DiffFormat.JSONL:
            write(to_json(one) + "\n")
        elif one.kind != "uncompared":
            write(show_controls(_write_text(one)))
    if form is DiffFormat.JSON:
        write(to_json(listed, indent=2) + "\n")
    rest = kinds.pop("uncompared")
    if rest and form is DiffFormat.TEXT:
        more = "more " if any(kinds.values()) else ""
        trials, whose = ("trial", "its") if rest == 1 else ("trials", "their")
        write(f"{rest:,} {more}{trials} changed only in {whose} date of update or in text that is not compared\n")
    told = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number) or "no trial differs"
    note(f"{before.folder.name} → {after.folder.name}: {told} (of {count(after.manifest.trials, 'trial')})")


_SHOWN = 8
"""Differences of one sort that are shown for a trial."""


def _write_text(one: TrialDiff) -> str:
    head = f"{one.registry_id or one.trial.rpartition('/')[2]}  {one.title or ''}".rstrip()
    lines = [head if one.kind == "changed" else f"{head}  [{one.kind}]"]
    seen: dict[tuple[str, str], int] = {}
    for change in one.changes:
        group = change.about, change.kind
        seen[group] = seen.get(group, 0) + 1
        if seen[group] > _SHOWN:
            continue
        lines.append(f"  {change.words}")
        lines.extend(
            f"    {when} “{' '.join(quote.split())}”"
            for when, quote in (("was", change.old_quote), ("now", change.new_quote))
            if quote
        )
    lines.extend(
        f"  … and {number - _SHOWN:,} more {about.replace('_', ' ').replace('.', ' ')} {kind} (all with --format json)"
        for (about, kind), number in seen.items()
        if number > _SHOWN
    )
    return "\n".join(lines) + "\n\n"
