"""``kg load``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kg.cli.application import app
from kg.cli.options import GraphOption, StoreOption
from kg.cli.printing import note
from kg.errors import count


@app.command(
    epilog="Examples:\n\n- `kg load --endpoint http://127.0.0.1:7878/query`\n\n"
    "- `kg load --endpoint http://127.0.0.1:8890/sparql --graph urn:trials`, with KG_ENDPOINT_USER, "
    "KG_ENDPOINT_PASSWORD and KG_ENDPOINT_AUTH=digest set"
)
def load(
    endpoint: Annotated[str, typer.Option("--endpoint", help="Where the server answers queries")],
    store: StoreOption = None,
    graph_iri: GraphOption = None,
    graph_store: Annotated[
        str, typer.Option("--graph-store", help="Where it takes graphs (SPARQL 1.1 Graph Store Protocol)")
    ] = "",
    update: Annotated[str, typer.Option("--update", help="Where it takes updates, for a server without such")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Remove what the graph holds first")] = False,
) -> None:
    """Fill a remote SPARQL server with the graph and the texts of its records.

    A load that was broken off goes on where it was when the same command is given again.
    """
    from kg.graph import open_graph
    from kg.loading import find_target, load_snapshot

    def show(number: int, _: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{number:,} portions", end="", file=sys.stderr)

    snapshot = open_graph(store).snapshot
    target = find_target(endpoint, graph_iri, graph_store, update)
    report = load_snapshot(snapshot, target, is_new=replace, progress=show)
    note(
        f"{count(report.triples, 'statement')} and {count(report.records, 'record')} are on {endpoint}"
        + (" (already there)" if report.was_there else "")
        + (" (gone on with)" if report.was_resumed else "")
    )
