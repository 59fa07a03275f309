"""The map step runs anywhere, and a worker's death costs time and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from kg.errors import ClusterError, LimitReached, SourceError
from kg.pipeline import State, build
from kg.pipeline.pools import open_pool, run_all
from kg.store import open_snapshot
from tests.conftest import ROOT
from tests.pipeline.conftest import Write, make_study, read_shards

distributed = pytest.importorskip("distributed")


@contextmanager
def start_cluster(folder: Path, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """A Dask scheduler and workers on loopback, each a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        log = (folder / f"dask{len(started)}.log").open("w")
        with log:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
                    cwd=ROOT,
                    stderr=log,
                    stdout=log,
                    text=True,
                    env={**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"},
                )
            )
        return started[-1]

    def read(number: int, pattern: str) -> re.Match[str]:
        for _ in range(400):
            if found := re.search(pattern, (folder / f"dask{number}.log").read_text()):
                return found
            time.sleep(0.05)
        raise AssertionError((folder / f"dask{number}.log").read_text())

    try:
        start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        address = read(0, r"tcp://127\.0\.0\.1:\d+")[0]
        for number in range(workers):
            start(
                "dask_worker",
                address,
                "--nworkers=1",
                "--nthreads=1",
                "--no-nanny",
                "--no-dashboard",
                f"--local-directory={folder}",
            )
            read(number + 1, "Registered to")
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def _fail_early() -> None:
    with open_pool(2):
        raise SourceError("no such file")


def test_a_failure_leaves_no_worker_and_no_thread_of_the_pool() -> None:
    """One that is still closing when Python exits ends in a traceback."""
    before = set(threading.enumerate())
    with pytest.raises(SourceError):
        _fail_early()
    assert set(threading.enumerate()) <= before
    assert not [one for one in multiprocessing.active_children() if "ForkProcess" in one.name]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_writes_the_same_shards_also_when_a_worker_dies(tmp_path: Path, write: Write) -> None:
    """Two workers on loopback, one of them killed amid the work."""
    source = str(write("x.jsonl", *(make_study(number) for number in range(320))))
    build([source], tmp_path / "here")
    with start_cluster(tmp_path, 2) as (address, workers):
        doomed = workers[1]

        def watch(state: State) -> None:
            if state.stage == "reading" and doomed.poll() is None:
                doomed.send_signal(signal.SIGKILL)

        build([source], tmp_path / "cluster", scheduler=address, progress=watch)
        assert doomed.wait() == -signal.SIGKILL
    assert read_shards(open_snapshot(tmp_path / "cluster")) == read_shards(open_snapshot(tmp_path / "here"))


def test_a_scheduler_that_is_not_there_is_one_line(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is named, and how to start one."""
    from kg.pipeline import pools

    monkeypatch.setattr(pools, "TIMEOUT", 1)
    source = str(write("x.jsonl", make_study(1)))
    for address in ("tcp://127.0.0.1:9", "nonsense"):
        with pytest.raises(ClusterError) as raised:
            build([source], tmp_path / "s", scheduler=address)
        assert address in str(raised.value)
        assert "dask scheduler" in str(raised.value)


def die(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_worker_that_is_killed_is_explained() -> None:
    """As when memory runs out: which limit, and what to do."""
    with pytest.raises(LimitReached, match="worker process was killed"), open_pool(2) as pool:
        list(run_all(pool, die, range(100)))


def test_no_more_is_taken_than_the_workers_can_hold() -> None:
    """Items are drawn as results are fetched: the queue is bounded."""
    taken = []

    def draw() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    with ProcessPoolExecutor(2) as pool:
        results = run_all(pool, abs, draw())
        assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
        assert len(taken) < 20
        assert list(results) == list(range(5, 1000))
