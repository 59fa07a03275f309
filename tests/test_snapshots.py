"""Snapshots: which are kept, which is served, and whether they are what was built."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Quad
from pyoxigraph import Store as Engine

from kg.errors import DamageError, KgError, StoreError, UsageError, VersionError
from kg.graph import open_graph
from kg.manifests import read_manifest
from kg.pipeline import build
from kg.snapshots import find_snapshot, list_snapshots, prune_snapshots, use_snapshot
from kg.store import Snapshot, open_snapshot
from tests.pipeline.conftest import Write, make_study, write
from tests.test_cli import run_kg

__all__ = ["write"]


@pytest.fixture
def store(tmp_path: Path, write: Write) -> Path:
    """A store with three snapshots of one, two and three trials; the last is served."""
    for number in (1, 2, 3):
        studies = [make_study(one) for one in range(number)]
        build([str(write("x.jsonl", *studies))], tmp_path / "store", workers=1, keep=5)
    return tmp_path / "store"


def test_list_use_prune(store: Path) -> None:
    """The newest first; another can be served; pruning never takes the served one."""
    entries = list_snapshots(store)
    assert [(one.trials, one.is_served) for one in entries] == [(3, True), (2, False), (1, False)]
    oldest = entries[-1].name
    assert use_snapshot(store, oldest[:8]).manifest.trials == 1
    assert open_snapshot(store).manifest.trials == 1
    assert find_snapshot(store, "previous").manifest.trials == 3
    assert prune_snapshots(store, 1) == [one.name for one in entries[:2]]
    assert [one.name for one in list_snapshots(store)] == [oldest]
    with pytest.raises(UsageError, match="no snapshot before the served one"):
        find_snapshot(store, "previous")
    with pytest.raises(UsageError, match="no snapshot"):
        use_snapshot(store, "nonsense")


def test_the_command_line_of_snapshots(store: Path) -> None:
    """List as a table or JSON, verify, use, prune; a wrong name is one line."""
    rows = json.loads(run_kg("snapshots", "list", "--format", "json", store=store).stdout)
    assert [row["trials"] for row in rows] == [3, 2, 1]
    assert "as they were built" in run_kg("snapshots", "verify", store=store).stderr
    assert run_kg("snapshots", "use", "previous", store=store).returncode == 0
    assert open_snapshot(store).manifest.trials == 2
    done = run_kg("snapshots", "use", "nonsense", store=store)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "removed 2 snapshots" in run_kg("snapshots", "prune", "--keep", "1", store=store).stderr


def test_the_same_graph_built_twice_is_one_snapshot(store: Path, tmp_path: Path) -> None:
    """Building again what is served leaves one folder of it."""
    build([str(tmp_path / "x.jsonl")], store, workers=1, keep=5)
    assert [one.trials for one in list_snapshots(store)] == [3, 2, 1]


def test_every_flip_and_every_cut_is_noticed(store: Path, tmp_path: Path) -> None:
    """200 random damages of any file, the manifest included: verifying refuses each, with one clear line."""
    folder = open_snapshot(store).folder
    chance = random.Random(6)  # noqa: S311
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    full = [path for path in files if path.stat().st_size]
    assert {path.name for path in full} > {"manifest.json", "manifest.sha256", "records.sqlite"}
    for turn in range(200):
        path = chance.choice(full)
        content = path.read_bytes()
        if turn % 4 == 3:
            damaged = content[: chance.randrange(len(content))]
        else:
            place = chance.randrange(len(content))
            damaged = content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1 :]
        path.write_bytes(damaged)
        with pytest.raises(StoreError) as raised:
            Snapshot(folder).verify()
        assert "\n" not in str(raised.value)
        assert str(folder) in str(raised.value)
        assert raised.value.mend
        path.write_bytes(content)
    Snapshot(folder).verify()


def test_a_missing_or_shortened_file_is_noticed_on_opening(store: Path) -> None:
    """Without reading any file: its size is looked at."""
    folder = open_snapshot(store).folder
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size):
        content = path.read_bytes()
        path.write_bytes(content[:-1])
        with pytest.raises(StoreError):
            Snapshot(folder)
        path.unlink()
        with pytest.raises(StoreError):
            Snapshot(folder)
        path.write_bytes(content)
    Snapshot(folder)


def test_damaged_texts_are_told_in_one_line(store: Path, tmp_path: Path, write: Write) -> None:
    """Bytes of the record texts overwritten, the size as it was: showing, comparing and updating say what to do."""
    path = open_snapshot(store).folder / "records.sqlite"
    content = path.read_bytes()
    magic = b"\x28\xb5\x2f\xfd"  # where a packed text begins: RFC 8878, 3.1.1
    assert magic in content
    newer = str(write("y.jsonl", make_study(9)))
    for damaged in (content.replace(magic, b"\0\0\0\0"), b"\0" * 4096 + content[4096:]):
        path.write_bytes(damaged)
        for words in (("show", "NCT81000001"), ("diff",)):
            done = run_kg(*words, store=store)
            assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
            assert "records.sqlite: cannot be read" in done.stderr
    path.write_bytes(b"\0" * 4096 + content[4096:])
    done = run_kg("update", newer, store=store)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr


def test_a_damaged_snapshot_is_not_served_and_the_next_prune_removes_it(store: Path) -> None:
    """``use`` reads every byte before it serves."""
    entries = list_snapshots(store)
    records = store / "snapshots" / entries[1].name / "records.sqlite"
    content = bytearray(records.read_bytes())
    content[-100] ^= 1
    records.write_bytes(content)
    with pytest.raises(KgError, match="not the one that was built"):
        use_snapshot(store, entries[1].name)
    records.write_bytes(content[:-1])
    assert next(one.fault for one in list_snapshots(store) if one.name == entries[1].name)
    assert entries[1].name in prune_snapshots(store, 5)


def _link(path: Path, target: Path) -> None:
    shutil.move(path, target)
    path.symlink_to(target)


ADDED: dict[str, Callable[[Path, Path], object]] = {
    "a shard": lambda folder, _: shutil.copy(next((folder / "quads").iterdir()), folder / "quads" / "zz.nq.zst"),
    "a write-ahead log": lambda folder, _: (folder / "index" / "999999.log").write_bytes(b"x"),
    "an empty write-ahead log": lambda folder, _: (folder / "index" / "999999.log").write_bytes(b""),
    "a list of the engine's files": lambda folder, _: (folder / "index" / "MANIFEST-999999").write_bytes(b"x"),
    "options of the engine": lambda folder, _: (folder / "index" / "OPTIONS-999999").write_bytes(b"x"),
    "a file of data": lambda folder, _: shutil.copy(next(folder.glob("index/*.sst")), folder / "index" / "999999.sst"),
    "another letter": lambda folder, _: shutil.copy(folder / "index" / "CURRENT", folder / "index" / "current"),
    "a folder in the index": lambda folder, _: shutil.copytree(folder / "answers", folder / "index" / "lost"),
    "a folder in a folder": lambda folder, _: shutil.copytree(folder / "answers", folder / "quads" / "a" / "b"),
    "an answer": lambda folder, _: (folder / "answers" / "trials.json").write_bytes(b"{}"),
    "a journal of SQLite": lambda folder, _: (folder / "records.sqlite-wal").write_bytes(b"x"),
    "a hidden file": lambda folder, _: (folder / ".DS_Store").write_bytes(b"x"),
    "a link in place of a file": lambda folder, away: _link(folder / "records.sqlite", away / "records"),
    "a link in place of a shard": lambda folder, away: _link(next((folder / "quads").iterdir()), away / "shard"),
    "a link in place of a folder": lambda folder, away: _link(folder / "answers", away / "answers"),
    "a link to nowhere": lambda folder, away: (folder / "answers" / "x").symlink_to(away / "nowhere"),
    "a pipe": lambda folder, _: os.mkfifo(folder / "answers" / "x.json"),
}


@pytest.mark.parametrize("kind", ADDED)
def test_what_the_manifest_does_not_name_is_noticed(store: Path, tmp_path: Path, kind: str) -> None:
    """Verifying compares the folder with the manifest both ways, and so does what verifies first: use, update, copy."""
    folder = open_snapshot(store).folder
    if kind == "another letter" and (folder / "index" / "current").exists():
        pytest.skip("the file system does not tell letters apart")
    ADDED[kind](folder, tmp_path)
    with pytest.raises(DamageError) as raised:
        Snapshot(folder).verify()
    assert str(folder) in str(raised.value)
    done = run_kg("snapshots", "verify", store=store)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    with pytest.raises(DamageError):
        use_snapshot(store, folder.name)


def test_nothing_is_read_that_the_manifest_does_not_name(store: Path, tmp_path: Path, write: Write) -> None:
    """A forged shard is not exported, a forged answer not told, and a forged log of the engine not answered from."""
    folder = open_snapshot(store).folder
    before = run_kg("export", "--format", "nt", store=store).stdout
    other = tmp_path / "other"
    build([str(write("y.jsonl", make_study(77)))], other, workers=1)
    forged = open_snapshot(other).folder
    for path in (forged / "quads").iterdir():
        shutil.copy(path, folder / "quads" / f"0{path.name}")
    (folder / "answers" / "trials.json").write_bytes(b'{"query": "", "rows": []}')
    assert run_kg("export", "--format", "nt", store=store).stdout == before
    assert len(open_graph(store).query("trials")) == 3
    harmed = Engine(str(forged / "index"))
    harmed.add(Quad(NamedNode("x:forged"), NamedNode("x:p"), NamedNode("x:o")))
    del harmed
    for path in (forged / "index").glob("*.log"):
        shutil.copy(path, folder / "index" / "999999.log")
    with pytest.raises(DamageError, match="added after the build"):
        open_graph(store).query("trials")


def _make_newer(folder: Path) -> None:
    content = (folder / "manifest.json").read_bytes().replace(b'"version": 3', b'"version": 4')
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sha256").write_text(hashlib.sha256(content).hexdigest() + "\n")


def _make_strange(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b'{"version": 9, "things": []}')
    (folder / "manifest.sha256").write_bytes(b"blake3 of a newer kg")


def _bar(path: Path) -> None:
    """What no one can open, the superuser included; with its content kept."""
    path.rename(path.with_name(f"{path.name}.kept"))
    path.symlink_to(path.name)


def _unmount(folder: Path) -> None:
    shutil.move(folder, folder.parents[1] / "away")
    folder.mkdir()


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "a newer kg's": _make_newer,
    "a much newer kg's": _make_strange,
    "a manifest that does not open": lambda folder: _bar(folder / "manifest.json"),
    "a mark that does not open": lambda folder: _bar(folder / "manifest.sha256"),
    "a file that does not open": lambda folder: shutil.move(folder / "records.sqlite", folder.parents[1] / "away"),
    "a folder that is away": lambda folder: shutil.move(folder / "index", folder.parents[1] / "away"),
    "a mount that is away": _unmount,
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_opened_now_is_nobodys_to_remove(store: Path, write: Write, kind: str) -> None:
    """A snapshot that is not to be read for the moment, or that another kg made, outlives builds, updates and pruning;
    the others are listed, kept and removed as ever."""
    entries = list_snapshots(store)
    folder = store / "snapshots" / entries[1].name
    UNREADABLE[kind](folder)
    listed = {one.name: one for one in list_snapshots(store)}
    assert listed.keys() == {one.name for one in entries}
    assert listed[folder.name].fault
    assert not listed[folder.name].is_damaged
    assert prune_snapshots(store, 2) == []
    build([str(write("y.jsonl", make_study(8)))], store, workers=1, keep=1)
    build([str(write("y.jsonl", make_study(8), make_study(9)))], store, workers=1, is_update=True, keep=2)
    assert folder.is_dir()
    assert len(list_snapshots(store)) == 3
    done = run_kg("snapshots", "list", "--format", "json", store=store)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert [row["snapshot"] for row in json.loads(done.stdout) if row["fault"]] == [folder.name]
    done = run_kg("snapshots", "prune", "--keep", "1", store=store)
    assert done.returncode == 0, done.stderr
    assert f"{folder.name} is left where it is" in done.stderr
    assert folder.is_dir()


def test_the_same_graph_of_a_newer_kg_stays(store: Path, tmp_path: Path) -> None:
    """Building what another kg built too removes nothing of it."""
    folder = open_snapshot(store).folder
    _make_newer(folder)
    build([str(tmp_path / "x.jsonl")], store, workers=1, keep=5)
    assert folder.is_dir()
    assert open_snapshot(store).folder.name == f"{folder.name}-2"


def test_a_manifest_that_is_damaged_is_told_from_another_versions(store: Path) -> None:
    """Any flipped bit of the manifest or its mark is damage, save where it makes the version another."""
    folder = open_snapshot(store).folder
    chance = random.Random(4)  # noqa: S311
    for path in (folder / "manifest.json", folder / "manifest.sha256"):
        content = path.read_bytes()
        for _ in range(40):
            place = chance.randrange(20, len(content))
            path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
            with pytest.raises(DamageError):
                Snapshot(folder)
        path.write_bytes(content)
    _make_newer(folder)
    with pytest.raises(VersionError, match="format 4, and this kg reads 3"):
        Snapshot(folder)


def test_all_is_on_the_disk_before_the_link_leads_there(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut at any moment leaves a whole graph served: files and folders are synced first, then the link."""
    events: list[str] = []
    sync, swap = os.fsync, Path.replace

    def note_sync(descriptor: int) -> None:
        events.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    def note_swap(self: Path, target: Path) -> Path:
        events.append("swap" if target.name == "current" else "")
        return swap(self, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_swap)
    build([str(write("x.jsonl", make_study(1)))], tmp_path / "store", workers=1)
    snapshot = open_snapshot(tmp_path / "store")
    before, after = set(events[: events.index("swap")]), set(events[events.index("swap") :])
    built = {path.rpartition(".building-")[2].partition("/")[2] for path in before if ".building-" in path}
    assert built >= {*snapshot.manifest.files, "manifest.json", "manifest.sha256", "", "quads", "index", "answers"}
    assert str(tmp_path / "store" / "snapshots") in before
    assert str(tmp_path / "store") in after


def test_a_link_to_nowhere_is_one_line(store: Path) -> None:
    """The served snapshot was removed by hand."""
    shutil.rmtree(store / os.readlink(store / "current"))
    done = run_kg("query", "trials", store=store)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "is gone" in done.stderr


def test_a_folder_that_may_not_be_entered_is_told_as_that(store: Path) -> None:
    """It is neither damage nor a fault of ours, so the other snapshots are listed and builds go on."""
    folder = store / "snapshots" / find_snapshot(store, "previous").folder.name
    folder.chmod(0)
    is_root = os.geteuid() == 0
    try:
        if is_root:  # whom no rights bind
            os.seteuid(65534)
        with pytest.raises(StoreError, match="may not be read") as told:
            read_manifest(folder)
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o755)
    assert not isinstance(told.value, DamageError)
