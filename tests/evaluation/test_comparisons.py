"""Cards against labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from kg.errors import SourceError
from kg.evaluation.comparisons import evaluate_cards
from kg.evaluation.labels import Label, read_labels
from kg.evaluation.readings import list_thresholds


def make_card(**product: Any) -> dict[str, Any]:
    """A card with one product and nothing else."""
    blank: dict[str, Any] = {
        "modality": "CAR-T", "targets": [], "cell_source": None, "basis": None, "logic": None,
        "binder": None, "doses": [], "lymphodepletion": [],
    }  # fmt: skip
    return {
        "interventions": [{**blank, **product}],
        "endpoints": [],
        "criteria": [],
        "min_age_years": None,
        "max_age_years": None,
    }


def score(label: Label, card: dict[str, Any] | None) -> dict[tuple[str, str], tuple[int, int]]:
    """Right and total by field and measure."""
    result = evaluate_cards([label], {} if card is None else {label.trial: card})
    return {(one.field, one.measure): (one.share.right, one.share.total) for one in result.list_scores()}


LABEL = Label("NCT90000001", frozenset({"CD19", "CD22"}), frozenset({"CAR-T"}), cell_source="autologous")


def test_targets_are_counted_as_a_set_and_one_by_one() -> None:
    """One of two targets found: the set is wrong, precision is whole, recall is half."""
    found = score(LABEL, make_card(targets=["CD19"]))
    assert found["targets", "exact"] == (0, 1)
    assert (found["targets", "precision"], found["targets", "recall"]) == ((1, 1), (1, 2))


def test_a_missing_card_is_an_empty_answer() -> None:
    """It misses everything and is counted."""
    found = score(LABEL, None)
    assert (found["targets", "exact"], found["targets", "recall"]) == ((0, 1), (0, 2))
    assert found["cell source", "recall"] == (0, 1)


def test_a_missing_card_says_nothing_of_what_is_not_stated() -> None:
    """Silence is right only of a record that was read: without a card the field is not counted."""
    label = msgspec.structs.replace(LABEL, cell_source="NOT_STATED")
    field = "cell source where none is stated", "exact"
    assert field not in score(label, None)
    assert score(label, make_card())[field] == (1, 1)


def test_antibodies_are_not_scored() -> None:
    """What an antibody in the trial binds is no target of its cells."""
    found = score(LABEL, make_card(modality="antibody", targets=["CD19", "CD22"]))
    assert found["targets", "recall"] == (0, 2)


def test_an_inferred_source_is_scored_apart() -> None:
    """An answer from the product's name does not count where the record should tell."""
    card = make_card(cell_source="autologous", basis="inferred")
    assert score(LABEL, card)["cell source", "recall"] == (0, 1)
    by_product = msgspec.structs.replace(LABEL, cell_source=None, source_by_product="autologous")
    assert score(by_product, card)["cell source by product", "precision"] == (1, 1)


def test_an_invented_source_is_an_error() -> None:
    """Where the reader found none, any stated or implied source is wrong."""
    label = msgspec.structs.replace(LABEL, cell_source="NOT_STATED")
    field = "cell source where none is stated", "exact"
    assert score(label, make_card(cell_source="autologous", basis="implied"))[field] == (0, 1)
    assert score(label, make_card(cell_source="autologous", basis="inferred"))[field] == (1, 1)


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ({"list": "inclusion", "op": "<=", "value": 2, "unit": "mg/dL"}, [(2.0, "mg/dL")]),
        ({"list": "exclusion", "op": ">", "value": 2, "unit": "mg/dL"}, [(2.0, "mg/dL")]),
        ({"list": "exclusion", "op": "<=", "value": 2, "unit": "mg/dL"}, []),
        ({"list": "inclusion", "op": ">=", "value": 2, "unit": "mg/dL"}, []),
    ],
)
def test_an_exclusion_counts_as_the_inclusion_it_means(
    criterion: dict[str, Any], expected: list[tuple[float, str]]
) -> None:
    """ "Excluded: creatinine > 2" bounds creatinine from above; "excluded: creatinine ≤ 2" does not."""
    card = {"criteria": [{"measure": "creatinine", **criterion}]}
    assert list(list_thresholds(card, "creatinine_max")) == expected


def test_rows_without_a_record_are_left_out(tmp_path: Path) -> None:
    """A label whose record nobody has says nothing of the reader."""
    table = tmp_path / "gold.csv"
    table.write_text(
        "nct_id,targets,modality,cell_source,cell_source_by_product,has_record\n"
        "NCT90000001,CD123;BCMA,CAR-T,autologous;allogeneic donor,,1\nNCT90000002,CD19,CAR-T,,,0\n",
        encoding="utf-8",
    )
    (label,) = read_labels(table)
    assert (label.targets, label.cell_source) == (frozenset({"IL3RA", "TNFRSF17"}), "both")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n"])
def test_a_table_of_another_kind_is_one_clear_line(tmp_path: Path, text: str) -> None:
    """No traceback for a file that holds no labels."""
    table = tmp_path / "other.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match="label"):
        read_labels(table)
