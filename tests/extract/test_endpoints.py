"""Endpoints get the kind, time and grading that a careful reader gives; ``endpoints.tsv`` holds made-up phrases."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.extract.endpoints import extract_endpoints
from kg.lexicon import open_lexicon
from kg.model import Endpoint, Fact, Outcome, Passage, Quote, Record, Study, TimeFrame
from kg.vocabularies import Term, load_vocabularies

with (Path(__file__).parent / "endpoints.tsv").open(encoding="utf-8", newline="") as rows:
    CASES = list(csv.DictReader(rows, delimiter="\t"))
LISTED = [case for case in CASES if case["source"] == "listed"]
PROSE = [case for case in CASES if case["source"] == "prose"]
KINDS = tuple(load_vocabularies().scheme("endpoint-kind").values())


def make_fact(field: str, text: str) -> Fact:
    return Fact(text, Quote(field, 0, len(text), text))


def make_study(*outcomes: Outcome, passages: tuple[Passage, ...] = ()) -> Study:
    return Study(Record("made-up.json", "none", "", ""), {}, outcomes=outcomes, passages=passages)


def make_outcome(measure: str, description: str = "", time_frame: str = "", role: str | None = "primary") -> Outcome:
    return Outcome(
        role,
        make_fact("measure", measure),
        make_fact("time", time_frame) if time_frame else None,
        make_fact("description", description) if description.strip() else None,
    )


def show_time(endpoint: Endpoint) -> str:
    if endpoint.time_frame is None:
        return ""
    frame: TimeFrame = endpoint.time_frame.value
    return "-".join(f"{days:.8g}" for days in (frame.low, frame.high) if days is not None)


@pytest.mark.parametrize("case", LISTED, ids=[case["text"] for case in LISTED])
def test_classifies_listed_outcomes(case: dict[str, str]) -> None:
    """The measure's kinds, main one first, by the rule and with the grading of the row."""
    (endpoint,) = extract_endpoints(make_study(make_outcome(case["text"], case["description"])))
    assert [kind.value for kind in endpoint.kinds] == case["kinds"].split(";")
    assert endpoint.kinds[0].rule == f"endpoint-kind.{case['rule']}"
    assert (endpoint.grading.value if endpoint.grading else "") == case["grading or names"]


@pytest.mark.parametrize("case", PROSE, ids=[case["text"][:60] for case in PROSE])
def test_finds_measures_in_prose(case: dict[str, str]) -> None:
    """Named measures with their times are found; aims, rules of dosing and the past are not."""
    passage = Passage("description", "text", 100, case["text"])
    found = extract_endpoints(make_study(passages=(passage,)))
    assert ";".join(endpoint.kinds[0].value for endpoint in found) == case["kinds"]
    assert ";".join(endpoint.name.value for endpoint in found) == case["grading or names"]
    assert [show_time(endpoint) for endpoint in found] == (case["times"].split(";") if found else [])
    for endpoint in found:
        assert endpoint.role is None
        assert endpoint.time_frame is None or endpoint.time_frame.value.raw == endpoint.time_frame.quote.text
        for fact in (endpoint.name, endpoint.kinds[0], *((endpoint.time_frame,) if endpoint.time_frame else ())):
            assert case["text"][fact.quote.start - 100 : fact.quote.end - 100] == fact.quote.text


def test_keeps_role_order_and_measure() -> None:
    """Every outcome is one endpoint, in order, with its role and untouched measure."""
    outcomes = (make_outcome("OS", role="secondary"), make_outcome("zzz", role=None), make_outcome("OS"))
    found = extract_endpoints(make_study(*outcomes))
    assert [endpoint.role for endpoint in found] == ["secondary", None, "primary"]
    assert [endpoint.name for endpoint in found] == [outcome.measure for outcome in outcomes]


def test_reads_time_frame() -> None:
    """The time frame's fact quotes the record's words and holds the parsed time."""
    (endpoint,) = extract_endpoints(make_study(make_outcome("OS", time_frame="up to 2 years")))
    assert endpoint.time_frame is not None
    assert endpoint.time_frame.value == TimeFrame("up to 2 years", high=730.5)
    assert endpoint.time_frame.quote.text == "up to 2 years"


def test_prose_waits_for_list() -> None:
    """Where outcomes are listed, prose is not searched."""
    passage = Passage("summary", "text", 0, "Overall survival will be measured.")
    assert len(extract_endpoints(make_study(make_outcome("DLT"), passages=(passage,)))) == 1


def test_ignores_eligibility() -> None:
    """Remissions that patients must have had are no endpoints."""
    passage = Passage("eligibility", "text", 0, "Complete remission measured after two courses; relapse after CR.")
    assert extract_endpoints(make_study(passages=(passage,))) == ()


def test_repeated_measure_counts_once() -> None:
    """The mention that tells the time is kept."""
    passage = Passage("summary", "text", 0, "Overall survival will be measured. We assess overall survival at 3 years.")
    (endpoint,) = extract_endpoints(make_study(passages=(passage,)))
    assert show_time(endpoint) == "1095.75"


@given(st.text(max_size=80), st.text(max_size=80))
def test_quotes_are_exact(measure: str, description: str) -> None:
    """Whatever the text, the quote of every kind is cut from the string it names."""
    strings = {"measure": f"{measure} CRs", "description": description}
    (endpoint,) = extract_endpoints(make_study(make_outcome(strings["measure"], description)))
    for kind in endpoint.kinds:
        assert strings[kind.quote.field][kind.quote.start : kind.quote.end] == kind.quote.text


@pytest.mark.parametrize("term", KINDS, ids=[term.notation for term in KINDS])
def test_vocabulary_examples(term: Term) -> None:
    """A term is found in its examples and not in its counter-examples."""
    lexicon = open_lexicon("endpoint-kind")
    for example in term.examples:
        assert term in [match.term for match in lexicon.find(example)], example
    for example in term.counter_examples:
        assert term not in [match.term for match in lexicon.find(example)], example


@pytest.mark.parametrize("piece", ["CTCAE AE ", "assess CR ", "CR, ", "assess 1 year OS; ", "number of CAR-T in vivo "])
def test_hostile_text_comes_to_an_end(piece: str) -> None:
    """One piece over and over: a rule that backtracks without bound would never come back."""
    text = (piece * 100_000)[:100_000]
    extract_endpoints(make_study(make_outcome(text)))
    extract_endpoints(make_study(passages=(Passage("summary", "text", 0, text),)))
