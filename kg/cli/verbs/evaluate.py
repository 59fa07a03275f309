"""``kg evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kg.cli.application import app
from kg.cli.options import Rows, StoreOption
from kg.cli.printing import note, print_rows, rests_on


@app.command(
    epilog="Examples:\n\n- `kg evaluate gold/dev.csv`\n\n- `kg evaluate gold/full_dev --disagreements --format tsv`"
)
def evaluate(
    gold: Annotated[Path, typer.Argument(help="Labels: a CSV table, or a folder of NCT*.json", show_default=False)],
    store: StoreOption = None,
    form: Annotated[Rows, typer.Option("--format", help="How to print the rows")] = Rows.TABLE,
    disagreements: Annotated[
        bool, typer.Option("--disagreements", help="List where card and label differ, instead of the scores")
    ] = False,
) -> None:
    """Compare the graph with labels that people made: shares with 95 % Wilson intervals, for each field.

    Cell products only are scored. A labelled trial that the graph lacks counts as an empty answer.
    """
    from kg.evaluation.comparisons import evaluate_cards, find_cards
    from kg.evaluation.labels import read_labels
    from kg.graph import open_graph

    labels = read_labels(gold)
    graph = open_graph(store)
    cards = find_cards(graph, labels)
    result = evaluate_cards(labels, cards)
    if disagreements:
        columns: tuple[str, ...] = ("trial", "field", "label", "ours")
        rows: list[dict[str, Any]] = [{name: getattr(one, name) for name in columns} for one in result.disagreements]
    else:
        columns = ("field", "measure", "score", "low", "high", "right", "total")
        rows = [_to_row(one.field, one.measure, one.share) for one in result.list_scores()]
    print_rows(columns, rows, form)
    missing = f"; {len(labels) - len(cards):,} of them not in the graph" if len(cards) < len(labels) else ""
    note(f"{len(labels):,} labelled trials{missing}; {rests_on(graph)}")


def _to_row(field: str, measure: str, share: Any) -> dict[str, Any]:
    low, high = share.interval or (None, None)
    return {
        "field": field,
        "measure": measure,
        "score": _round(share.value),
        "low": _round(low),
        "high": _round(high),
        "right": share.right,
        "total": share.total,
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
