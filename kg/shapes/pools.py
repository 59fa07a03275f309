"""Worker processes of a validation: shards in, findings out, and an end to what would take for ever.

A worker may use so much CPU for a part of the graph and no more: the system's own timer ends the process, for neither
a pattern that Python matches nor a path that Rust follows lets anybody else speak. CPU time is counted and not the
time of day, so a busy machine ends nothing.
"""

from __future__ import annotations

import gc
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as WaitedTooLong
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec

from kg.errors import LimitReached
from kg.processes import attach_to_parent, submit_in_order
from kg.shapes.checks import run_checks
from kg.shapes.findings import Checked, describe_trials
from kg.shapes.judges import Found, Judge
from kg.shapes.parts import PART, read_shards
from kg.shapes.quotes import check_quotes
from kg.store import Snapshot

REFERENCE_PART = 50
"""Trials given to pySHACL at once: rdflib needs about 1 KB for each statement."""
PATIENCE = 3600.0
"""Seconds by the clock that a task may take. Only one that sleeps for ever reaches it: see `limit_cpu`."""
CHECKS_CPU = 10.0
"""Seconds of CPU that the stored checks may use, and more for each trial: thirty times what they take."""
CHECKS_CPU_PER_TRIAL = 0.02
MOST_HELD = 200
"""Groups of shards whose findings wait for the stored checks to end; some 300 KB each."""

Paths = tuple[Path, ...]
FoundByTrial = dict[str, list[Found]]
Wait = Callable[["Future[bytes]"], bytes]


class Job(msgspec.Struct, frozen=True):
    """What the workers are to do.

    :ivar folder: The snapshot.
    :ivar records: IRIs of the records wanted, without brackets; None for all.
    :ivar shapes: The shapes graph as N-Triples.
    :ivar least_cpu: Seconds of CPU that any part may use; ``cpu_per_node`` more for each of its nodes. A part takes a
        seventh of it at most.
    """

    folder: Path
    engine: str
    records: frozenset[str] | None
    shapes: str
    least_cpu: float
    cpu_per_node: float


class Worker:
    """What a process keeps between shards: the engine with the shapes, and the record texts."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.judge = Judge(job.engine, job.shapes)
        self.read_text = Snapshot(job.folder).open_texts()
        self.size = size_part(self.judge.engine)

    def check(self, paths: Paths) -> Iterator[Checked]:
        """The trials of some shards."""
        for part in read_shards(paths, self.job.records, self.size):
            with limit_cpu(self.job.least_cpu + self.job.cpu_per_node * len(part.nodes)):
                found: list[Found] = [*self.judge.judge(part), *check_quotes(part, self.read_text)]
            yield from describe_trials(part, found)


def size_part(engine: str) -> int:
    """Trials that an engine is given at once."""
    return REFERENCE_PART if engine == "pyshacl" else PART


@contextmanager
def limit_cpu(seconds: float) -> Iterator[None]:
    """End this process, by the signal that `_explain` knows, when it has used so many seconds of CPU."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def check_in_processes(
    job: Job,
    shards: Sequence[Paths],
    workers: int,
    checks: tuple[Collection[str] | None, Collection[str] | None] | None,
) -> Iterator[tuple[list[Checked], FoundByTrial]]:
    """The trials of each group of shards, in order, beside everything that the stored checks found.

    :param checks: Names and trials for `run_checks`, which runs as one task beside the shards; None where it does not.
    :raises LimitReached: a worker was killed, or took too long.
    :raises ShapeError: the engine refuses the shapes.
    """
    with _open_pool(job, workers) as (pool, wait):
        extra = pool.submit(_run_checks, *checks) if checks else None
        held: deque[bytes] = deque()
        found: FoundByTrial = {}
        for task in submit_in_order(lambda paths: pool.submit(_check_shards, paths), shards, 2 * workers):
            held.append(wait(task))
            if extra and (extra.done() or len(held) > MOST_HELD):
                found, extra = msgspec.msgpack.decode(wait(extra), type=FoundByTrial), None
            while held and not extra:
                yield msgspec.msgpack.decode(held.popleft(), type=list[Checked]), found
        if extra:
            found = msgspec.msgpack.decode(wait(extra), type=FoundByTrial)
        for packed in held:
            yield msgspec.msgpack.decode(packed, type=list[Checked]), found


@contextmanager
def _open_pool(job: Job, workers: int) -> Iterator[tuple[ProcessPoolExecutor, Wait]]:
    """Processes, and a way to wait for a task that explains why one ended early. They do not outlive the block."""
    # Not forked: the engine's threads, once used in this process, leave locks that a forked copy would wait for.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start, initargs=(os.getpid(), job))
    pool.submit(os.getpid)  # the first task makes the list of processes, which grows with the next ones
    processes = pool._processes

    def wait(task: Future[bytes]) -> bytes:
        try:
            return task.result(timeout=PATIENCE)
        except WaitedTooLong:
            raise LimitReached(
                f"a worker took more than {PATIENCE:.0f} s for a task", mend="Say the same again on a less busy machine"
            ) from None
        except BrokenProcessPool:
            raise _explain([_wait_for(process) for process in processes.values()]) from None

    try:
        yield pool, wait
    except BaseException:  # a reader that stops early among them: what still runs is of no use to anybody
        for process in processes.values():
            process.kill()
        raise
    finally:
        pool.shutdown()


def _wait_for(process: BaseProcess) -> int | None:
    """How a process ended. The pool's own thread takes its end too, and whoever comes second is told a little later."""
    for _ in range(500):
        if process.exitcode is not None:
            break
        time.sleep(0.01)
    return process.exitcode


def _explain(exit_codes: Collection[int | None]) -> LimitReached:
    """Why a worker ended that should not have."""
    if -signal.SIGPROF in exit_codes:
        return LimitReached(
            "the shapes took more CPU than any part of the graph should need",
            mend="Look for a pattern or a path in shapes/, or a join in queries/check_*.rq, that takes for ever",
        )
    return LimitReached(
        "a worker process was killed, most likely for want of memory", mend="Free some, or stop other programs"
    )


_JOBS: list[Job] = []
_WORKERS: list[Worker] = []


def _start(parent: int, job: Job) -> None:
    """Leave Ctrl-C to the parent, and end with it. The shapes are read by the first task, whose errors are told."""
    attach_to_parent(parent)
    gc.set_threshold(200_000, 50, 100)  # a part is a million lists that refer to nothing: looking for circles is vain
    _JOBS[:] = [job]


def _check_shards(paths: Paths) -> bytes:
    if not _WORKERS:
        _WORKERS.append(Worker(_JOBS[0]))
    return msgspec.msgpack.encode(list(_WORKERS[0].check(paths)))


def _run_checks(names: Collection[str] | None, trials: Collection[str] | None) -> bytes:
    snapshot = Snapshot(_JOBS[0].folder)
    with limit_cpu(CHECKS_CPU + CHECKS_CPU_PER_TRIAL * snapshot.manifest.trials):
        return msgspec.msgpack.encode(run_checks(snapshot.engine, names, trials))
