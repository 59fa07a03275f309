"""``kg snapshots``: the graphs that builds left in the store."""

from __future__ import annotations

from typing import Annotated

import typer

from kg.cli.application import app
from kg.cli.options import Rows, StoreOption
from kg.cli.printing import note, print_rows
from kg.errors import StoreError, count

_snapshots = typer.Typer(no_args_is_help=True, help="List, check, choose, copy and remove the snapshots of a store.")
app.add_typer(
    _snapshots,
    name="snapshots",
    epilog="Examples:\n\n- `kg snapshots list`\n\n- `kg snapshots verify`\n\n- `kg snapshots use previous`\n\n"
    "- `kg snapshots copy current s3://bucket/graphs`",
)
_COLUMNS = ("snapshot", "served", "created", "records", "trials", "newest", "megabytes", "fault")
KeepOption = Annotated[int, typer.Option(help="Snapshots to keep, the served one among them", min=1)]
NameArgument = Annotated[str, typer.Argument(help="Name of a snapshot or its beginning; current, previous")]


@_snapshots.command("list", epilog="Example: `kg snapshots list --format json`")
def list_all(
    store: StoreOption = None,
    form: Annotated[Rows, typer.Option("--format", help="How to print the rows")] = Rows.TABLE,
) -> None:
    """List the snapshots, the newest first; one that cannot be opened with its reason, and then the exit code is 3."""
    from kg.snapshots import list_snapshots
    from kg.store import find_store

    entries = list_snapshots(find_store(store))
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
        for one in entries
    ]
    print_rows(_COLUMNS, rows, form)
    if faulty := [one.name for one in entries if one.fault]:
        mend = "`kg snapshots prune` removes what is damaged, and only that"
        raise StoreError(f"{count(len(faulty), 'snapshot')} cannot be opened: {', '.join(faulty)}", mend=mend)


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
    keep: KeepOption = 2,
    store: StoreOption = None,
) -> None:
    """Remove old and damaged snapshots; the served one stays, and what cannot be opened now or by this kg."""
    from kg.snapshots import list_snapshots, prune_snapshots
    from kg.store import find_store

    folder = find_store(store)
    removed = prune_snapshots(folder, keep)
    note(f"removed {count(len(removed), 'snapshot')}{': ' if removed else ''}{', '.join(removed)}")
    for one in list_snapshots(folder):
        if one.fault:
            note(f"{one.name} is left where it is, for it cannot be opened: {one.fault}")


@_snapshots.command(epilog="Example: `kg snapshots copy current s3://bucket/graphs`")
def copy(
    name: NameArgument,
    url: Annotated[str, typer.Argument(help="Where to: s3://, gs://, file:// … (what fsspec writes)")],
    store: StoreOption = None,
) -> None:
    """Copy a snapshot to a URL, after checking it; `kg snapshots fetch` brings it into another store."""
    from kg.locations import hide_secrets
    from kg.snapshots import find_snapshot
    from kg.store import find_store
    from kg.transfers import copy_snapshot

    note(f"copied to {hide_secrets(copy_snapshot(find_snapshot(find_store(store), name), url))}")


@_snapshots.command(epilog="Example: `kg snapshots fetch s3://bucket/graphs/1b1fad6e86ee8d11`")
def fetch(
    url: Annotated[str, typer.Argument(help="A snapshot's folder, or the one above where it is the only one")],
    store: StoreOption = None,
    keep: KeepOption = 2,
) -> None:
    """Fetch a snapshot from a URL, check every byte of it, and serve it."""
    from kg.store import find_store
    from kg.transfers import fetch_snapshot

    note(f"{fetch_snapshot(find_store(store), url, keep).folder.name} is served")
