"""``kg snapshots``: the graphs that builds left in the store."""

from __future__ import annotations

from typing import Annotated

import typer

from kg.cli.application import app
from kg.cli.options import Rows, StoreOption
from kg.cli.printing import note, print_rows
from kg.errors import count

_snapshots = typer.Typer(no_args_is_help=True, help="List, check, choose and remove the snapshots of a store.")
app.add_typer(
    _snapshots,
    name="snapshots",
    epilog="Examples:\n\n- `kg snapshots list`\n\n- `kg snapshots verify`\n\n- `kg snapshots use previous`",
)
_COLUMNS = ("snapshot", "served", "created", "records", "trials", "newest", "megabytes", "fault")
NameArgument = Annotated[str, typer.Argument(help="Name of a snapshot or its beginning; current, previous")]


@_snapshots.command("list", epilog="Example: `kg snapshots list --format json`")
def list_all(
    store: StoreOption = None,
    form: Annotated[Rows, typer.Option("--format", help="How to print the rows")] = Rows.TABLE,
) -> None:
    """List the snapshots, the newest first."""
    from kg.snapshots import list_snapshots
    from kg.store import find_store

    rows = [
        {
            "snapshot": one.name,
            "served": one.is_served,
            "created": one.created.partition(".")[0],
            "records": one.records,
            "trials": one.trials,
            "newest": one.newest,
            "megabytes": round(one.size / 1e6, 1),
            "fault": one.fault or None,
        }
        for one in list_snapshots(find_store(store))
    ]
    print_rows(_COLUMNS, rows, form)


@_snapshots.command(epilog="Example: `kg snapshots verify previous`")
def verify(name: NameArgument = "current", store: StoreOption = None) -> None:
    """Compare every file of a snapshot with its manifest, byte for byte."""
    from kg.snapshots import find_snapshot
    from kg.store import find_store, open_snapshot

    folder = find_store(store)
    snapshot = open_snapshot(folder) if name == "current" else find_snapshot(folder, name)
    snapshot.verify()
    note(f"{snapshot.folder.name}: {count(len(snapshot.manifest.files), 'file')} as they were built")


@_snapshots.command(epilog="Example: `kg snapshots use previous`")
def use(name: NameArgument, store: StoreOption = None) -> None:
    """Serve another snapshot, after checking it."""
    from kg.snapshots import use_snapshot
    from kg.store import find_store

    note(f"{use_snapshot(find_store(store), name).folder.name} is served")


@_snapshots.command(epilog="Example: `kg snapshots prune --keep 1`")
def prune(
    keep: Annotated[int, typer.Option(help="Snapshots to keep, the served one among them", min=1)] = 2,
    store: StoreOption = None,
) -> None:
    """Remove old and damaged snapshots; the served one stays."""
    from kg.snapshots import prune_snapshots
    from kg.store import find_store

    removed = prune_snapshots(find_store(store), keep)
    note(f"removed {count(len(removed), 'snapshot')}{': ' if removed else ''}{', '.join(removed)}")
