"""What a product binds is told from what stands near it; ``antigens.tsv`` holds what a reader would say."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.extract.antigen_places import find_places
from kg.extract.antigens import find_mentions, list_targets
from kg.model import Passage
from kg.vocabularies import load_vocabularies

with (Path(__file__).parent / "antigens.tsv").open(encoding="utf-8", newline="") as rows:
    CASES = list(csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))
TARGETS = sorted({case["text"] for case in CASES if case["role"] == "target"})
PIECES = st.sampled_from(
    [
        "CD19",
        "/20/22",
        " CAR-T",
        "anti-",
        "CART-",
        "19-28z",
        "4SCAR20/PSMA",
        "-negative",
        "prior ",
        "IL13Rα2",
        " and ",
        ", ",
        ". ",
        "EGFRt",
        "secreting ",
        "CD3/CD28 beads",
        "\n",
        "α",
        "‑",
        "ＣＤ７",
    ]
)


def read(text: str, part: str = "title") -> list[tuple[str, str]]:
    return [(mention.antigen, mention.role) for mention in find_mentions([Passage(part, "text", 0, text)])]


@pytest.mark.parametrize("case", CASES, ids=[f"{case['text']} ({case['antigen']})" for case in CASES])
def test_reads_as_expected(case: dict[str, str]) -> None:
    """The antigen has the role that the words give it; without a role it may be named, but is no target."""
    assert load_vocabularies().find("antigen", case["antigen"])
    roles = {role for antigen, role in read(case["text"], case["part"]) if antigen == case["antigen"]}
    if case["role"]:
        assert case["role"] in roles
    assert "target" not in roles or case["role"] == "target"


def test_roles_are_controlled() -> None:
    """The expected roles are terms of the vocabulary."""
    roles = load_vocabularies().scheme("antigen-role")
    assert {case["role"] for case in CASES} - {""} <= set(roles)


@pytest.mark.parametrize("text", TARGETS)
def test_eligibility_makes_no_target(text: str) -> None:
    """The same words in the eligibility criteria describe patients, not the product."""
    assert "target" not in {role for _, role in read(text, "eligibility")}


@pytest.mark.parametrize("text", TARGETS)
def test_writing_in_capitals_changes_nothing(text: str) -> None:
    """A title all in capitals names the same targets."""
    if "CLL-1" in text or text.upper() == text:
        return
    assert {one for one in read(text) if one[1] == "target"} <= set(read(text.upper()))


@settings(deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join), st.integers(0, 50))
def test_quotes_are_the_words(text: str, start: int) -> None:
    """Any text: no crash; places are in order, quotes lie in the text, and hold the written word."""
    places = find_places(text)
    assert [place.start for place in places] == sorted(place.start for place in places)
    for mention in find_mentions([Passage("title", "text", start, text)]):
        quote = mention.quote
        assert text[quote.start - start : quote.end - start] == quote.text
        assert mention.written in quote.text


def test_lists_each_target_once() -> None:
    """The first mention of an antigen as target stands for the others, whatever part it is in."""
    mentions = find_mentions(
        [
            Passage("title", "text", 0, "CD19 CAR-T"),
            Passage("summary", "text", 20, "anti-CD19 and CD22 CAR-T"),
            Passage("arm", "text", 60, "CD7 CAR-T", "A"),
        ]
    )
    assert [(one.antigen, one.part) for one in list_targets(mentions)] == [
        ("CD19", "title"),
        ("CD22", "summary"),
        ("CD7", "arm"),
    ]
    assert [one.antigen for one in list_targets(mentions, "summary")] == ["CD19", "CD22"]
    assert [one.antigen for one in list_targets(mentions, "arm", ref="B")] == []


@pytest.mark.parametrize(
    "piece",
    ["CD19 CAR-T ", "CD19/20/22 ", "anti-CD19, ", "4SCAR20/22/", "prior CD19 ", "express ", "19-28z ", "CD3/CD28 "],
)
def test_hostile_text_comes_to_an_end(piece: str) -> None:
    """One piece over and over: a rule that backtracks without bound would never come back."""
    find_mentions([Passage("description", "text", 0, (piece * 50_000)[:50_000])])
