"""``docs/shapes.md``, written from the shapes, the checks and the registries; ``make docs`` runs this module."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kg.shapes.checks import load_checks
from kg.shapes.graphs import PropertyShape, read_shapes
from kg.shapes.paths import compact
from kg.shapes.registries import load_registries
from kg.shapes.scores import DEFINITION, explain_unscored, list_items, name_items
from kg.shapes.triples import KSH


def write_manual() -> str:
    """The text of ``docs/shapes.md``."""
    environment = Environment(  # noqa: S701  # Markdown for our own docs, from our own files
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    shapes = read_shapes()
    return environment.get_template("shapes.md").render(
        definition=DEFINITION,
        items=name_items(),
        deciding=list_items(),
        unscored={number: explain_unscored(number) for number in name_items()},
        registries=load_registries(),
        checks=[load_checks()[name] for name in sorted(load_checks())],
        nodes=[
            {
                "name": node.name,
                "file": node.file,
                "target": compact(node.target),
                "comment": node.comment,
                "shapes": [_show(shapes.by_name[name]) for name in node.properties],
            }
            for node in sorted(shapes.nodes, key=lambda one: one.name)
        ],
    )


def _show(shape: PropertyShape) -> dict[str, object]:
    shown: dict[str, object] = msgspec.structs.asdict(shape)
    types = sorted(one.rpartition("/")[2].lower().replace("_", " ") for one in shape.not_for)
    kind = "studies" if any("/study-type/" in one for one in shape.not_for) else "products"
    said_by = shape.said_by.removeprefix(KSH)
    return {**shown, "not_for": f"{', '.join(types)} {kind}" if types else "", "said_by": said_by}


if __name__ == "__main__":
    sys.stdout.write(write_manual())
