"""Modality and cell source are read from what speaks of the product; ``cells.tsv`` holds what a reader would say."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from kg.extract.cell_sources import SEARCHED, find_off_the_shelf, find_sources
from kg.extract.cells import (
    choose_modality,
    find_modalities,
    find_receptor_modality,
    infer_cell_type,
    is_supportive,
)
from kg.extract.implied_sources import find_collection
from kg.lexicon import open_lexicon
from kg.model import Passage
from kg.vocabularies import load_vocabularies

with (Path(__file__).parent / "cells.tsv").open(encoding="utf-8", newline="") as rows:
    CASES = list(csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))


def list_cases(what: str) -> list[tuple[str, str]]:
    return [(case["text"], case["values"]) for case in CASES if case["what"] == what]


def make_passage(text: str, part: str = "summary") -> Passage:
    return Passage(part, "text", 0, text)


@pytest.mark.parametrize(("text", "expected"), list_cases("modality"))
def test_reads_the_modality(text: str, expected: str) -> None:
    """The kind of cells that a trial gives, and none where it follows or treats another trial's cells."""
    passages = [make_passage(text, "title")]
    found = choose_modality(find_modalities(passages)) or find_receptor_modality(passages)
    assert (found.value if found else "") == expected


@pytest.mark.parametrize(("text", "expected"), list_cases("source"))
def test_reads_the_source(text: str, expected: str) -> None:
    """Whose cells they are, with the wider value and the basis; the quote holds the words."""
    facts = find_sources([make_passage(text)])
    assert {f"{fact.value} {fact.basis}" for fact in facts} == {value for value in expected.split(";") if value}
    assert all(
        fact.written in fact.quote.text and text[fact.quote.start : fact.quote.end] == fact.quote.text for fact in facts
    )


@pytest.mark.parametrize(("text", "expected"), list_cases("collection"))
def test_reads_collection_from_participants(text: str, expected: str) -> None:
    """Who is collected from tells whose cells they are; donors and stem cells do not count."""
    facts = find_collection([make_passage(text, "eligibility")])
    assert ";".join(str(fact.value) for fact in facts) == expected


@pytest.mark.parametrize(("text", "expected"), list_cases("shelf"))
def test_reads_whether_the_product_is_made_ahead(text: str, expected: str) -> None:
    """Only words that say so count."""
    fact = find_off_the_shelf([make_passage(text)])
    assert (fact is not None) is bool(expected)


@pytest.mark.parametrize(("text", "expected"), list_cases("supportive"))
def test_tells_cells_that_were_given_elsewhere(text: str, expected: str) -> None:
    """Cells of the past, or whose harm is treated, are not the trial's."""
    match = open_lexicon("modality").find(text)[0]
    assert is_supportive(text, match.start, match.end) is bool(expected)


@pytest.mark.parametrize("text", [text for text, _ in list_cases("source")])
def test_eligibility_tells_no_source(text: str) -> None:
    """What patients must have, or have had, says nothing of the product."""
    for part in ("eligibility", "outcome"):
        assert part not in SEARCHED
        assert find_sources([make_passage(text, part)]) == ()


def test_a_statement_wins_over_an_implication() -> None:
    """Where the record states the source, what other words imply is not added."""
    facts = find_sources([make_passage("Off-the-shelf CAR-T. "), make_passage("These are autologous CAR-T cells.")])
    assert [(fact.value, fact.basis) for fact in facts] == [("autologous", "stated")]


def test_each_value_comes_once_with_its_wider_value() -> None:
    """Details stand before what they mean, and nothing is told twice."""
    facts = find_sources([make_passage("Donor-derived CAR-T"), make_passage("allogeneic CAR-T, donor-derived CAR-T")])
    assert [fact.value for fact in facts] == ["donor", "allogeneic"]


def test_every_modality_of_living_cells_has_a_cell_type() -> None:
    """The kind of cell follows from the modality's name, through the vocabulary."""
    for notation, term in load_vocabularies().scheme("modality").items():
        if "impliedCellType" in term.extra and term.examples:
            found = choose_modality(find_modalities([make_passage(term.examples[0])]))
            assert found is not None, notation
            cells = infer_cell_type(found)
            assert cells is not None
            assert load_vocabularies().find("cell-type", str(cells.value))


@pytest.mark.parametrize(
    "piece", ["autologous ", "donor ", "from the patient ", "universal CAR ", "T cells are ", "after ", "in vivo "]
)
def test_hostile_text_comes_to_an_end(piece: str) -> None:
    """One piece over and over: a rule that backtracks without bound would never come back."""
    passages = [make_passage((piece * 50_000)[:50_000])]
    find_sources(passages)
    find_modalities(passages)
    find_receptor_modality(passages)
