"""Answers worked out ahead: the whole-graph questions that an analyst opens first, asked once per snapshot.

A snapshot never changes, so neither do they. Which questions, the queries themselves say (``#+ overview: true``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from pyoxigraph import Store as Engine

from kg.errors import LimitReached
from kg.queries import Answer, StoredQuery, find_query, load_queries, run_query
from kg.store import Snapshot

MAX_BYTES = 32 * 2**20
"""Longest answer that is kept; what is longer is asked anew each time."""


class _Stored(msgspec.Struct):
    """An answer with the digest of the query's text: a query that was changed since is asked anew."""

    query: str
    rows: tuple[dict[str, Any], ...]


def list_overviews() -> list[str]:
    """Names of the questions that are asked ahead."""
    return [
        query.name
        for query in load_queries().values()
        if query.is_overview and not any(one.required for one in query.parameters.values())
    ]


def ask_overview(name: str, index: Path) -> bytes | None:
    """The answer to a stored query without parameters, as it is kept; None where it is too long."""
    query = find_query(name)
    try:
        answer = run_query(Engine.read_only(str(index)), query)
    except LimitReached:
        return None
    content = msgspec.json.encode(_Stored(_digest(query), answer.rows))
    return content if len(content) <= MAX_BYTES else None


def find_overview(snapshot: Snapshot, query: StoredQuery, given: Mapping[str, Any] | None = None) -> Answer | None:
    """The kept answer to a stored query; None where it has to be asked."""
    if not query.is_overview or any(value not in (None, "") for value in (given or {}).values()):
        return None
    if any(name not in query.parameters for name in given or {}):
        return None  # asking will tell what is wrong
    content = snapshot.read_file(f"answers/{query.name}.json")
    if content is None:
        return None
    stored = msgspec.json.decode(content, type=_Stored)
    return Answer(tuple(query.columns), stored.rows) if stored.query == _digest(query) else None


def _digest(query: StoredQuery) -> str:
    return hashlib.sha256(query.text.encode()).hexdigest()
