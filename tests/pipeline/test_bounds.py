"""One record that takes more than its share is set aside; its batch, and the build, go on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kg.extract.designs import find_conditions
from kg.model import Rejected, Study
from kg.pipeline import bounds, build
from kg.pipeline.pools import open_pool, run_batches
from kg.pipeline.readings import Reading, read_batch
from kg.store import open_snapshot
from tests.conftest import ROOT
from tests.pipeline.conftest import Write, make_study, read_shards
from tests.pipeline.test_readings import make_blob

Cost = Callable[[], object]


def match_for_ever() -> object:
    """A match that only a signal stops."""
    return re.search(r"(a+)+$", "a" * 64 + "!")


def loop_for_ever() -> object:
    while True:
        pass


def take_memory() -> object:
    return bytearray(4 * bounds.MEGABYTES * 2**20)


def spend(monkeypatch: pytest.MonkeyPatch, cost: Cost, seconds: float = 1.0) -> None:
    """Make the record with the title "costly" cost so much, and time short."""

    def find(study: Study) -> object:
        if study.first("title") == "costly":
            cost()
        return find_conditions(study)

    monkeypatch.setattr("kg.extract.trials.find_conditions", find)
    monkeypatch.setattr(bounds, "SECONDS", seconds)


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """What is made on first use is no part of a record's time."""
    read_batch([make_blob("warm")])


BLOBS = [make_blob(title) for title in ("first", "costly", "last")]
COSTS = [
    pytest.param(match_for_ever, "of the processor", id="match"),
    pytest.param(loop_for_ever, "of the processor", id="loop"),
    pytest.param(
        take_memory,
        "MB of memory",
        id="memory",
        marks=pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel has no such limit"),
    ),
]


@pytest.mark.parametrize(("cost", "reason"), COSTS)
def test_a_costly_record_leaves_its_batch_whole(monkeypatch: pytest.MonkeyPatch, cost: Cost, reason: str) -> None:
    """Time and memory: the record is listed with its reason, and the others read as they read alone."""
    spend(monkeypatch, cost)
    first, costly, last = read_batch(BLOBS)
    assert isinstance(costly, Rejected)
    assert costly.file == BLOBS[1].name
    assert reason in costly.reason
    assert "depends on the machine" in costly.reason
    assert [[first], [last]] == [read_batch([BLOBS[0]]), read_batch([BLOBS[2]])]


def check_a_thread() -> None:
    """Signals reach the main thread only; a Dask worker reads in another."""
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as pool:
        spend(patch, loop_for_ever)
        found = pool.submit(read_batch, BLOBS).result()
    assert [type(one) for one in found] == [Reading, Rejected, Reading]
    assert not [one for one in threading.enumerate() if one.name == "kg-bounds"]


def check_a_bare_system() -> None:
    """Without ``/proc`` (macOS) memory is not held, without `setitimer` a thread watches the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "_measure_data", lambda: None)
        patch.delattr(signal, "setitimer")
        spend(patch, loop_for_ever)
        assert [type(one) for one in read_batch(BLOBS)] == [Reading, Rejected, Reading]


@pytest.mark.parametrize("check", [check_a_thread, check_a_bare_system], ids=lambda check: check.__name__)
def test_a_watcher_stops_a_costly_record(check: Callable[[], None]) -> None:
    """In a process of its own: Python 3.11 stops no thread from outside while coverage traces it."""
    code = f"from tests.pipeline import test_bounds; test_bounds.{check.__name__}()"
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=ROOT, env=env, timeout=120, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_bounds_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handler, timer and limit are what they were before, also after a record that was stopped."""
    import resource

    before = signal.getsignal(signal.SIGALRM), resource.getrlimit(resource.RLIMIT_DATA)
    spend(monkeypatch, loop_for_ever)
    read_batch(BLOBS)
    assert (signal.getsignal(signal.SIGALRM), resource.getrlimit(resource.RLIMIT_DATA)) == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


@pytest.mark.parametrize("name", ["MOST_TEXT", "MOST_PARTS"])
def test_a_record_of_too_many_parts_is_set_aside(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Counted and not timed: every machine sets the same record aside."""
    monkeypatch.setattr(bounds, name, 0)
    (found,) = read_batch([make_blob("title")])
    assert isinstance(found, Rejected)
    assert "a record may have 0" in found.reason


@pytest.mark.parametrize("workers", [1, 2])
def test_a_build_goes_on_past_a_costly_record(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """The graph is that of the other records, and the list of rejects names the costly one."""
    spend(monkeypatch, loop_for_ever)
    cheap = [make_study(number) for number in range(60)]
    costly = make_study(99)
    costly["protocolSection"]["identificationModule"]["briefTitle"] = "costly"
    report = build([str(write("a.jsonl", *cheap, costly))], tmp_path / "a", workers=workers)
    assert [(one.file, "of the processor" in one.reason) for one in report.rejected] == [("a.jsonl:61", True)]
    assert report.manifest.rejected == 1
    assert report.folder is not None
    assert "a.jsonl:61" in (report.folder / "rejects.tsv").read_text()
    build([str(write("a.jsonl", *cheap))], tmp_path / "b", workers=workers)
    assert read_shards(open_snapshot(tmp_path / "a")) == read_shards(open_snapshot(tmp_path / "b"))


def die_on_seven(numbers: list[int]) -> list[int]:
    """Stands for a batch with a record that ends its process, as the kernel does where memory runs out."""
    if 7 in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    return numbers


def test_what_kills_its_worker_is_found_and_nothing_else_is_lost() -> None:
    """The other items of its batch and those of the batches that were under way are run again."""
    batches = [list(range(start, start + 5)) for start in range(0, 60, 5)]
    with open_pool(2) as pool:
        found = list(run_batches(pool, die_on_seven, batches, lambda number: -number))
    assert [one for some in found for one in some] == [-number if number == 7 else number for number in range(60)]


def test_a_worker_that_dies_once_costs_nothing(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed by somebody else: what it read is read again, and the build is the same."""
    home = os.getpid()

    def kill() -> None:
        if os.getpid() != home:
            os.kill(os.getpid(), signal.SIGKILL)

    spend(monkeypatch, kill, 10)
    studies = [make_study(number) for number in range(120)]
    studies[70]["protocolSection"]["identificationModule"]["briefTitle"] = "costly"
    source = str(write("a.jsonl", *studies))
    report = build([source], tmp_path / "a", workers=2)
    assert not report.rejected
    build([source], tmp_path / "b", workers=1)
    assert read_shards(open_snapshot(tmp_path / "a")) == read_shards(open_snapshot(tmp_path / "b"))
