"""``kg query``."""

from __future__ import annotations

from typing import Annotated

import typer

from kg.cli.application import app
from kg.cli.options import EndpointOption, GraphOption, Rows, StoreOption
from kg.cli.printing import note, open_wanted, print_rows, tell_answer
from kg.errors import UsageError, cut

ParamOption = Annotated[
    list[str] | None, typer.Option("--param", "-p", help="A parameter as name=value; may be given several times")
]


@app.command(
    epilog="Examples:\n\n- `kg query --list`\n\n"
    "- `kg query trials_by_target_and_source --param target=CD123 --param cell_source=allogeneic`"
)
def query(
    name: Annotated[str | None, typer.Argument(help="Name of a stored query")] = None,
    param: ParamOption = None,
    store: StoreOption = None,
    form: Annotated[Rows, typer.Option("--format", help="How to print the rows")] = Rows.TABLE,
    listing: Annotated[bool, typer.Option("--list", help="List the stored queries with their questions")] = False,
    meta: Annotated[bool, typer.Option("--meta", help="With JSON: rows in an object beside what they rest on")] = False,
    endpoint: EndpointOption = None,
    graph_iri: GraphOption = None,
) -> None:
    """Answer a stored query."""
    from kg.cli.watches import watch_engine
    from kg.queries import find_query, list_answers, load_queries

    if listing or name is None:
        rows = [
            {"query": one.name, "question": one.question, "parameters": ", ".join(one.parameters)}
            for one in load_queries().values()
        ]
        print_rows(("query", "question", "parameters"), rows, form)
        return
    stored = find_query(name)
    given = _read_parameters(param or [])
    graph = open_wanted(store, endpoint, graph_iri)
    with watch_engine(None if endpoint else graph.snapshot):
        answer = graph.answer(stored.name, given)
    print_rows(answer.columns, list(answer.rows), form, graph if meta else None, stored.columns)
    note(tell_answer(list_answers(stored, given, answer.rows), len(answer.rows), graph))


def _read_parameters(pairs: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"{cut(pair)} is no parameter", mend="Write --param name=value")
        if name in found:
            raise UsageError(f"the parameter {cut(name)} is given twice", mend="Ask twice, or leave it out")
        found[name] = value
    return found
