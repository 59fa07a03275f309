"""Lymphodepletion is told from other uses of the same drugs; ``lymphodepletion.tsv`` holds what a reader would say."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from kg.extract.lymphodepletion import find_lymphodepletion
from kg.model import Fact, Passage
from kg.vocabularies import load_vocabularies

with (Path(__file__).parent / "lymphodepletion.tsv").open(encoding="utf-8", newline="") as rows:
    CASES = list(csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))


def get_values(facts: tuple[Fact, ...]) -> list[str]:
    return [fact.value for fact in facts]


@pytest.mark.parametrize("case", CASES, ids=[case["text"] for case in CASES])
def test_reads_as_expected(case: dict[str, str]) -> None:
    """The drugs of each row are found in text order, and no others."""
    facts = find_lymphodepletion([Passage("description", "text", 0, case["text"])])
    assert get_values(facts) == case["drugs"].split()
    assert all(fact.quote.text == case["text"][fact.quote.start : fact.quote.end] for fact in facts)


def test_counts_interventions_beside_cells() -> None:
    """Fludarabine and cyclophosphamide as interventions of a cell trial are its lymphodepletion."""
    names = ["CD20 CAR-T cells", "Fludarabine", "Cyclophosphamide"]
    facts = find_lymphodepletion(
        [Passage("intervention", f"interventions.{at}.name", 0, name, name) for at, name in enumerate(names)]
    )
    assert get_values(facts) == ["fludarabine", "cyclophosphamide"]
    assert {fact.rule for fact in facts} == {"lymphodepletion.intervention"}


def test_skips_interventions_without_cells() -> None:
    """The same drugs in a trial of drugs are treatment."""
    assert (
        find_lymphodepletion(
            [Passage("intervention", "name", 0, name, name) for name in ("Fludarabine", "Cyclophosphamide")]
        )
        == ()
    )


def test_skips_eligibility() -> None:
    """Contraindications among the eligibility criteria say nothing of what is given."""
    text = "Contraindication to lymphodepletion with fludarabine before CAR-T cells"
    assert find_lymphodepletion([Passage("eligibility", "text", 0, text)]) == ()


def test_values_are_drugs() -> None:
    """Every value is a notation of the drug vocabulary."""
    drugs = load_vocabularies().scheme("drug")
    assert {drug for case in CASES for drug in case["drugs"].split()} <= drugs.keys()


@pytest.mark.parametrize("piece", ["FC. ", "Flu/Cy conditioning ", "Cy bridging ", "before ", "day -5 fludarabine "])
def test_hostile_text_comes_to_an_end(piece: str) -> None:
    """One piece over and over: a rule that backtracks without bound would never come back."""
    find_lymphodepletion([Passage("description", "text", 0, ("CAR-T cells " + piece * 100_000)[:100_000])])


def test_the_pair_listed_beside_a_named_product_makes_room_for_it() -> None:
    """A trial that lists the pair beside a product's name gives it before; what else it lists may be another arm's."""
    names = ("Axicabtagene Ciloleucel", "Fludarabine", "Cyclophosphamide", "Gemcitabine")
    found = find_lymphodepletion([Passage("intervention", f"interventions.{name}", 0, name) for name in names])
    assert {str(fact.value) for fact in found} == {"fludarabine", "cyclophosphamide"}
