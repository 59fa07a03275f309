"""Two engines, one report: the same findings on real studies; and bad shapes are refused at once."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from kg.errors import ShapeError, UsageError
from kg.packing import list_shards
from kg.pipeline import build
from kg.shapes import read_shapes, validate_graph
from kg.shapes.engines import find_engine, start_engine
from kg.shapes.judges import Found, Judge
from kg.shapes.lenses import CannotLook, compare, grind_lenses, is_well_formed, unescape
from kg.shapes.lints import find_pattern_fault
from kg.shapes.parts import Part, group_shards, make_parts, read_shards
from kg.shapes.runs import Choice, pick_engine, validate
from kg.sources.inputs import Blob, open_sources
from kg.store import Snapshot, open_snapshot
from kg.terms import ID, RDF, SH, XSD

STUDIES = 1000
INTEGER, DAY = f"^^<{XSD}integer>", f"^^<{XSD}date>"


@pytest.fixture(scope="module")
def real(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A thousand full studies of ClinicalTrials.gov."""
    folder = tmp_path_factory.mktemp("real")
    blobs = islice(open_sources([str(shared / "corpora" / "ctgov_v2.jsonl.gz")]), STUDIES)
    (folder / "studies.jsonl").write_bytes(
        b"\n".join(blob.content.replace(b"\n", b" ") for blob in blobs if isinstance(blob, Blob))
    )
    build([str(folder / "studies.jsonl")], folder / "store")
    return open_snapshot(folder / "store")


def judge_all(snapshot: Snapshot, judge: Judge, size: int) -> set[tuple[str, Found]]:
    """Every result, with the trials it belongs to."""
    return {
        (trial, one)
        for paths in group_shards(list_shards(snapshot.folder))
        for part in read_shards(paths, None, size)
        for one in judge.judge(part)
        for trial in part.find_trials(one.focus)
    }


def test_engines_agree_on_a_thousand_real_studies(real: Snapshot) -> None:
    """Focus node, shape, constraint and value; the shape tells path and severity."""
    text = read_shapes().text
    bulk = judge_all(real, Judge("rudof", text), 300)
    assert real.manifest.trials == STUDIES
    assert len(bulk) > STUDIES
    assert bulk == judge_all(real, Judge("pyshacl", text), 50)


def test_processes_and_the_size_of_parts_change_nothing(real: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the spreading of a large shard over files."""
    one, two = (
        [trial.findings for trial in validate(real, Choice("rudof", workers=workers))] for workers in (1, 2)
    )
    assert one == two
    whole = judge_all(real, Judge("rudof", read_shapes().text), 300)
    monkeypatch.setattr("kg.shapes.parts._SMALL", 0)
    assert judge_all(real, Judge("rudof", read_shapes().text), 7) == whole


def test_default_engine() -> None:
    """The reference for few trials, the bulk engine for many; an engine that is named is taken."""
    assert [pick_engine("auto", count) for count in (5, 100, 101)] == ["pyshacl", "pyshacl", "rudof"]
    assert pick_engine("pyshacl", 10_000) == "pyshacl"
    assert find_engine("pyrudof") == "rudof"
    with pytest.raises(UsageError, match="jena"):
        find_engine("jena")


def test_broken_shapes_are_a_clear_error() -> None:
    """pyrudof refuses shapes that contradict SHACL's syntax."""
    shape = f"<x:s> <{RDF}type> <{SH}PropertyShape> .\n<x:s> <{SH}path> _:nothing .\n<x:s> <{SH}targetNode> <x:n> .\n"
    with pytest.raises(ShapeError, match="refuses"):
        start_engine("rudof", shape + f'<x:s> <{SH}minCount> "many" .\n')("<x:n> <x:p> <x:o> .\n")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("^(a+)+$", "repeats a repetition"),
        ("^(a|aa)*$", "repeats a repetition"),
        ("^(a{1,9}){1,9}$", "repeats a repetition"),
        ("a*b", "open-ended"),
        ("^a*a*b$", "open-ended"),
        ("^a{2,}b+$", "open-ended"),
        ("(?=x)", "looks around"),
        (r"^(a)\1$", "looks around"),
        ("[", "no regular expression"),
        ("^[a-z+*]{3}$", ""),
        ("^[0-9a-f]+$", ""),
        (r"^a\+\*$", ""),
    ],
)
def test_patterns_that_hang(pattern: str, said: str) -> None:
    """They are refused when the file is read, before any text meets them."""
    fault = find_pattern_fault(pattern)
    assert said in (fault or ("",))[0]
    assert (fault is None) == (said == "")


def test_shapes_beyond_lenses_are_judged_whole() -> None:
    """Other targets, and constraints that a lens does not know, switch the memory off; results stay the same."""
    for extra in (
        f"<x:s> <{SH}targetNode> <x:n> .\n",
        f'<x:s> <{SH}targetClass> <x:C> .\n<x:s> <{SH}closed> "true"^^<{XSD}boolean> .\n',
    ):
        shapes = f"<x:s> <{RDF}type> <{SH}NodeShape> .\n<x:s> <{SH}property> <x:p> .\n{extra}" + (
            f"<x:p> <{RDF}type> <{SH}PropertyShape> .\n<x:p> <{SH}path> <x:q> .\n"
            f'<x:p> <{SH}minCount> "1"^^<{XSD}integer> .\n'
        )
        with pytest.raises(CannotLook):
            grind_lenses(shapes)
    node = f"<{ID}trial/x>"
    part = Part([f"{node} <{RDF}type> <x:C> <{ID}record/1> .\n"])
    found = {(one.shape, one.component) for one in Judge("rudof", shapes).judge(part)}
    assert ("x:p", "MinCount") in found


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        (f'"9"{INTEGER}', f'"10"{INTEGER}', -1),
        (f'"10"{INTEGER}', f'"10"{INTEGER}', 0),
        (f'"2021-01-01"{DAY}', f'"2020-12-31"{DAY}', 1),
        (f'"2021-02-30"{DAY}', f'"2020-12-31"{DAY}', None),
        (f'"9"{INTEGER}', f'"9"{DAY}', None),
        (f'"ten"{INTEGER}', f'"9"{INTEGER}', None),
        ('"a"', '"b"', None),
    ],
)
def test_lenses_compare_only_what_they_understand(left: str, right: str, order: int | None) -> None:
    """Numbers as numbers, days as days; the rest is left to the engine."""
    assert compare(left, right) == order


def test_lenses_do_not_trust_odd_forms() -> None:
    """Forms that engines may read differently stay whole in the view."""
    assert is_well_formed("-5", INTEGER)
    assert not is_well_formed("+5", INTEGER)
    assert not is_well_formed("9" * 30, INTEGER)
    assert not is_well_formed("2024-13-01", DAY)
    assert not is_well_formed("1", f"^^<{XSD}boolean>")
    assert not is_well_formed("x", "^^<x:other>")
    assert unescape(r"a\u00e9\n\\") == "aé\n\\"


def test_every_class_has_a_focus_node(shared: Path, tmp_path: Path) -> None:
    """On the fixture records each shape of a class meets at least one node."""
    build([str(Path(__file__).parent.parent / "fixtures" / "records"), str(shared / "seeds")], tmp_path, workers=1)
    lines = list(open_snapshot(tmp_path).read_quads())
    types = {
        value for part in make_parts(lines) for said in part.nodes.values() for value in said.get(f"<{RDF}type>", ())
    }
    assert {f"<{node.target}>" for node in read_shapes().nodes} <= types
    assert validate_graph(lines, "rudof")
