"""``kg serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from kg.cli.application import app
from kg.cli.options import EndpointOption, GraphOption, StoreOption
from kg.cli.printing import note


@app.command(epilog="Examples:\n\n- `kg serve`\n\n- `kg serve --port 8080 --workers 8 --timeout 20`")
def serve(
    store: StoreOption = None,
    endpoint: EndpointOption = None,
    graph_iri: GraphOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 opens it to the network")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on", min=0, max=65535)] = 7878,
    workers: Annotated[int, typer.Option(help="Processes for clients' queries", min=2, max=64)] = 4,
    timeout: Annotated[float, typer.Option(help="Seconds for a client's query", min=0.1, max=600)] = 10.0,
    memory: Annotated[int, typer.Option(help="Megabytes for a client's query", min=64, max=65536)] = 1024,
    max_rows: Annotated[int, typer.Option(help="Most rows of an answer", min=1, max=10_000_000)] = 100_000,
    base_url: Annotated[str, typer.Option(help="Address that clients know, where a proxy stands before")] = "",
) -> None:
    """Serve the graph: a SPARQL endpoint, linked data, a REST interface and pages, for reading only.

    A build's new snapshot is taken up by itself, and at once on SIGHUP; SIGTERM and Ctrl-C end the server when it has
    answered what it was asked. /health says 503 while it cannot answer."""
    from kg.web.streams import hold_streams

    hold_streams()  # first of all: what is opened next must not take their numbers

    from kg.store import find_store
    from kg.web.service import Settings
    from kg.web.serving import open_socket
    from kg.web.serving import serve as run

    settings = Settings(
        store=str(find_store(store).resolve()),
        endpoint=endpoint or "",
        graph=graph_iri or "",
        workers=workers,
        deadline=timeout,
        memory=memory << 20,
        max_rows=max_rows,
        base_url=base_url,
    )
    with open_socket(host, port) as listener:
        run(settings, listener, lambda address: note(f"serving {address} until Ctrl-C"))
