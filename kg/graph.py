"""Library use, as easy as the command line: ``from kg import open_graph``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from pyoxigraph import DefaultGraph, NamedNode

from kg import overviews, queries
from kg.neighbourhood import EmbeddedSource, Source
from kg.store import Snapshot, open_snapshot
from kg.terms import DATASET

if TYPE_CHECKING:
    from kg import cards
    from kg.ask import Reply
    from kg.remote_snapshot import RemoteSnapshot


class Meta(msgspec.Struct, frozen=True):
    """What an answer rests on."""

    records: int
    trials: int
    newest: str
    snapshot: str


class Graph:
    """A graph that has been built, open for questions."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    @property
    def meta(self) -> Meta:
        """Number of records read, date of the newest, and the snapshot's id."""
        manifest = self.snapshot.manifest
        return Meta(manifest.records, manifest.trials, manifest.newest, manifest.snapshot)

    def query(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Rows of a stored query, as dicts by column.

        :raises QueryError: no such query, or a parameter does not fit.
        """
        return list(self.answer(name, parameters).rows)

    def answer(self, name: str, parameters: dict[str, Any] | None = None) -> queries.Answer:
        """Rows and columns of a stored query."""
        query = queries.find_query(name)
        return overviews.find_overview(self.snapshot, query, parameters) or queries.run_query(
            self.snapshot.engine, query, parameters
        )

    def ask(self, question: str) -> Reply:
        """Answer a question in words, saying how it was understood."""
        from kg.ask import answer_question

        return answer_question(self.snapshot.engine, question, self.card)

    def evaluate(
        self, text: str, *, base: str = "", default_graphs: Sequence[str] = (), named_graphs: Sequence[str] = ()
    ) -> Any:
        """Whatever a query text gives: solutions, a truth value, or triples. Never call it on a client's text in a
        process that must live on.

        :param base: IRI that relative IRIs are resolved against.
        :param default_graphs: Names of the graphs to ask as default graph; the graph itself is named by the data set.
        :raises SyntaxError: the text is no query.
        """
        return self.snapshot.engine.query(
            text,
            base_iri=base or None,
            default_graph=[DefaultGraph() if name == DATASET else NamedNode(name) for name in default_graphs] or None,
            named_graphs=[NamedNode(name) for name in named_graphs] if default_graphs or named_graphs else None,
        )

    @property
    def source(self) -> Source:
        """What describes many nodes at once."""
        return EmbeddedSource(self.snapshot.engine)

    def card(self, trial: str) -> cards.Card:
        """The card of one trial, by any id of it.

        :raises UsageError: no trial has the id.
        """
        from kg import cards

        return cards.build_card(self.snapshot, cards.find_trials(self.snapshot, trial)[0])

    def cards(self, trials: Sequence[str] = ()) -> Iterator[cards.Card]:
        """Cards of the named trials; of all when none is named."""
        from kg import cards

        found = (
            [iri for trial in trials for iri in cards.find_trials(self.snapshot, trial)]
            if trials
            else cards.list_trials(self.snapshot)
        )
        return (cards.build_card(self.snapshot, iri) for iri in dict.fromkeys(found))


class RemoteGraph(Graph):
    """A graph on a remote server."""

    def __init__(self, snapshot: RemoteSnapshot) -> None:
        super().__init__(snapshot)
        self._remote = snapshot.remote

    def evaluate(
        self, text: str, *, base: str = "", default_graphs: Sequence[str] = (), named_graphs: Sequence[str] = ()
    ) -> Any:
        """Whatever the server answers to a query text; ``base`` is the server's own."""
        return self._remote.query(text, default_graphs=default_graphs, named_graphs=named_graphs)

    @property
    def source(self) -> Source:
        """What describes many nodes at once."""
        return self._remote


def open_endpoint(url: str, graph: str | None = None, timeout: int = 60) -> Graph:
    """The graph that a SPARQL endpoint holds.

    :param graph: IRI of the graph to ask, where the server keeps several.
    :raises EndpointError: it does not answer.
    """
    from kg.remote import RemoteEngine
    from kg.remote_snapshot import RemoteSnapshot

    return RemoteGraph(RemoteSnapshot(RemoteEngine(url, graph, timeout)))


def open_graph(store: str | Path | None = None) -> Graph:
    """Open a graph that ``kg build`` made: the folder given, else ``$KG_STORE``, else ``./.kg-store``.

    :raises StoreError: there is none.
    """
    return Graph(open_snapshot(store))
