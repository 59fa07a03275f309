"""Rules that SHACL Core cannot say: stored queries ``queries/check_*.rq`` that must return no rows.

Each is one set-based query over the whole graph; the same as ``sh:sparql`` for every focus node took 300 times as long.
The header says what a shape would: severity, message, mend, why, item, path.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from kg.errors import QueryError
from kg.queries import SelectEngine, find_query, run_query
from kg.resources import list_files
from kg.shapes.judges import Found
from kg.terms import iri, literal

_COLUMNS = {"trial", "focus"}


class Check(msgspec.Struct, frozen=True):
    """What the findings of a stored check take from its header.

    :ivar path: SPARQL property path of the value at fault.
    """

    name: str
    severity: str
    item: str
    path: str
    message: str
    mend: str
    why: str
    field: str = ""
    who_item: int | None = None


@cache
def load_checks() -> Mapping[str, Check]:
    """All checks by name.

    :raises QueryError: a header lacks what a finding needs.
    """
    return {path.stem: read_check(path) for path in list_files("queries", ".rq") if path.stem.startswith("check_")}


def read_check(path: Path) -> Check:
    """The ``check`` part of a query's header.

    :raises QueryError: it lacks a key, or the query lacks the columns ``trial`` and ``focus``.
    """
    import yaml

    header: dict[str, Any] = yaml.safe_load(
        "\n".join(line[3:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#+ "))
    )
    try:
        check = msgspec.convert({"name": path.stem, **header["check"]}, Check)
    except (KeyError, msgspec.ValidationError) as error:
        raise QueryError(f"the header's part `check` is not complete ({error})", where=path.name) from None
    if not set(header["columns"]) >= _COLUMNS or not header.get("must_be_empty"):
        raise QueryError(
            "a check has the columns trial and focus, and `must_be_empty: true`", where=path.name, mend="Add them"
        )
    return check


def run_checks(
    engine: SelectEngine, names: Collection[str] | None = None, trials: Collection[str] | None = None
) -> dict[str, list[Found]]:
    """What the checks find, by trial (IRI without brackets).

    :param names: Only these checks; None for all.
    :param trials: Only in these trials; None for all.
    """
    found: dict[str, list[Found]] = defaultdict(list)
    for name in load_checks():
        if names is None or name in names:
            for row in run_query(engine, find_query(name)).rows:
                if trials is None or row["trial"] in trials:
                    value = row.get("value")
                    found[row["trial"]].append(
                        Found(
                            iri(row["focus"]),
                            name,
                            "Check",
                            None if value is None else literal(str(value)),
                        )
                    )
    return found
