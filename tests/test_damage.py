"""Files of a graph that are not what was written: no answer rests on them, and each fault is told as what it is."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from pyoxigraph import DefaultGraph, QuerySolutions

from kg import inventories
from kg.cards import list_trials
from kg.errors import DamageError, StoreError
from kg.graph import Graph, open_graph
from kg.inventories import Note
from kg.pipeline import build
from kg.queries import run_text
from kg.store import Snapshot, open_snapshot
from tests.conftest import ROOT
from tests.pipeline.conftest import make_study
from tests.test_cli import run_kg

TRIALS = 40
EVERY_BYTE = "SELECT ?s ?p ?o WHERE { ?s ?p ?o }"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of some trials, one snapshot."""
    folder = tmp_path_factory.mktemp("damage")
    source = folder / "x.jsonl"
    source.write_text("".join(json.dumps(make_study(number)) + "\n" for number in range(TRIALS)))
    build([str(source), str(ROOT / "data" / "trials")], folder / "store", workers=1)
    return folder / "store"


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Path:
    """A copy that may be harmed."""
    shutil.copytree(built, tmp_path / "store", symlinks=True)
    return tmp_path / "store"


def list_blocks(folder: Path) -> list[Path]:
    """The engine's files of data."""
    return sorted(path for path in (folder / "index").glob("*.sst"))


def flip(path: Path, place: int) -> None:
    """Change one bit."""
    with path.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)[0]
        stream.seek(place)
        stream.write(bytes([byte ^ 0x10]))


def zero(path: Path, place: int) -> None:
    """Overwrite a page, as a disk does that lost it."""
    with path.open("r+b") as stream:
        stream.seek(place - place % 4096)
        stream.write(b"\0" * min(4096, path.stat().st_size - place + place % 4096))


# The index


@pytest.mark.parametrize("harm", [flip, zero])
def test_no_answer_comes_from_a_damaged_index(store: Path, harm: Callable[[Path, int], None]) -> None:
    """A bit or a page of any part of any file of the engine, its size as it was: every question is refused as damage,
    with the file and what to do. Blocks of data, of indexes and filters, footers, and the engine's own lists."""
    chance = random.Random(2)  # noqa: S311
    open_graph(store).query("trials")
    folder = open_snapshot(store).folder
    files = [path for path in sorted((folder / "index").iterdir()) if path.stat().st_size]
    assert len(list_blocks(folder)) >= 4
    for path in files:
        content, size = path.read_bytes(), path.stat().st_size
        for place in {0, size // 2, size - 1, size - 50 if size > 50 else 0, chance.randrange(size)}:
            harm(path, place)
            if path.read_bytes() != content:
                with pytest.raises(DamageError) as raised:
                    open_graph(store).query("trials")
                assert raised.value.where == str(path)
                assert "kg build" in raised.value.mend
            path.write_bytes(content)
    assert len(open_graph(store).query("trials")) > TRIALS


def test_large_files_are_read_by_several_threads(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage in any one of them is told all the same."""
    monkeypatch.setattr(inventories, "_MUCH", 0)
    folder = open_snapshot(store).folder
    Snapshot(folder).verify()
    for path in list_blocks(folder):
        content = path.read_bytes()
        flip(path, len(content) // 2)
        with pytest.raises(DamageError) as raised:
            Snapshot(folder).verify()
        assert raised.value.where == str(path)
        path.write_bytes(content)
    Snapshot(folder).verify()


def test_damage_that_keeps_the_times_of_a_file_is_seen(store: Path) -> None:
    """Whoever changes a file can set the time of its last change back, but not that of the change of its state."""
    open_graph(store).query("trials")
    path = list_blocks(open_snapshot(store).folder)[0]
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    flip(path, 100)
    os.utime(path, ns=times)
    with pytest.raises(DamageError):
        open_graph(store).query("trials")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("query", "trials"), 3),
        (("query", "trial_card", "-p", "trial=NCT81000001"), 3),
        (("ask", "which trials are recruiting?"), 3),
        (("show", "NCT81000001"), 3),
        (("explain", "NCT81000001", "status"), 3),
        (("export", "--format", "csv", "--table", "trials"), 3),
        (("validate",), 3),
    ],
)
def test_the_command_line_tells_damage(store: Path, words: tuple[str, ...], code: int) -> None:
    """One line, exit code 3, nothing on standard output."""
    for path in list_blocks(open_snapshot(store).folder):
        flip(path, path.stat().st_size // 2)
    done = run_kg(*words, store=store)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (code, 1, ""), done.stderr
    assert "damaged" in done.stderr
    assert "kg build" in done.stderr


@pytest.mark.parametrize(
    "run",
    [
        lambda graph: list(graph.snapshot.engine.quads_for_pattern(None, None, None, DefaultGraph())),
        lambda graph: list(graph.snapshot.engine),
        lambda graph: list(graph.evaluate(EVERY_BYTE)),
        lambda graph: list(graph.evaluate("CONSTRUCT WHERE { ?s ?p ?o }")),
        lambda graph: run_text(graph.snapshot.engine, EVERY_BYTE),
        lambda graph: [list(graph.source.describe([iri])) for iri in list_trials(graph.snapshot)],
    ],
)
def test_an_error_of_the_engine_ends_an_answer(store: Path, run: Callable[[Graph], object]) -> None:
    """Blocks that rot while the graph is open: each way to iterate ends with damage at the row that needs one."""
    graph = open_graph(store)
    assert isinstance(graph.evaluate("SELECT * WHERE { ?s ?p ?o } LIMIT 1"), QuerySolutions)
    for path in list_blocks(graph.snapshot.folder):
        for place in range(0, path.stat().st_size - 200, 4096):
            zero(path, place)
    with pytest.raises(DamageError) as raised:
        run(graph)
    assert "kg build" in raised.value.mend
    assert "\n" not in str(raised.value)


def forge_note(store: Path) -> None:
    """Note that all files are what was built, as they are now: what a disk looks like on which they rotted after."""
    snapshot = open_snapshot(store)
    snapshot.note_checked()


GROUPING = """
import sys
from kg.cli.watches import watch_engine
from kg.graph import open_graph
graph = open_graph(sys.argv[1])
with watch_engine(graph.snapshot):
    list(graph.evaluate("SELECT ?c (COUNT(*) AS ?n) WHERE { ?s a ?c } GROUP BY ?c ORDER BY ?c"))
"""


def test_a_question_that_goes_round_in_circles_is_ended(store: Path) -> None:
    """Damage that was not there when the file was last read: the engine gathers its errors without end where it groups
    or sorts. The index is read while a question lasts, and the process ends with what is damaged."""
    ends = [ask_of_rotten(store, path) for path in list_blocks(open_snapshot(store).folder)]
    assert (3, True) in ends
    assert set(ends) <= {(3, True), (1, True), (0, False)}  # ended by the watch, by the first error, or not concerned


def ask_of_rotten(store: Path, path: Path) -> tuple[int, bool]:
    """How a question ends where a file has rotted behind its note: exit code, and whether damage was told."""
    content = path.read_bytes()
    for place in range(0, len(content) * 9 // 10, 4096):
        zero(path, place)
    forge_note(store)
    done = subprocess.run(
        [sys.executable, "-c", GROUPING, str(store)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30)),
    )
    path.write_bytes(content)
    return done.returncode, "damaged" in done.stderr


# Notes


def read_note(store: Path) -> tuple[Path, Note]:
    [path] = (store / "checks").iterdir()
    return path, msgspec.json.decode(path.read_bytes(), type=Note)


def test_a_build_leaves_a_note_and_it_is_believed(store: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is read where the note tells of it as it is; a copy of the store is read once."""
    seen: list[str] = []
    check = "kg.inventories.Inventory.check_digests"
    monkeypatch.setattr(check, lambda _, names: seen.extend(names))
    open_graph(built).query("trials")
    assert seen == []
    open_graph(store).query("trials")
    assert {"records.sqlite", "index/CURRENT"} <= set(seen)
    seen.clear()
    open_graph(store).query("trials")
    assert seen == []


@pytest.mark.parametrize("harm", ["old", "of tomorrow", "of another manifest", "of a change right before", "no JSON"])
def test_a_note_that_proves_nothing_is_not_believed(store: Path, harm: str) -> None:
    """One that is old (a disk rots), that was written in the future, in the very moment of the last change, or about
    another manifest: the files are read."""
    folder = open_snapshot(store).folder
    largest = max(list_blocks(folder), key=lambda path: path.stat().st_size)
    flip(largest, largest.stat().st_size // 2)
    forge_note(store)
    assert open_graph(store).snapshot.engine  # believed: rot behind a young note is left to the engine's own checksums
    path, note = read_note(store)
    newest = max(look.changed for look in note.looks.values())
    changed = {
        "old": msgspec.structs.replace(note, at=note.at - 2 * 86_400 * 10**9),
        "of tomorrow": msgspec.structs.replace(note, at=note.at + 86_400 * 10**9),
        "of another manifest": msgspec.structs.replace(note, mark="0" * 64),
        "of a change right before": msgspec.structs.replace(note, at=newest + 1),
    }
    path.write_bytes(msgspec.json.encode(changed[harm]) if harm in changed else b"{")
    with pytest.raises(DamageError):
        assert open_graph(store).snapshot.engine


def test_a_note_that_cannot_be_written_changes_nothing(store: Path) -> None:
    """A store on a medium that is read only: files are read each time, and answers are as ever."""
    shutil.rmtree(store / "checks")
    (store / "checks").write_text("in the way")
    assert open_graph(store).query("trials")
    flip(list_blocks(open_snapshot(store).folder)[0], 100)
    with pytest.raises(DamageError):
        open_graph(store).query("trials")


# Other files


def test_no_text_of_a_record_is_another(store: Path) -> None:
    """A record's text is proved by its own digest also where the file was noted as whole before it rotted: a bit of a
    packed text can give other words, and no fault of packing."""
    folder = open_snapshot(store).folder
    whole = {one.iri: one.record.text for one in Snapshot(folder).read_records()}
    path, chance, told = folder / "records.sqlite", random.Random(10), 0  # noqa: S311
    for _ in range(60):
        place = chance.randrange(8192, path.stat().st_size)
        flip(path, place)
        forge_note(store)
        try:
            texts = {one.iri: one.record.text for one in Snapshot(folder).read_records()}
        except DamageError:
            told += 1
        else:
            assert set(texts.values()) <= set(whole.values())
        flip(path, place)
    assert told


def test_a_damaged_answer_is_not_told(store: Path) -> None:
    """The answers worked out ahead: another number, half a file, no JSON, nothing."""
    folder = open_snapshot(store).folder / "answers"
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for harmed in (content.replace(b"1", b"2"), b"\0" * len(content), content[:-1] + b" ", content.upper()):
            if harmed != content:
                path.write_bytes(harmed)
                with pytest.raises(DamageError):
                    open_graph(store).query(path.stem)
        path.write_bytes(content)
        open_graph(store).query(path.stem)


@pytest.mark.parametrize("kind", ["directory", "loop", "gone"])
def test_what_cannot_be_read_is_no_damage(store: Path, kind: str) -> None:
    """A file that is missing, or that the system does not open, is told as that, and is nobody's to remove."""
    path = open_snapshot(store).folder / "manifest.sha256"
    path.unlink()
    if kind == "directory":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path.name)
    with pytest.raises(StoreError, match="missing" if kind == "gone" else "cannot be read") as raised:
        open_graph(store)
    assert not isinstance(raised.value, DamageError)


def test_a_lack_of_rights_is_told_as_one(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each kind of file that is read."""
    folder = open_snapshot(store).folder
    read, look = Path.read_bytes, os.lstat
    for name in ("manifest.json", "manifest.sha256", "records.sqlite", "index/CURRENT", "quads"):

        def refuse_read(self: Path, name: str = name) -> bytes:
            if self == folder / name:
                raise PermissionError(13, "Permission denied", str(self))
            return read(self)

        def refuse_look(path: str, name: str = name) -> os.stat_result:
            if str(path).startswith(str(folder / name)):
                raise PermissionError(13, "Permission denied", str(path))
            return look(path)

        monkeypatch.setattr(Path, "read_bytes", refuse_read)
        monkeypatch.setattr(os, "lstat", refuse_look)
        with pytest.raises(StoreError, match="may not be read") as raised:
            open_graph(store)
        assert not isinstance(raised.value, DamageError)


# The engine gives up

OUT_OF_MEMORY = """
import resource
from pyoxigraph import NamedNode, Quad, Store
from kg.cli.watches import explain_aborts
explain_aborts()
engine = Store()
engine.extend(Quad(NamedNode(f"x:{n}"), NamedNode("x:p"), NamedNode(f"x:{n + 1}")) for n in range(3000))
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (200 << 20),) * 2)
print(list(engine.query("SELECT ?a ?b ?c WHERE { ?a ?p ?b . ?c ?q ?d } ORDER BY ?a ?c")))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_an_engine_without_memory_is_a_limit(tmp_path: Path) -> None:
    """The engine ends the process where it gets no memory: with exit code 4 and a line of ours, the last."""
    done = subprocess.run([sys.executable, "-c", OUT_OF_MEMORY], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert done.stderr.splitlines()[-1].startswith("kg: out of memory")


def test_an_abort_of_a_child_stays_one() -> None:
    """A worker that was forked dies of its abort, and its parent tells what it makes of it."""
    code = "import os; from kg.cli.watches import explain_aborts; explain_aborts(); pid = os.fork()\n"
    code += "if not pid: os.abort()\nprint(os.WTERMSIG(os.waitpid(pid, 0)[1]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("6\n", "")
