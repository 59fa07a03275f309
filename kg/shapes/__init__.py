"""SHACL validation: the shapes of ``shapes/``, two engines that read them, and what they find, by trial.

`graphs` reads the shapes and `lints` refuses bad ones; `parts` cuts a graph into whole trials; `engines` are pySHACL,
the reference, and pyrudof, the bulk engine; `lenses` and `judges` put equal cases to an engine once; `checks` are rules
of stored queries, `quotes` compares quotes with records; `focuses` names the place and folds what is one fault;
`findings` explains, `runs` runs it all; `reports`, `scores`, `pages` and `baselines` show it.
"""

from __future__ import annotations

from kg.shapes.findings import Checked, Finding, find_registry_gaps
from kg.shapes.graphs import SEVERITIES, compile_shapes, load_shapes, read_shapes
from kg.shapes.reports import summarise, to_rows, to_turtle
from kg.shapes.runs import (
    Choice,
    check_snapshot_quotes,
    validate,
    validate_graph,
    validate_snapshot,
)

__all__ = [
    "SEVERITIES",
    "Checked",
    "Choice",
    "Finding",
    "check_snapshot_quotes",
    "compile_shapes",
    "find_registry_gaps",
    "load_shapes",
    "read_shapes",
    "summarise",
    "to_rows",
    "to_turtle",
    "validate",
    "validate_graph",
    "validate_snapshot",
]
