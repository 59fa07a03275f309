"""The order of a stored query's rows, kept on this side too: servers collate strings each in their own way.

As SPARQL orders them (https://www.w3.org/TR/sparql11-query/#modOrderBy): what is unbound comes first, strings go by
their characters' code points.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from kg.errors import QueryError

_KEY = re.compile(r'\s*(?:\?(\w+)|DESC\(\?(\w+)(?: = "([^"]*)")?\))(?=\s|$)')


class OrderKey(msgspec.Struct, frozen=True):
    """One key of an ORDER BY: a column, or whether it has one value.

    :ivar wanted: The value it is compared with; None where the column itself is the key.
    """

    column: str
    is_descending: bool = False
    wanted: str | None = None


def read_order(body: str, columns: Collection[str], where: str = "") -> tuple[OrderKey, ...]:
    """The keys of a query's last ORDER BY that are columns of its rows; rows that only others tell apart stay as they
    come.

    :raises QueryError: a key is neither ``?column``, ``DESC(?column)`` nor ``DESC(?column = "value")``.

    >>> read_order('SELECT … ORDER BY DESC(?answer = "yes") ?trial', {"answer", "trial"})[1]
    OrderKey(column='trial', is_descending=False, wanted=None)
    """
    text = body.rpartition("ORDER BY")[2].rstrip()
    keys: list[OrderKey] = []
    at = 0
    while at < len(text):
        found = _KEY.match(text, at)
        if found is None:
            raise QueryError(
                f"orders by {text[at:].strip()[:40]!r}",
                where=where,
                mend='Order by ?column, DESC(?column) or DESC(?column = "value")',
            )
        plain, descending, wanted = found.groups()
        keys.append(OrderKey(plain or descending, plain is None, wanted))
        at = found.end()
    return tuple(key for key in keys if key.column in columns)


def sort_rows(rows: Iterable[dict[str, Any]], keys: Iterable[OrderKey]) -> list[dict[str, Any]]:
    """Rows in the order of the keys.

    >>> sort_rows([{"n": 2}, {"n": None}, {"n": 10}], [OrderKey("n", is_descending=True)])
    [{'n': 10}, {'n': 2}, {'n': None}]
    """
    found = list(rows)
    for key in reversed(tuple(keys)):  # each sort keeps the order of what it finds equal
        found.sort(key=lambda row, key=key: _rank(row[key.column], key.wanted), reverse=key.is_descending)  # type: ignore[misc]
    return found


def _rank(value: Any, wanted: str | None) -> tuple[bool, bool, Any]:
    """A value to sort by: unbound, then numbers, then text."""
    if value is None:
        return False, False, 0
    return (True, isinstance(value, str), value) if wanted is None else (True, False, value == wanted)
