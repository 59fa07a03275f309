"""Stored checks: each finds what it is for, passes what is right, and ends in the same report as the shapes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, Store, parse

from kg.errors import QueryError
from kg.resources import list_files
from kg.shapes.checks import load_checks, read_check, run_checks
from kg.shapes.graphs import SEVERITIES

CASES = sorted((Path(__file__).parent / "checks").glob("*.ttl"))


def run_case(path: Path) -> set[tuple[str, str]]:
    """Check and trial of every finding."""
    store = Store()
    for source in (path, *list_files("ontology", ".ttl")):
        for quad in parse(path=str(source), format=RdfFormat.TURTLE):
            store.add(quad)
    return {(one.shape, trial.rpartition("/")[2]) for trial, found in run_checks(store).items() for one in found}


def read_expected(path: Path) -> set[tuple[str, str]]:
    """Lines ``# expect: check trial``."""
    lines = [
        line.split()[2:4] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# expect:")
    ]
    return {(check, trial) for check, trial in lines}


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_case(path: Path) -> None:
    """Trials named "wrong" are found, those named "right" are not."""
    assert run_case(path) == read_expected(path)


def test_every_check_has_a_case() -> None:
    """A failing one, with a passing one beside it."""
    assert {path.stem for path in CASES} == set(load_checks())
    for path in CASES:
        assert "trial:right" in path.read_text(encoding="utf-8")
        assert read_expected(path)


def test_checks_say_what_a_shape_says() -> None:
    """Severity, what is wrong, how to mend it and why it matters."""
    for check in load_checks().values():
        assert check.severity in SEVERITIES
        assert check.message.endswith(".")
        assert check.mend.endswith(".")
        assert check.why.endswith(".")


def test_incomplete_headers_are_refused(tmp_path: Path) -> None:
    """An error names the file."""
    bad = tmp_path / "check_bad.rq"
    bad.write_text(
        "#+ title: x\n#+ must_be_empty: true\n#+ check: {severity: info}\n#+ columns: {trial: iri, focus: iri}\n"
    )
    with pytest.raises(QueryError, match=r"check_bad\.rq"):
        read_check(bad)
    bad.write_text(
        "#+ check: {severity: info, item: a, path: b, message: c, mend: d, why: e}\n"
        "#+ columns: {trial: iri, focus: iri}\n"
    )
    with pytest.raises(QueryError, match="must_be_empty"):
        read_check(bad)
