"""An export of a graph whose files are not what was built is none: nothing is written that looks like the whole."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kg.errors import DamageError, StoreError
from kg.export.rdf_formats import FORMATS, write_rdf
from kg.export.tables import write_table, write_tables
from kg.packing import open_shard, pack
from kg.shapes.runs import validate_snapshot
from kg.store import Snapshot, open_snapshot
from tests.test_cli import run_kg


@pytest.fixture
def store(snapshot: Snapshot, tmp_path: Path) -> Path:
    """A copy of the store that may be harmed."""
    shutil.copytree(snapshot.folder.parents[1], tmp_path / "store", symlinks=True)
    return tmp_path / "store"


def _forge(path: Path) -> None:
    """Other statements, whole and packed, in a file of the same size."""
    with open_shard(path) as stream:
        text = stream.read()
    packed = pack(text.replace("recruiting", "withdrawn").replace("1", "2").encode())
    path.write_bytes((packed + b"\0" * path.stat().st_size)[: path.stat().st_size])


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


HARMS: dict[str, Callable[[Path], object]] = {
    "other statements": _forge,
    "a bit at the start": lambda path: _flip(path, 0),
    "a bit in the middle": lambda path: _flip(path, path.stat().st_size // 2),
    "a bit at the end": lambda path: _flip(path, -1),
    "zeros": lambda path: path.write_bytes(b"\0" * path.stat().st_size),
    "another shard": lambda path: path.write_bytes(
        next(one for one in path.parent.iterdir() if one != path).read_bytes()
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_changed_shard_is_not_exported(store: Path, harm: str) -> None:
    """In no format, from the first byte on; nor is it validated."""
    snapshot = open_snapshot(store)
    HARMS[harm](snapshot.list_shards()[-1])
    for form in FORMATS:
        stream = io.BytesIO()
        with pytest.raises(DamageError, match="quads/"):
            write_rdf(snapshot, form, stream)
        assert stream.getvalue() == b""
    stream = io.BytesIO()
    with pytest.raises(DamageError):
        write_table(snapshot, "trials", "csv", stream)
    assert stream.getvalue() == b""
    with pytest.raises(DamageError):
        list(snapshot.read_quads())
    with pytest.raises(DamageError):
        validate_snapshot(snapshot)


def test_a_shard_that_is_missing_or_barred_is_told_as_that(store: Path) -> None:
    """Neither is damage, and neither export is written."""
    snapshot = open_snapshot(store)
    path = snapshot.list_shards()[0]
    path.unlink()
    with pytest.raises(StoreError, match="missing") as raised:
        write_rdf(snapshot, "nt", io.BytesIO())
    assert not isinstance(raised.value, DamageError)
    path.symlink_to(path.name)
    with pytest.raises(StoreError):
        write_rdf(snapshot, "nt", io.BytesIO())


def test_no_file_of_an_export_is_left(store: Path, tmp_path: Path) -> None:
    """The command line ends with 3 and one line; neither the file nor a part of it, nor a table, is there."""
    snapshot = open_snapshot(store)
    _flip(snapshot.list_shards()[0], 40)
    out = tmp_path / "out"
    out.mkdir()
    for words in (
        ("--format", "nt", "-o", str(out / "graph.nt")),
        ("--format", "ttl"),
        ("--format", "csv", "-o", str(out / "tables")),
        ("--format", "parquet", "--table", "trials", "-o", str(out / "trials.parquet")),
    ):
        done = run_kg("export", *words, store=store)
        assert (done.returncode, done.stderr.count("\n"), done.stdout) == (3, 1, ""), done.stderr
        assert "damaged" in done.stderr
    assert not [path for path in out.rglob("*") if path.is_file()]
    with pytest.raises(DamageError):
        write_tables(snapshot, out, "csv")
