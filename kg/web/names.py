"""Find what a name in an address means."""

from __future__ import annotations

from functools import lru_cache

from rapidfuzz.process import extract

from kg.cards import Card
from kg.errors import UsageError
from kg.graph import Graph
from kg.rows import shorten_iri
from kg.terms import ID

_TRIALS = f"{ID}trial/"


class UnknownNameError(UsageError):
    """Nothing in the graph has the name. ``near`` are names (IRIs) that may be meant."""

    status = 404

    def __init__(self, what: str, near: tuple[str, ...] = ()) -> None:
        self.near = near
        named = ", ".join(shorten_iri(iri) for iri in near)
        super().__init__(what, mend=f"Near are {named}" if near else "GET /api/queries/trials lists the trials")


def read_card(graph: Graph, trial: str) -> Card:
    """The card of a trial, by any id of it.

    :raises UnknownNameError: no trial has the id.
    """
    try:
        return graph.card(trial)
    except UsageError:
        key = trial.removeprefix(_TRIALS)
        near = tuple(_TRIALS + found for found, _, _ in extract(key, _list_keys(graph), limit=5, score_cutoff=75))
        raise UnknownNameError(f"no trial here has the id {key[:80]}", near) from None


@lru_cache(maxsize=1)
def _list_keys(graph: Graph) -> list[str]:
    """Last parts of the names of all trials."""
    return sorted({stored.trial[1:-1].removeprefix(_TRIALS) for stored in graph.snapshot.list_records()})
