"""Splitting of eligibility text into lists and items."""

from __future__ import annotations

import pytest

from kg.extract.eligibility import Item, split_items
from kg.model import Passage


def split(text: str, ref: str = "") -> tuple[Item, ...]:
    return split_items(Passage("eligibility", "text", 0, text, ref))


@pytest.mark.parametrize(
    "text",
    [
        "Inclusion Criteria:\n\n* Fever\n\nExclusion Criteria:\n\n* Cough",
        "KEY INCLUSION CRITERIA\n- Fever\nMain exclusion criteria :\n- Cough",
        "Fever\nNon-inclusion criteria:\n* Cough",
        "Inclusion\nFever\nExclusions:\n* Cough",
        "Inclusion Criteria: 1. Fever Exclusion Criteria: 1. Cough",
        "Inclusion Criteria Fever Exclusion Criteria Cough",
        "Fever\nExclusion Criteria:\nCough",
        "Inclusion Criteria (cohort A):\nFever\nExclusion Criteria (all cohorts):\nCough",
        "1. Fever\nExclusion criteria\n2. Cough",
    ],
)
def test_headings_open_lists(text: str) -> None:
    """Headings in many spellings, on their own line or inside one, tell the list."""
    assert [(item.list, item.text) for item in split(text)] == [("inclusion", "Fever"), ("exclusion", "Cough")]


@pytest.mark.parametrize(
    "text",
    [
        "Inclusion Criteria:\n* Does not fulfil the exclusion criteria\n* Fever",
        "Inclusion Criteria:\n* Note: other protocol-defined Inclusion/Exclusion Criteria may apply\n* Fever",
        "Inclusion Criteria:\n* Stable over the exclusion period of 3 weeks\n* Fever",
    ],
)
def test_mentions_of_lists_are_no_headings(text: str) -> None:
    """A sentence that speaks of the lists does not open one."""
    assert split(text)[-1].list == "inclusion"


@pytest.mark.parametrize("bullet", ["* ", "- 2\\. ", "2) ", "(3) ", "a. ", "• ", "  1.2. ", "②", "a). ", "1、"])
def test_bullets_are_left_out(bullet: str) -> None:
    """The text of an item starts after its bullet or number."""
    assert [item.text for item in split(bullet + "Fever", "inclusion")] == ["Fever"]


@pytest.mark.parametrize("line", ["2.5 mg/dL of it", "≥ 3 weeks", "A fever", "I cough", "1.5 x ULN"])
def test_numbers_are_no_bullets(line: str) -> None:
    """A value, or a word of one letter, is not taken for a bullet."""
    assert [item.text for item in split(line, "inclusion")] == [line]


def test_offsets_are_exact() -> None:
    """Offsets point into the untouched text of the passage."""
    text = "Inclusion Criteria:\r\n\r\n  1\\. Fever \\> 38\r\n     a) at night\r\n\r\nExclusion Criteria:\r\n- Cough  "
    items = split(text)
    assert [item.text for item in items] == ["Fever \\> 38", "at night", "Cough"]
    assert [text[item.start : item.end] for item in items] == [item.text for item in items]


def test_items_know_what_they_are_part_of() -> None:
    """An indented item, and one after a colon, carry the text of their parent."""
    assert [item.within for item in split("1. Relapse:\n   * Fever\n2. Cough", "inclusion")] == ["", "Relapse:", ""]
    assert [item.within for item in split("Defined as:\nFever\nCough", "inclusion")] == ["", "Defined as:", ""]


def test_known_list_wins() -> None:
    """A reader that knows the list is believed."""
    assert {item.list for item in split("Fever\nCough", "exclusion")} == {"exclusion"}


def test_lost_headings_are_inferred() -> None:
    """Without headings the list is worked out from the point where the words turn, and said to be inferred."""
    lines = ("Age 20-50 years", "Ejection fraction ≥ 47%", "No active infection", "Lactating women", "HIV", "Other")
    items = split("\n".join(f"- {line}" for line in lines), "unknown")
    assert [item.list for item in items] == ["inclusion"] * 3 + ["exclusion"] * 3
    assert {item.basis for item in items} == {"inferred"}


def test_empty_text_has_no_items() -> None:
    """A heading alone, or nothing, gives no item."""
    assert split("") == split("Exclusion Criteria:\n\n-\n") == ()


def test_a_reason_is_no_heading() -> None:
    """Being ineligible for something else does not open the exclusion list; not being eligible for the trial does."""
    lines = "Inclusion:\n* Ineligible for surgery because of:\n* Age\nPatients not eligible for this trial:\n* Cough"
    assert [item.list for item in split(lines)] == ["inclusion", "inclusion", "exclusion"]
