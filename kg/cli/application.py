"""The application that the verbs join."""

from __future__ import annotations

from typing import Annotated

import typer

from kg.cli.printing import write

app = typer.Typer(
    name="kg",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="A clinical-trial knowledge graph for cell therapy: cited answers from registry records.",
)


def _version(is_wanted: bool) -> None:
    if is_wanted:
        from kg import __version__

        write(f"kg {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version")
    ] = False,
) -> None:
    """A clinical-trial knowledge graph for cell therapy: cited answers from registry records."""
