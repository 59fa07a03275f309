"""What the criteria rules read from phrases, and that nothing else about the text matters."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from kg.extract.criteria import extract_criteria
from kg.extract.thresholds import find_thresholds, flatten
from kg.model import Criterion, Passage, Record, Study
from kg.vocabularies import Term, load_vocabularies

CASES = Path(__file__).with_name("criteria.tsv")
# Sex is the registry's own field; an antigen's expression needs the antigen's name.
MEASURES = tuple(
    term
    for term in load_vocabularies().scheme("measure").values()
    if term.notation not in ("sex", "antigen expression")
)
PIECES = (
    "ALT",
    "≤",
    "3",
    "x ULN",
    "(",
    ")",
    "age",
    "18-65",
    "years",
    "ECOG",
    "0, 1, or 2",
    "\\>",
    "10^9/L",
    "İ",
    "1,5",
    "hepatitis B or C",
    "CD19+",
    "except",
    "prior CAR-T",
    "\n* ",
    "Exclusion Criteria:",
    "50%",
    ";",
    ". ",
    "CD33 expression",
    "platelets",
)
HOSTILE = ("<", "1,", "0,1,", "ALT/AST ", "age ", "(", "not be ", "Inclusion Criteria: ", "1. ", "age:\n", "ALT 3 ")


def read_cases() -> Iterator[tuple[str, str, str]]:
    for line in CASES.read_text(encoding="utf-8").splitlines()[1:]:
        if not line.startswith("#"):
            listed, text, expected = line.split("\t")
            yield listed, text.replace("\\n", "\n"), expected


def make_study(text: str, ref: str = "") -> Study:
    return Study(Record("made.txt", "text", "", text), {}, passages=(Passage("eligibility", "text", 0, text, ref),))


def show(found: Criterion) -> str:
    value = (
        "..".join(f"{one:g}" for one in found.value)
        if isinstance(found.value, tuple)
        else "-"
        if found.value is None
        else f"{found.value:g}"
    )
    name = f"not {found.measure}" if found.is_negated else found.measure
    return " ".join((name, found.op or "-", value, found.unit or "-", found.antigen or "")).strip()


@pytest.mark.parametrize(("listed", "text", "expected"), tuple(read_cases()))
def test_phrase_gives_criteria(listed: str, text: str, expected: str) -> None:
    """A phrase gives exactly the criteria that a reader finds in it, in its own list."""
    found = extract_criteria(make_study(text, listed))
    assert sorted(map(show, found)) == sorted(expected.split(" | ") if expected != "-" else [])
    assert {one.list for one in found} <= {listed}


@pytest.mark.parametrize("term", MEASURES, ids=lambda term: term.notation)
def test_examples_of_vocabulary(term: Term) -> None:
    """Every measure is found in its examples, and not in its counter-examples."""

    def read(phrase: str) -> set[str]:
        return {one.measure for one in extract_criteria(make_study(phrase, "inclusion"))}

    assert all(term.notation in read(phrase) for phrase in term.examples)
    assert not any(term.notation in read(phrase) for phrase in term.counter_examples)


def test_quote_is_exact() -> None:
    """A quote is the untouched text between its offsets and holds the measure and the number."""
    text = "Inclusion Criteria:\n1. Total bilirubin \\<= 2 x ULN and SpO2 ≥ 94 %\nExclusion Criteria:\n\n* Known HIV"
    found = extract_criteria(make_study(text))
    assert [one.quote.text for one in found] == ["Total bilirubin \\<= 2 x ULN", "SpO2 ≥ 94 %", "Known HIV"]
    assert all(text[one.quote.start : one.quote.end] == one.quote.text for one in found)


def test_repeated_criterion_is_kept_once() -> None:
    """The same comparison in the same list is one criterion; in the other list it is another."""
    text = "Inclusion Criteria:\n* LVEF > 50%\n* Ejection fraction > 50%\nExclusion Criteria:\n* LVEF > 50%"
    assert [one.list for one in extract_criteria(make_study(text))] == ["inclusion", "exclusion"]


def test_absence_is_another_criterion() -> None:
    """A thing that must be absent is kept beside the same thing present, and its quote holds the word that negates."""
    found = extract_criteria(make_study("No active infection\nActive infection, if controlled", "inclusion"))
    assert [(one.is_negated, one.quote.text) for one in found] == [
        (True, "No active infection"),
        (False, "Active infection, if controlled"),
    ]


def test_threshold_is_never_negated() -> None:
    """A comparison holds its negation in the comparator."""
    found = extract_criteria(make_study("Must not have LVEF below 44%; no ALT > 3 x ULN", "inclusion"))
    assert [(one.measure, one.is_negated) for one in found] == [("LVEF", False), ("ALT", False)]


def test_other_parts_are_not_searched() -> None:
    """A summary that speaks of ECOG sets no criterion."""
    study = Study(Record("made.txt", "text", "", ""), {}, passages=(Passage("summary", "text", 0, "ECOG 0-1"),))
    assert extract_criteria(study) == ()


def test_rule_names() -> None:
    """Each criterion names the kind of rule that read it."""
    found = extract_criteria(make_study("Age > 20 years; ECOG 0-1; HIV; CD33-positive", "inclusion"))
    assert [one.rule for one in found] == [f"criterion.{kind}" for kind in ("age", "threshold", "presence", "antigen")]


def test_any_text_is_read() -> None:
    """No text makes the reader fail, and every quote is exact."""
    chooser = random.Random(7)  # noqa: S311 (reproducible, not secret)
    for _ in range(300):
        text = " ".join(chooser.choices(PIECES, k=25))
        for one in extract_criteria(make_study(text)):
            assert one.quote.text == text[one.quote.start : one.quote.end] != ""


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_comes_to_an_end(piece: str) -> None:
    """One piece over and over: a rule that backtracks without bound would never come back."""
    extract_criteria(make_study(piece * (40_000 // len(piece))))


def test_flatten_keeps_offsets() -> None:
    """Folding never changes the length, whatever the letters."""
    text = "İSTANBUL ≦ ½ ⁹ ﬁ × ＜３％"
    assert len(flatten(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("between 4 and 9 weeks", ("range", (4.0, 9.0), "weeks")),
        ("> or = 30%", (">=", 30.0, "%")),
        ("7 days minimum", (">=", 7.0, "days")),
        ("two", None),
    ],
)
def test_threshold_words(text: str, expected: tuple[str, object, str] | None) -> None:
    """Comparators in words, before and after the number."""
    found = [(one.op, one.value, one.unit) for one in find_thresholds(text)]
    assert found == ([expected] if expected else [])
