"""``kg show``."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from kg.cli.application import app
from kg.cli.options import EndpointOption, GraphOption, StoreOption
from kg.cli.printing import open_wanted, to_json, write
from kg.errors import UsageError


class CardFormat(StrEnum):
    """Ways to print a card."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    TTL = "ttl"


@app.command(epilog="Examples:\n\n- `kg show NCT05574608`\n\n- `kg show --all --format jsonl`")
def show(
    trials: Annotated[
        list[str] | None, typer.Argument(help="Registry ids, other ids, or names of record files")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All trials")] = False,
    store: StoreOption = None,
    endpoint: EndpointOption = None,
    graph_iri: GraphOption = None,
    form: Annotated[CardFormat, typer.Option("--format", help="How to print the card")] = CardFormat.TEXT,
    is_schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of cards instead")] = False,
) -> None:
    """Print trial cards: every fact, and the words of the record behind it."""
    if is_schema:
        from kg.cards.schemas import make_schema

        write(to_json(make_schema(), indent=2) + "\n")
        return
    if not trials and not every:
        raise UsageError("no trial is named", mend="Give an id such as NCT05574608, or --all")
    graph = open_wanted(store, endpoint, graph_iri)
    if form is CardFormat.TTL:
        from kg.cards import find_trials, list_trials
        from kg.export.rdf_formats import write_rdf, write_turtle
        from kg.neighbourhood import collect_neighbourhood

        snapshot = graph.snapshot
        for iri in [one for trial in trials or [] for one in find_trials(snapshot, trial)] or list_trials(snapshot):
            if endpoint:  # a server has no quads, so nobody knows what each record said
                write_turtle(collect_neighbourhood(graph.source, iri), sys.stdout.buffer)
            else:
                write_rdf(snapshot, "ttl", sys.stdout.buffer, trial=iri)
        return
    cards = graph.cards(trials or ())
    if form is CardFormat.JSONL:
        for card in cards:
            write(to_json(card) + "\n")
    elif form is CardFormat.JSON:
        found = list(cards)
        write(to_json(found[0] if len(found) == 1 and not every else found, indent=2) + "\n")
    else:
        from kg.card_text import render_card
        from kg.rows import measure_width

        width = measure_width(unseen=120)
        for card in cards:
            title, *lines = render_card(card, width)
            typer.secho(title, bold=True)
            write("\n".join([*lines, "\n"]))
