"""Parts of the construct are told from other uses of their names; ``constructs.tsv`` holds what a reader would say."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from kg.extract.constructs import find_binder_type, find_costimulation, find_edits, find_safety_switches
from kg.model import Fact, Passage

with (Path(__file__).parent / "constructs.tsv").open(encoding="utf-8", newline="") as rows:
    CASES = list(csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))


def find_binder_types(passages: list[Passage]) -> tuple[Fact, ...]:
    fact = find_binder_type(passages)
    return (fact,) if fact else ()


FINDERS: dict[str, Callable[[list[Passage]], tuple[Fact, ...]]] = {
    "costimulation": find_costimulation,
    "switch": find_safety_switches,
    "edit": find_edits,
    "binder": find_binder_types,
}


@pytest.mark.parametrize("case", CASES, ids=[case["text"] for case in CASES])
def test_reads_as_expected(case: dict[str, str]) -> None:
    """The parts of each row are found in text order, and no others."""
    facts = FINDERS[case["part"]]([Passage("description", "text", 0, case["text"])])
    assert [fact.value for fact in facts] == [value for value in case["values"].split(";") if value]
    assert all(fact.quote.text == case["text"][fact.quote.start : fact.quote.end] for fact in facts)


@pytest.mark.parametrize("name", FINDERS)
def test_skips_eligibility(name: str) -> None:
    """What patients must have or lack says nothing of the product."""
    text = "CAR with CD28z, EGFRt, scFv and PD-1 knockout in the cells"
    assert FINDERS[name]([Passage("description", "text", 0, text)])
    assert FINDERS[name]([Passage("eligibility", "text", 0, text)]) == ()


def test_prefers_the_exact_switch() -> None:
    """The general word is dropped where the switch is named."""
    facts = find_safety_switches([Passage("title", "text", 0, "iC9 suicide gene")])
    assert [fact.value for fact in facts] == ["iCasp9"]


@pytest.mark.parametrize("piece", ["CD28 ", "knockout CD7 ", "TCR negative T cells ", "scFv CAR ", "28BB", "EGFRt "])
@pytest.mark.parametrize("name", FINDERS)
def test_hostile_text_comes_to_an_end(name: str, piece: str) -> None:
    """One piece over and over: a rule that backtracks without bound would never come back."""
    FINDERS[name]([Passage("description", "text", 0, (piece * 50_000)[:50_000])])
