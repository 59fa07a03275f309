"""Statements are written as text; a real parser, and a strict one, reads them back as what they were."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, RdfFormat, parse

from kg import rdf
from kg.extract import extract_trial
from kg.model import Study
from kg.sources.inputs import Blob, open_sources, read_blob
from kg.terms import XSD, boolean, decimal, integer, kg, literal, mint, slug, typed
from tests.conftest import ROOT, find_shared

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def parse_object(term: str) -> Literal:
    [quad] = parse(input=f"<s:s> <p:p> {term} <g:g> .\n", format=RdfFormat.N_QUADS)
    assert isinstance(quad.object, Literal)
    return quad.object


@given(TEXT)
def test_any_text_is_a_literal(text: str) -> None:
    """Every character, control characters included, comes back; the line stays one line of no other white space."""
    written = literal(text)
    assert parse_object(written) == Literal(text)
    assert len(written.splitlines()) == 1 or not written.isascii()
    assert "\n" not in written
    assert "\r" not in written


@given(st.one_of(st.integers(-(10**12), 10**12), st.floats(0, 1e12), st.booleans()))
def test_any_value_is_a_typed_literal(value: float) -> None:
    """Numbers and truth values in their canonical forms."""
    written, name = (
        (boolean(value), "boolean")
        if isinstance(value, bool)
        else (integer(value), "integer")
        if isinstance(value, int)
        else (decimal(value), "decimal")
    )
    found = parse_object(written)
    assert found.datatype.value == XSD + name
    assert float(found.value == "true" if name == "boolean" else found.value) == pytest.approx(float(value), abs=1e-6)
    assert parse_object(typed("2020-02-29", "date")).value == "2020-02-29"


@given(TEXT)
def test_any_name_makes_an_iri(text: str) -> None:
    """Keys hold safe characters only, so that an IRI needs no escape."""
    line = f"{mint('site', slug(text))} {kg('facility')} {mint('x', slug(text, 20))} <g:g> .\n"
    [quad] = parse(input=line, format=RdfFormat.N_QUADS)
    assert f"{quad.subject} {quad.predicate} {quad.object} <g:g> .\n" == line


def check_records(sources: list[str], number: int) -> int:
    """Parse what records say strictly, and write it again: the same lines."""
    count = 0
    for blob in islice(open_sources(sources), number):
        assert isinstance(blob, Blob)
        study = read_blob(blob)
        assert isinstance(study, Study)
        lines = rdf.write_record(extract_trial(study))
        found = list(parse(input="".join(lines), format=RdfFormat.N_QUADS))
        assert [f"{quad.subject} {quad.predicate} {quad.object} {quad.graph_name} ." for quad in found] == [
            _plain(line) for line in lines
        ]
        assert lines == sorted(set(lines))
        count += len(lines)
    return count


def _plain(line: str) -> str:
    """A line as the parser's own writer spells it: it escapes less than we do."""
    [quad] = parse(input=line, format=RdfFormat.N_QUADS)
    return f"{quad.subject} {quad.predicate} {quad.object} {quad.graph_name} ."


def test_shipped_records_are_valid() -> None:
    """Every line of the demo and of the fixtures."""
    assert check_records([str(ROOT / "data" / "trials"), str(ROOT / "tests" / "fixtures" / "records")], 100) > 3000


@pytest.mark.skipif(find_shared() is None, reason="the corpora are not here")
def test_real_records_are_valid() -> None:
    """Every line of real studies, from both corpora."""
    shared = find_shared()
    assert shared
    for name in ("ctgov_v2.jsonl.gz", "cell_therapy_v2_partial.jsonl.gz"):
        assert check_records([str(Path(shared) / "corpora" / name)], 60) > 5000
