"""Merging the files of an index: the same triples in fewer and smaller files."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat
from pyoxigraph import Store as Engine
from rocksdict import Rdict

from kg.pipeline import mergers
from kg.pipeline.mergers import merge_files

TRIPLES = 1_050_000
"""More than a million, which is what the engine's bulk load takes into one file."""
SAYS = NamedNode("https://example.org/says")


def make_line(number: int) -> bytes:
    return b'<https://example.org/%d> <https://example.org/says> "words of number %d" .\n' % (number, number)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index as a bulk load leaves it."""
    folder = tmp_path_factory.mktemp("loaded") / "index"
    Engine(str(folder)).bulk_load(input=b"".join(map(make_line, range(TRIPLES))), format=RdfFormat.N_TRIPLES)
    return folder


@pytest.fixture
def index(loaded: Path, tmp_path: Path) -> Path:
    shutil.copytree(loaded, tmp_path / "index")
    return tmp_path / "index"


def measure(index: Path) -> int:
    return sum(path.stat().st_size for path in index.glob("*.sst"))


def count_loose(index: Path) -> int:
    """Files that a lookup has to go through one by one."""
    database = mergers._open(index)
    try:
        columns = [database.get_column_family(name) for name in Rdict.list_cf(str(index))]
        return sum(column.property_int_value("rocksdb.num-files-at-level0") or 0 for column in columns)
    finally:
        database.close()


def test_merged_files_hold_the_same(index: Path) -> None:
    assert count_loose(index) > 0
    merge_files(index)
    assert count_loose(index) == 0
    engine = Engine.read_only(str(index))
    assert len(engine) == TRIPLES
    for number in (0, 1, TRIPLES // 2, TRIPLES - 1):
        triple = NamedNode(f"https://example.org/{number}"), SAYS, Literal(f"words of number {number}")
        assert Quad(*triple) in engine
        assert len(list(engine.quads_for_pattern(None, None, triple[2]))) == 1


def test_the_engine_goes_on_writing(index: Path) -> None:
    merge_files(index)
    engine = Engine(str(index))
    engine.bulk_load(input=make_line(TRIPLES), format=RdfFormat.N_TRIPLES)
    engine.remove(Quad(NamedNode("https://example.org/7"), SAYS, Literal("words of number 7")))
    engine.optimize()
    assert len(engine) == TRIPLES
    assert not list(engine.quads_for_pattern(NamedNode("https://example.org/7"), None, None))


def test_files_that_rocksdb_does_not_know_are_left_to_the_engine_and_packed_less(
    loaded: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> Rdict:
        raise Exception("unknown file format")

    with monkeypatch.context() as patch:
        patch.setattr(mergers, "_open", refuse)
        merge_files(index)
    assert len(Engine.read_only(str(index))) == TRIPLES
    shutil.copytree(loaded, tmp_path / "packed")
    merge_files(tmp_path / "packed")
    assert measure(tmp_path / "packed") < 0.8 * measure(index)


@pytest.mark.parametrize(("free", "code"), [(0, errno.ENOSPC), (1 << 40, errno.EIO)])
def test_files_that_stay_apart_are_a_fault(
    index: Path, monkeypatch: pytest.MonkeyPatch, free: int, code: int
) -> None:
    monkeypatch.setattr(mergers, "_UNMERGED", "rocksdb.estimate-num-keys")  # stands for files that are left
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free}))
    with pytest.raises(OSError, match=os.strerror(code)) as caught:
        merge_files(index)
    assert caught.value.errno == code
