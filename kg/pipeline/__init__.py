"""The only place where the steps of a build come together.

Stream of records → batches → workers (`readings`, `pools`) → work log (`logs`) → sorted shards (`reductions`,
`shards`) → index (`indexes`) → snapshot (`builds`). A build holds in memory the list of its records, and per worker one
batch or one shard; never the graph.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kg.pipeline.builds import Report, build
    from kg.pipeline.filters import Choice, parse_choice
    from kg.pipeline.progress import Progress, State
    from kg.pipeline.readings import interpret, read_trial, reread, reread_study

__all__ = [
    "Choice",
    "Progress",
    "Report",
    "State",
    "build",
    "interpret",
    "parse_choice",
    "read_trial",
    "reread",
    "reread_study",
]
_HOMES = {
    "builds": ("Report", "build"),
    "filters": ("Choice", "parse_choice"),
    "progress": ("Progress", "State"),
    "readings": ("interpret", "read_trial", "reread", "reread_study"),
}


def __getattr__(name: str) -> Any:
    """Import on first use: a card needs `reread`, and none of what builds."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
