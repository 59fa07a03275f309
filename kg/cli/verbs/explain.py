"""``kg explain``."""

from __future__ import annotations

from typing import Annotated

import typer

from kg.cli.application import app
from kg.cli.options import Rows, StoreOption
from kg.cli.printing import note, print_rows, rests_on


@app.command(
    epilog="Examples:\n\n- `kg explain NCT05574608 interventions.0.targets`\n\n- `kg explain NCT05574608 criteria.2`"
)
def explain(
    trial: Annotated[str, typer.Argument(help="Registry id, other id, or name of the record's file")],
    path: Annotated[str, typer.Argument(help="Path in the card, as `kg show --format json` prints it")],
    store: StoreOption = None,
    form: Annotated[Rows, typer.Option("--format", help="How to print the rows")] = Rows.TABLE,
) -> None:
    """Tell why a value stands on a card: the rule, its words, and for targets which mentions were passed over."""
    from kg.explanations import Reason, explain_path
    from kg.graph import open_graph

    graph = open_graph(store)
    reasons = explain_path(graph, trial, path)
    columns = Reason.__struct_fields__
    print_rows(columns, [{name: getattr(one, name) for name in columns} for one in reasons], form)
    note(("" if reasons else f"the records do not state {path}; ") + rests_on(graph))
