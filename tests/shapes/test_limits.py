"""What would take for ever ends with a clear error, on both engines; and what is broken is told as it is."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import msgspec
import pytest

from kg.errors import LimitReached, ShapeError
from kg.pipeline import build
from kg.shapes import read_shapes
from kg.shapes.pools import _explain
from kg.shapes.runs import Choice, validate
from kg.store import Snapshot, open_snapshot
from kg.terms import KG, RDF, SH, XSD
from tests.conftest import ROOT

HEAD = f"<x:s> <{RDF}type> <{SH}NodeShape> .\n<x:s> <{SH}property> <x:p> .\n<x:p> <{RDF}type> <{SH}PropertyShape> .\n"
PATTERN = (
    f"<x:s> <{SH}targetClass> <{KG}Trial> .\n<x:p> <{SH}path> <{KG}title> .\n"
    f'<x:p> <{SH}pattern> "^{"(.|.)" * 40}$" .\n'
)
"""Python tries two ways for each character of a title."""
PATH = (
    f"<x:s> <{SH}targetClass> <{KG}Evidence> .\n<x:p> <{SH}path> _:l1 .\n"
    + "".join(f"_:l{n} <{RDF}first> _:star .\n_:l{n} <{RDF}rest> _:l{n + 1} .\n" for n in range(1, 4))
    + f"_:l4 <{RDF}first> _:star .\n_:l4 <{RDF}rest> <{RDF}nil> .\n_:star <{SH}zeroOrMorePath> _:either .\n"
    f"_:either <{SH}alternativePath> _:m1 .\n_:m1 <{RDF}first> <{RDF}type> .\n_:m1 <{RDF}rest> _:m2 .\n"
    f"_:m2 <{RDF}first> _:back .\n_:m2 <{RDF}rest> <{RDF}nil> .\n_:back <{SH}inversePath> <{RDF}type> .\n"
    f'<x:p> <{SH}minCount> "1"^^<{XSD}integer> .\n'
)
"""From each piece of evidence to everything that shares a class with it, and on from there, four times over."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The fixture records, three times over."""
    folder = tmp_path_factory.mktemp("limits")
    for copy in range(3):
        for path in sorted((ROOT / "tests" / "fixtures" / "records").glob("*.json")):
            text = path.read_text(encoding="utf-8").replace("NCT9000", f"NCT9{copy}00")
            (folder / f"{copy}-{path.name}").write_text(text, encoding="utf-8")
    build([str(folder)], folder / "store", workers=1)
    return open_snapshot(folder / "store")


def add_shape(monkeypatch: pytest.MonkeyPatch, triples: str, seconds: float = 1.0) -> None:
    """Let the workers judge by one shape more, with so many seconds of CPU for all of it."""
    shapes = msgspec.structs.replace(read_shapes(), text=read_shapes().text + HEAD + triples)
    monkeypatch.setattr("kg.shapes.runs.read_shapes", lambda: shapes)
    monkeypatch.setattr("kg.shapes.runs.LEAST_CPU", seconds)
    monkeypatch.setattr("kg.shapes.runs.CPU_PER_NODE", {"pyshacl": 0.0, "rudof": 0.0})


@pytest.mark.parametrize("engine", ["pyshacl", "rudof"])
@pytest.mark.parametrize("shape", ["pattern", "path"])
def test_what_takes_for_ever_is_ended(
    engine: str, shape: str, store: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lint refuses what it can tell; this is what it cannot."""
    add_shape(monkeypatch, {"pattern": PATTERN, "path": PATH}[shape])
    with pytest.raises(LimitReached, match="a pattern or a path in shapes/"):
        list(validate(store, Choice(engine, workers=1)))


def test_without_it_nothing_is_ended(store: Snapshot) -> None:
    """The shapes themselves stay far below the limit."""
    assert len(list(validate(store, Choice("rudof", workers=2)))) == store.manifest.trials


@pytest.mark.parametrize("engine", ["pyshacl", "rudof"])
def test_shapes_that_an_engine_refuses(engine: str, store: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told as such, and not as a lack of memory."""
    fault = {"pyshacl": f"<x:p> <{SH}path> <x:r> .\n", "rudof": f'<x:p> <{SH}minCount> "many" .\n'}[engine]
    good = f"<x:s> <{SH}targetClass> <x:C> .\n<x:p> <{SH}path> <x:q> .\n"
    add_shape(monkeypatch, good + fault, seconds=60.0)
    with pytest.raises(ShapeError, match="refuses the shapes"):
        list(validate(store, Choice(engine, workers=1)))


def test_other_ends_of_a_worker() -> None:
    """The signal of the timer is told from others."""
    assert "pattern" in str(_explain([0, -signal.SIGPROF]))
    assert re.search("memory", str(_explain([None, -signal.SIGKILL])))


def test_a_reader_that_stops_early_leaves_no_process(store: Snapshot) -> None:
    """Workers end with the loop that asked them."""
    import multiprocessing

    for _ in validate(store, Choice("rudof", workers=2)):
        break
    assert not [one for one in multiprocessing.active_children() if one.is_alive()]
    assert Path(store.folder).is_dir()
