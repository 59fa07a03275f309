"""Parameters become typed terms in their bounds, or one clear line. ``parameters.tsv`` holds cases."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal

from kg.errors import KgError, QueryError, UsageError
from kg.parameters import Parameter, make_term, read_parameter
from kg.queries import bind_parameters, find_query, load_queries

with (Path(__file__).parent / "parameters.tsv").open(encoding="utf-8", newline="") as rows:
    CASES = list(csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))
LONG = "x" * 100_000


def run_case(case: dict[str, str], needed: dict[str, str]) -> None:
    bind_parameters(find_query(case["query"]), {**needed, case["parameter"]: case["value"]})


@pytest.mark.parametrize("case", CASES, ids=[f"{case['parameter']}={case['value']}" for case in CASES])
def test_refuses_in_one_line(case: dict[str, str]) -> None:
    """What does not fit is refused before anything runs, with what would fit, as a usage error."""
    known = load_queries().get(case["query"])
    needed = {name: one.example for name, one in known.parameters.items() if one.required} if known else {}
    with pytest.raises(QueryError) as caught:
        run_case(case, needed)
    assert case["says"] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == UsageError.exit_code


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("decimal", "92", "92"),
        ("decimal", " 91.3125 ", "91.3125"),
        ("decimal", "1e2", "100"),
        ("decimal", "+.5", "0.5"),
        ("decimal", "1e-300", "0"),
        ("integer", "20", "20"),
        ("integer", "2e1", "20"),
        ("date", "2024-02-29", "2024-02-29"),
        ("boolean", "TRUE", "true"),
    ],
)
def test_writes_values_as_xsd_does(kind: str, value: str, written: str) -> None:
    """A value is written so that every engine compares it."""
    bounds = (Decimal(0), Decimal(1000)) if kind in ("decimal", "integer") else (None, None)
    term = make_term(Parameter("one", kind, least=bounds[0], most=bounds[1]), value)
    assert isinstance(term, Literal)
    assert (Decimal(term.value) == Decimal(written)) if kind == "decimal" else (term.value == written)


@pytest.mark.parametrize("name", sorted(load_queries()))
def test_errors_quote_little_of_a_long_value(name: str) -> None:
    """However long the value of a parameter, its error is a line that fits a screen."""
    for parameter in load_queries()[name].parameters.values():
        with pytest.raises(KgError) as caught:
            make_term(parameter, LONG)
        assert len(str(caught.value)) < 400


@given(st.text(max_size=30))
def test_any_text_is_a_number_in_bounds_or_refused(text: str) -> None:
    """No text becomes a number outside the bounds, or one that is none."""
    parameter = Parameter("one", "decimal", least=Decimal(-5), most=Decimal(5))
    try:
        term = make_term(parameter, text)
    except QueryError:
        return
    assert isinstance(term, Literal)
    assert -5 <= Decimal(term.value) <= 5


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"type": "decimal", "min": 0}, "without min and max"),
        ({"type": "number"}, "no known type"),
        ({"type": "string", "colour": 1}, "unknown key colour"),
    ],
)
def test_headers_are_checked(header: dict[str, object], says: str) -> None:
    """A header that leaves a number unbounded, or says what nobody reads, names its file."""
    with pytest.raises(QueryError, match=says) as caught:
        read_parameter("one", header, "some.rq")
    assert caught.value.where == "some.rq"
