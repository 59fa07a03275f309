"""``kg ask``."""

from __future__ import annotations

from typing import Annotated

import typer

from kg.cli.application import app
from kg.cli.options import EndpointOption, GraphOption, Rows, StoreOption
from kg.cli.printing import note, open_wanted, print_rows, tell_answer
from kg.errors import UsageError


@app.command(
    epilog='Examples:\n\n- `kg ask "which CD123 trials use allogeneic cells?"`\n\n'
    '- `kg ask "recruiting phase 1 CAR-NK studies in China"`'
)
def ask(
    question: Annotated[list[str], typer.Argument(help="A question in words")],
    store: StoreOption = None,
    endpoint: EndpointOption = None,
    graph_iri: GraphOption = None,
    form: Annotated[Rows, typer.Option("--format", help="How to print the rows")] = Rows.TABLE,
) -> None:
    """Answer a question in words with the stored query that fits it, and say how it was understood."""
    from kg.cli.watches import watch_engine

    graph = open_wanted(store, endpoint, graph_iri)
    with watch_engine(None if endpoint else graph.snapshot):
        reply = graph.ask(" ".join(question))
    note(f"understood: {reply.understood}")
    if reply.answer is None:
        raise UsageError("the question cannot be answered", mend=reply.hint)
    from kg.queries import find_query, list_answers

    print_rows(reply.answer.columns, list(reply.answer.rows), form, types=find_query(reply.query).columns)
    answers = list_answers(find_query(reply.query), reply.parameters, reply.answer.rows)
    note(tell_answer(answers, len(reply.answer.rows), graph))
