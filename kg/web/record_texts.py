"""The texts of the records as a graph of their own, as ``kg load`` puts it beside the triples on a server.

So ``kg show --endpoint`` and its like can ask ``kg serve`` as any loaded server. The graph is not stored but made for
each query, and it is no larger than the query asks: the manifest and the heads of all records, or, where the query
names trials by their full IRIs, the records of these with their texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from pyoxigraph import Quad, Triple
from pyoxigraph import Store as Engine

from kg.errors import UsageError
from kg.graph import Graph
from kg.loading import describe_manifest, describe_record
from kg.remote_snapshot import RemoteSnapshot
from kg.store import Snapshot
from kg.terms import DATASET, ID, mint_load_graph

RECORD_GRAPHS = frozenset({mint_load_graph(None), mint_load_graph(DATASET)})
"""Names of the graph of texts beside the default graph, which has a name of its own as a data set."""
MOST = 100
"""Trials whose texts one query may ask for."""
_TRIAL = re.compile(rf"<{re.escape(ID)}trial/[^<>\"{{}}|^`\\\x00-\x20]*>")


def is_for_texts(default_graphs: Sequence[str], named_graphs: Sequence[str]) -> bool:
    """Whether a request asks the graph of texts, and only that."""
    return bool(default_graphs) and not named_graphs and RECORD_GRAPHS.issuperset(default_graphs)


def ask_texts(graph: Graph, text: str, base: str) -> Any:
    """Whatever a query gives over the graph of texts.

    :raises UsageError: the query names more than `MOST` trials.
    """
    if isinstance(graph.snapshot, RemoteSnapshot):
        return graph.snapshot.texts.query(text)
    trials = list(dict.fromkeys(_TRIAL.findall(text)))
    if len(trials) > MOST:
        raise UsageError(f"the texts of {len(trials)} trials at once", mend=f"Ask for {MOST} or fewer")
    if trials:
        engine = _fill(one for trial in trials for one in _describe_records(graph.snapshot, trial))
    else:
        engine = _describe_heads(graph.snapshot)
    return engine.query(text, base_iri=base)


@lru_cache(maxsize=1)
def _describe_heads(snapshot: Snapshot) -> Engine:
    heads = (triple for stored in snapshot.list_records() for triple in describe_record(stored))
    return _fill((*heads, describe_manifest(snapshot.manifest)))


def _describe_records(snapshot: Snapshot, trial: str) -> Iterator[Triple]:
    for stored in snapshot.read_records(trial):
        yield from describe_record(stored)


def _fill(triples: Iterator[Triple] | Sequence[Triple]) -> Engine:
    engine = Engine()
    engine.extend(Quad(*triple) for triple in triples)
    return engine
