"""Overview answers are worked out once per snapshot, and are those that asking would give."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from kg.errors import QueryError
from kg.graph import open_graph
from kg.overviews import find_overview, list_overviews
from kg.pipeline import build
from kg.queries import find_query, run_query
from kg.store import Snapshot, open_snapshot
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    store = tmp_path_factory.mktemp("overviews") / "store"
    build([str(ROOT / "tests" / "fixtures" / "records"), str(ROOT / "data" / "trials")], store, workers=1)
    return open_snapshot(store)


@pytest.mark.parametrize("name", list_overviews())
def test_kept_answers_are_those_of_asking(snapshot: Snapshot, name: str) -> None:
    """Same columns, same rows, same types, in the same order."""
    query = find_query(name)
    kept, asked = find_overview(snapshot, query), run_query(snapshot.engine, query)
    assert kept == asked
    assert kept
    assert [list(map(type, row.values())) for row in kept.rows] == [list(map(type, row.values())) for row in asked.rows]
    assert open_graph(snapshot.folder.parents[1]).answer(name) == asked


def test_what_analysts_open_first_is_kept() -> None:
    """Targets by phase, by country, by year, completeness."""
    assert {
        "target_by_phase_matrix",
        "countries_by_target",
        "modalities_by_year",
        "completeness_by_item",
    } <= set(list_overviews())


def test_parameters_and_changed_queries_are_asked_anew(snapshot: Snapshot) -> None:
    """A kept answer is only for the query as it was, without parameters; a wrong parameter is still an error."""
    query = find_query("target_by_phase_matrix")
    name = next(iter(query.parameters), None)
    if name:
        assert find_overview(snapshot, query, {name: "x"}) is None
        assert find_overview(snapshot, query, {name: None}) is not None
    assert find_overview(snapshot, msgspec.structs.replace(query, text=query.text + "\n")) is None
    with pytest.raises(QueryError, match="no parameter"):
        open_graph(snapshot.folder.parents[1]).answer(query.name, {"colour": "red"})


def test_long_answers_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snapshot: Snapshot) -> None:
    """An answer beyond the cap is asked each time, and is the same."""
    from kg import overviews

    monkeypatch.setattr(overviews, "MAX_BYTES", 10)
    build([str(ROOT / "data" / "trials")], tmp_path / "s", workers=1)
    small = open_snapshot(tmp_path / "s")
    assert not list((small.folder / "answers").iterdir())
    assert open_graph(tmp_path / "s").query("target_by_phase_matrix")
