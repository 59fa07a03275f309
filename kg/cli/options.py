"""Options that several verbs share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="Folder of the graph. Default: $KG_STORE, else ./.kg-store", show_default=False),
]

EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", help="Ask this SPARQL endpoint instead of the store", show_default=False)
]
GraphOption = Annotated[
    str | None, typer.Option("--graph", help="With --endpoint: IRI of the graph to ask", show_default=False)
]


class Rows(StrEnum):
    """Ways to print rows."""

    TABLE = "table"
    CSV = "csv"
    TSV = "tsv"
    JSON = "json"
    JSONL = "jsonl"
