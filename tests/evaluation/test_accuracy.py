"""Accuracy does not fall: each score on the labels stays at or above its floor in ``floors.tsv``."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kg.evaluation.comparisons import evaluate_cards, find_cards
from kg.evaluation.labels import read_labels
from kg.graph import Graph, open_graph
from kg.pipeline import build

HERE = Path(__file__).parent
CORPORA = ("ctgov_v2", "cell_therapy_v2_partial")


class Identified(msgspec.Struct):
    """As much of a study as tells its id."""

    protocolSection: dict[str, Any]  # noqa: N815  # the registry's own key


with (HERE / "floors.tsv").open(encoding="utf-8", newline="") as stream:
    FLOORS = list(csv.DictReader(stream, delimiter="\t"))
SETS = sorted({row["labels"] for row in FLOORS})


def find_labels(shared: Path, name: str) -> Path:
    """The labels' file: ours, or those of the shared data."""
    return HERE / name if (HERE / name).exists() else shared / "gold" / name


@pytest.fixture(scope="module")
def graph(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """The graph of the labelled records of both corpora."""
    wanted = {label.trial for name in SETS for label in read_labels(find_labels(shared, name))}
    folder = tmp_path_factory.mktemp("labelled")
    chosen = []
    for name in CORPORA:
        target = folder / f"{name}.jsonl"
        with gzip.open(shared / "corpora" / f"{name}.jsonl.gz", "rb") as lines, target.open("wb") as kept:
            for line in lines:
                study = msgspec.json.decode(line, type=Identified)
                if study.protocolSection["identificationModule"]["nctId"] in wanted:
                    kept.write(line)
        chosen.append(str(target))
    build(chosen, folder / "store", workers=2)
    return open_graph(folder / "store")


@pytest.fixture(scope="module")
def shared() -> Path:
    """As in conftest, for a whole module."""
    from tests.conftest import find_shared

    folder = find_shared()
    if folder is None:
        pytest.skip("no shared data: set TRIALKG_SHARED or put them at ../shared")
    return folder


@pytest.mark.xdist_group("accuracy")
@pytest.mark.parametrize("name", SETS)
def test_scores_stay_above_their_floors(graph: Graph, shared: Path, name: str) -> None:
    """A change that reads worse fails here, with the field that fell."""
    labels = read_labels(find_labels(shared, name))
    scores = {
        (one.field, one.measure): one.share.value
        for one in evaluate_cards(labels, find_cards(graph, labels)).list_scores()
    }
    fallen = [
        (row["field"], row["measure"], scores.get((row["field"], row["measure"])), row["floor"])
        for row in FLOORS
        if row["labels"] == name and (scores.get((row["field"], row["measure"])) or 0.0) < float(row["floor"])
    ]
    assert fallen == []


@pytest.mark.xdist_group("accuracy")
def test_published_traps_are_read_right(graph: Graph, shared: Path) -> None:
    """Where tables or tools got a trial's targets wrong, ours are those that the record tells."""
    with (shared / "gold" / "traps_dev.csv").open(encoding="utf-8", newline="") as stream:
        traps = [row for row in csv.DictReader(stream) if row["field"] == "target" and "(" not in row["adjudicated"]]
    by_trial = {label.trial: label for label in read_labels(shared / "gold" / "dev.csv")}
    wanted = tuple(by_trial[row["nct_id"]] for row in traps if row["nct_id"] in by_trial)
    result = evaluate_cards(wanted, find_cards(graph, wanted))
    assert [one for one in result.disagreements if one.field == "targets"] == []
    assert len(wanted) >= 9
