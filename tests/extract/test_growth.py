"""A record that is twice as long takes twice as long to read, whatever it is made of.

The whole way is measured: from bytes over rules to N-Quads, and from the graph to the card.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from kg.graph import open_graph
from kg.model import Rejected
from kg.pipeline import build
from kg.pipeline.readings import read_batch
from kg.sources.inputs import Blob
from tests.extract.structures import FIELDS, STRUCTURES, TOLD, UNITS, list_interventions, make_blob
from tests.growth import MOST, measure, measure_growth

pytestmark = pytest.mark.no_cover  # what is measured here is work, and tracing multiplies it

PARTS, CHARACTERS = 300, 3000
_QUICK = 0.01
"""Seconds below which nothing can be told of growth, and nothing has to be."""
_ROUNDS = ((1, 1), (1, 3), (2, 2))
"""Multiples of the size and runs of each; the next is taken where the one before looks bad."""


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """What is made on first use is no part of a record's time."""
    read_batch([make_blob({**list_interventions({"name": TOLD}), **FIELDS["criteria"]("no hepatitis B, ECOG 1")})])


def read(blob: Blob) -> None:
    """Read a record that must be readable."""
    (found,) = read_batch([blob])
    assert not isinstance(found, Rejected), found.reason


def is_linear(prepare: Callable[[int], Callable[[], object]], size: int) -> bool:
    """Whether a doubling costs no more than it may; noise does not come three times."""
    if measure(prepare(2 * size)) < _QUICK:
        return True
    return any(measure_growth(prepare, times * size, runs) <= MOST for times, runs in _ROUNDS)


@pytest.mark.parametrize("kind", STRUCTURES)
def test_parts(kind: str) -> None:
    """Twice as many of a part: at most 2.6 times the work."""

    def prepare(size: int) -> Callable[[], object]:
        blob = make_blob(STRUCTURES[kind](size))
        return lambda: read(blob)

    assert is_linear(prepare, PARTS)


@pytest.mark.parametrize("field", FIELDS)
def test_text(field: str) -> None:
    """Twice as long a run of any sign or word: at most 2.6 times the work."""

    def prepare(unit: str, size: int) -> Callable[[], object]:
        blob = make_blob(FIELDS[field](unit * (size // len(unit))))
        return lambda: read(blob)

    assert [unit for unit in UNITS if not is_linear(lambda size, unit=unit: prepare(unit, size), CHARACTERS)] == []  # type: ignore[misc]


@pytest.mark.parametrize("kind", STRUCTURES)
def test_cards(kind: str, tmp_path: Path) -> None:
    """The card of a trial with twice as many of a part: at most 2.6 times the work."""
    sizes = (PARTS, 2 * PARTS, 4 * PARTS)
    records = []
    for size in sizes:
        section = STRUCTURES[kind](size)
        section["identificationModule"]["nctId"] = f"NCT{size:08}"
        records.append(msgspec.json.encode({"protocolSection": section, "hasResults": False}))
    (tmp_path / "x.jsonl").write_bytes(b"\n".join(records))
    assert not build([str(tmp_path / "x.jsonl")], tmp_path / "store", workers=1).rejected
    graph = open_graph(tmp_path / "store")
    assert is_linear(lambda size: lambda: graph.card(f"NCT{size:08}"), PARTS)
