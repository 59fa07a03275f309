"""trialkg: a clinical-trial knowledge graph for cell therapy, with the words of the record behind every answer.

>>> import kg
>>> callable(kg.open_graph)
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kg.errors import KgError
    from kg.graph import Graph, open_graph

__all__ = ["Graph", "KgError", "open_graph"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import on first use: `import kg` stays instant."""
    if name in ("Graph", "open_graph"):
        from kg import graph

        return getattr(graph, name)
    if name == "KgError":
        from kg.errors import KgError

        return KgError
    raise AttributeError(f"module 'kg' has no attribute {name!r}")
