"""Approval by an ethics committee, where only prose tells of it."""

from __future__ import annotations

import pytest

from kg.extract.rules import fill_trial
from kg.model import Fact, Passage, Quote, Record, Study


def make_study(text: str, part: str = "description", **facts: tuple[Fact, ...]) -> Study:
    return Study(Record("a", "b", "c", text), facts, passages=(Passage(part, "text", 0, text),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Methods. The study protocol was approved by the Ethics Committee of the North Hospital. Then we began.",
            "study protocol was approved by the Ethics Committee of the North Hospital",
        ),
        (
            "This trial has been reviewed and approved by the institutional review board (no 7).",
            "trial has been reviewed and approved by the institutional review board (no 7)",
        ),
        (
            "The research ethics committee of the clinic approved this study; consent was written.",
            "research ethics committee of the clinic approved this study",
        ),
        ("Ethical approval was obtained from the board.", "Ethical approval was obtained from the board"),
        (
            "After approval was received from the Local Ethics Committee, files were read.",
            "approval was received from the Local Ethics Committee, files were read",
        ),
        ("OUR STUDY WAS APPROVED BY THE ETHICS COMMITTEE.", "STUDY WAS APPROVED BY THE ETHICS COMMITTEE"),
        ("The study will be approved by the institutional review board.", None),
        ("Ethical approval will be obtained before the first visit.", None),
        ("The trial starts once it is approved by the ethics committee.", None),
        ("The consent form of the study was approved by the IRB.", None),
        ("An amendment to the protocol was approved by the IRB.", None),
        ("A previous study was approved by the IRB.", None),
        ("The drug was approved by the FDA in a study of 2019.", None),
        ("Each site is responsible for its own IRB approval.", None),
        ("The study was not approved by the ethics committee.", None),
    ],
)
def test_reads_approvals_of_this_study(text: str, expected: str | None) -> None:
    """The clause itself, where the words say that a committee has approved this study."""
    found = fill_trial(make_study(text)).get("ethics_review", ())
    assert [fact.value for fact in found] == ([expected] if expected else [])
    for fact in found:
        assert text[fact.quote.start : fact.quote.end] == fact.value == fact.quote.text


def test_a_field_wins_and_eligibility_is_not_searched() -> None:
    """A format with a field of its own is believed; criteria speak of patients."""
    text = "The study was approved by the ethics committee."
    field = Fact("approved", Quote("text", 0, 3, "The"))
    assert "ethics_review" not in fill_trial(make_study(text, ethics_review=(field,)))
    assert "ethics_review" not in fill_trial(make_study(text, "eligibility"))
