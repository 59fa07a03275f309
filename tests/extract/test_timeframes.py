"""Time frames are read as a careful reader would; the expected rows of ``timeframes.tsv`` come from reading."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.extract.durations import MONTH, YEAR
from kg.extract.timeframes import cut_time_words, parse_time_frame

with (Path(__file__).parent / "timeframes.tsv").open(encoding="utf-8", newline="") as rows:
    CASES = list(csv.DictReader(rows, delimiter="\t"))


def read_number(cell: str) -> float | None:
    return float(cell) if cell else None


@pytest.mark.parametrize("case", CASES, ids=[case["text"] for case in CASES])
def test_reads_as_expected(case: dict[str, str]) -> None:
    """Bounds, list, anchor and event of each row are found, and nothing else."""
    frame = parse_time_frame(case["text"])
    if case["event_driven"] == "none":
        assert frame is None
        return
    assert frame is not None
    assert frame.raw == case["text"]
    assert frame.low == pytest.approx(read_number(case["low"]))
    assert frame.high == pytest.approx(read_number(case["high"]))
    assert frame.days == pytest.approx(tuple(float(day) for day in case["days"].split(";") if day))
    assert (frame.anchor or "") == case["anchor"]
    assert frame.event_driven is (case["event_driven"] == "yes")


@given(st.integers(1, 100), st.sampled_from([("days", 1.0), ("weeks", 7.0), ("months", MONTH), ("years", YEAR)]))
def test_counts_in_days(count: int, unit: tuple[str, float]) -> None:
    """A count of any unit is the count times the unit's days, up to a hundred years."""
    frame = parse_time_frame(f"up to {count} {unit[0]}")
    assert frame is not None
    assert frame.high == pytest.approx(count * unit[1])


@given(st.text(st.sampled_from("0123456789 .,-–±()/+dayweekmonthruntilcyc一"), max_size=200))
def test_never_fails(text: str) -> None:
    """Any text gives a time frame with its own words, or None."""
    frame = parse_time_frame(text)
    assert frame is None or frame.raw == text


WORDS = [
    (
        " (and other events) are counted from the day of infusion to 18 months after infusion",
        "from the day of infusion to 18 months after infusion",
    ),
    (" at 4 months", "at 4 months"),
    (" after 2 to 6 years of CAR-T reinfusion", "after 2 to 6 years of CAR-T reinfusion"),
    (" will be counted on days 2, 9 and 30, in blood", "on days 2, 9 and 30"),
    ("two-year ", "two-year"),
    (") score at baseline, 3 and 6 months, by phone", "at baseline, 3 and 6 months"),
    (" 90 days post transplant for all", "90 days post transplant"),
]


@pytest.mark.parametrize(("text", "words"), WORDS, ids=[words for _, words in WORDS])
def test_cuts_time_words(text: str, words: str) -> None:
    """Of prose only the words of the time are kept, and they read the same."""
    frame = parse_time_frame(text)
    assert frame is not None
    start, end = cut_time_words(text, frame)
    assert text[start:end] == words


PIECES = ["1 ", "until ", "day 1 ", "1, ", "1-", "(", "after ", "cycle 1 ", "±1", "one ", "1 year "]


@pytest.mark.parametrize("piece", PIECES)
def test_hostile_text_comes_to_an_end(piece: str) -> None:
    """One piece over and over: a rule that backtracks without bound would never come back."""
    frame = parse_time_frame((piece * 100_000)[:100_000])
    if frame is not None:
        cut_time_words(frame.raw, frame)
