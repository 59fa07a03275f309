"""Doses are read as a careful reader would; the expected rows of ``doses.tsv`` come from reading."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.extract.doses import extract_doses, find_dose_escalation
from kg.model import Passage

with (Path(__file__).parent / "doses.tsv").open(encoding="utf-8", newline="") as rows:
    CASES = list(csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))


def make_passage(text: str, part: str = "description") -> Passage:
    return Passage(part, "text", 7, text)


def read_doses(cell: str) -> list[tuple[float, float, str, str]]:
    """The doses of a row: ``low[..high] unit role; …``."""
    found = []
    for dose in filter(None, cell.split("; ")):
        amount, unit, role = dose.split()
        low, _, high = amount.partition("..")
        found.append((float(low), float(high or low), unit, role))
    return found


@pytest.mark.parametrize("case", CASES, ids=[case["text"] for case in CASES])
def test_reads_as_expected(case: dict[str, str]) -> None:
    """The doses of each row are found with unit and role, and nothing else."""
    found = extract_doses([make_passage(case["text"])])
    assert [(dose.low, dose.high, dose.unit, dose.role) for dose in found] == read_doses(case["doses"])


def test_quotes_amount_and_unit() -> None:
    """The quote is the amount with its unit, at its place in the field."""
    (dose,) = extract_doses([make_passage("They get 2 x 10^6 CAR-T cells/kg once.")])
    assert (dose.quote.start, dose.quote.text) == (16, "2 x 10^6 CAR-T cells/kg")


def test_takes_the_unit_of_the_record() -> None:
    """A level without a unit takes the unit that the rest of the record uses."""
    found = extract_doses([make_passage("starting dose of 1 x 10^6."), make_passage("up to 5 x 10^6 T cells/kg")])
    assert [(dose.low, dose.unit) for dose in found] == [(1e6, "cells/kg"), (5e6, "cells/kg")]


def test_skips_eligibility() -> None:
    """Cell numbers among the eligibility criteria are not doses."""
    assert extract_doses([make_passage("2 x 10^6 T cells/kg", "eligibility")]) == ()


RISES = ["dose-escalation", "Dose escalation", "increased to the next dose", "escalating doses", "3+3"]


@pytest.mark.parametrize("words", RISES)
def test_finds_escalation(words: str) -> None:
    """Each way to say that doses rise is found and quoted."""
    fact = find_dose_escalation([make_passage(f"The trial is {words} in design.")])
    assert fact is not None
    assert (fact.value, fact.quote.text) == (True, words)


@pytest.mark.parametrize("text", ["dose de-escalation", "without dose escalation", "the sum 13+3", "a fixed dose"])
def test_finds_no_escalation(text: str) -> None:
    """Falling, fixed and denied doses are no escalation."""
    assert find_dose_escalation([make_passage(text)]) is None


@given(st.text(st.sampled_from("0123456789 .,x×^-~()/±%⁶\\ekgcellsCAR-T∼〜é"), max_size=120))
def test_never_fails(text: str) -> None:
    """Any text gives plausible doses that quote it."""
    for dose in extract_doses([Passage("description", "text", 0, text)]):
        assert 0 < dose.low <= dose.high
        assert dose.quote.text == text[dose.quote.start : dose.quote.end]


PIECES = ["1,", "1 x 10^6 ", "1×106 cells/kg, ", "(1-", "10^", "1 million ", "1x10^6 a b c d e f ", "start dose 1E6 "]


@pytest.mark.parametrize("piece", PIECES)
def test_hostile_text_comes_to_an_end(piece: str) -> None:
    """One piece over and over: a rule that backtracks without bound would never come back."""
    extract_doses([make_passage((piece * 100_000)[:100_000])])
