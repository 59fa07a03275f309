"""Where the map step runs: in this process, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from typing import Any, TypeVar

from kg.errors import ClusterError, LimitReached
from kg.processes import attach_to_parent, count_cores, pick_start, submit_in_order

Item = TypeVar("Item")
Result = TypeVar("Result")
TIMEOUT = 10
"""Seconds to wait for a scheduler."""
_ADDRESS = re.compile(r"[a-z]+://\S+:\d+")
AHEAD = 3
"""Tasks that wait for each worker; the bound of all queues."""


@contextmanager
def open_pool(workers: int | None = None, scheduler: str | None = None) -> Iterator[Executor | None]:
    """Something to run tasks on; None where that is this process itself.

    :param scheduler: Address of a Dask scheduler (``tcp://host:8786``).
    :raises ClusterError: the scheduler cannot be reached, or its workers run another kg.
    :raises LimitReached: a worker process was killed.
    """
    if scheduler:
        with _open_cluster(scheduler) as cluster:
            yield cluster
        return
    workers = workers or count_cores()
    if workers == 1:
        yield None
        return
    try:
        with Workers(workers) as pool:
            try:
                yield pool
            except BaseException:
                # To the end: a pool that is still closing when Python exits writes to a pipe that is gone.
                pool.shutdown(cancel_futures=True)
                raise
    except BrokenProcessPool:
        raise LimitReached(
            "a worker process was killed, perhaps for lack of memory",
            mend="Say the same again, with fewer --workers: what was read is kept",
        ) from None


class Workers(Executor):
    """Processes of this machine.

    :param count: How many.
    """

    def __init__(self, count: int) -> None:
        self._max_workers = count
        # Forked now, before the engine starts threads whose locks a later copy of this process would wait for.
        self._pool = self._start(get_context(pick_start()))
        self._pool.submit(os.getpid).result()

    def _start(self, context: BaseContext) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._max_workers, context, initializer=attach_to_parent, initargs=(os.getpid(),))

    def submit(self, run: Callable[..., Result], /, *arguments: Any, **named: Any) -> Future[Result]:
        """Run a call in one of the processes.

        :raises BrokenProcessPool: one of them was killed.
        """
        return self._pool.submit(run, *arguments, **named)

    def renew(self) -> None:
        """Start new processes in the place of those of which one was killed; as threads may run by now, no copies of
        this one."""
        self._pool.shutdown(cancel_futures=True)
        self._pool = self._start(get_context("spawn"))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def run_all(
    pool: Executor | None, run: Callable[[Item], Result], items: Iterable[Item], width: int | None = None
) -> Iterator[Result]:
    """Results in the order of the items; only so many items are taken as the workers can hold."""
    if pool is None:
        yield from map(run, items)
        return
    for _, task in _submit_ahead(pool, run, items, width):
        yield task.result()


def run_batches(
    pool: Executor | None,
    run: Callable[[list[Item]], list[Result]],
    batches: Iterable[list[Item]],
    give_up: Callable[[Item], Result],
) -> Iterator[list[Result]]:
    """Results of batches, in their order; what kills its worker is found, and the rest is not lost.

    Where a worker is killed, each batch that was under way is run anew, alone; one that kills again is run item by
    item.

    :param give_up: What stands for an item whose worker is killed while it runs by itself.
    """
    if pool is None:
        yield from map(run, batches)
        return
    for batch, task in _submit_ahead(pool, run, batches):
        try:
            yield task.result()
        except Exception as error:
            if not _is_death(error):
                raise
            yield _run_again(pool, run, batch, give_up)


def _run_again(
    pool: Executor, run: Callable[[list[Item]], list[Result]], batch: list[Item], give_up: Callable[[Item], Result]
) -> list[Result]:
    """Run a batch alone; by halves where that kills its worker."""
    try:
        return _run_alone(pool, run, batch)
    except Exception as error:
        if not _is_death(error):
            raise
    if len(batch) == 1:
        return [give_up(batch[0])]
    middle = len(batch) // 2
    return [one for part in (batch[:middle], batch[middle:]) for one in _run_again(pool, run, part, give_up)]


def _run_alone(pool: Executor, run: Callable[[Item], Result], item: Item) -> Result:
    """Run one task while no other is; in new processes where the old ones are gone."""
    try:
        task = pool.submit(run, item)
    except BrokenProcessPool:
        if not isinstance(pool, Workers):
            raise
        pool.renew()
        task = pool.submit(run, item)
    return task.result()


def _is_death(error: Exception) -> bool:
    """Whether a task failed because its worker was killed; Dask's error is known by its name, for Dask may not be
    installed."""
    return isinstance(error, BrokenProcessPool) or type(error).__name__ == "KilledWorker"


def _submit_ahead(
    pool: Executor, run: Callable[[Item], Result], items: Iterable[Item], width: int | None = None
) -> Iterator[tuple[Item, Future[Result]]]:
    """Items with their tasks, in order; a pool that is gone makes tasks that failed."""
    ahead = AHEAD * (width or getattr(pool, "_max_workers", None) or count_cores())
    waiting: deque[Item] = deque()

    def submit(item: Item) -> Future[Result]:
        waiting.append(item)
        try:
            return pool.submit(run, item)
        except BrokenProcessPool as error:
            failed: Future[Result] = Future()
            failed.set_exception(error)
            return failed

    for task in submit_in_order(submit, items, ahead):
        yield waiting.popleft(), task


@contextmanager
def _open_cluster(scheduler: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError("Dask is not installed", mend="pip install 'trialkg[cluster]'") from None
    from kg.resources import fingerprint

    if not _ADDRESS.fullmatch(scheduler):
        mend = "Write what `dask scheduler` tells: tcp://HOST:8786"
        raise ClusterError("is no address of a scheduler", where=scheduler, mend=mend)
    try:
        client = Client(scheduler, timeout=TIMEOUT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"the scheduler does not answer ({error})",
            where=scheduler,
            mend="Start one with `dask scheduler`, and workers with `dask worker tcp://HOST:8786`",
        ) from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise ClusterError("the scheduler has no workers", where=scheduler, mend="Start some with `dask worker`")
        try:
            others = {worker for worker, mark in client.run(fingerprint).items() if mark != fingerprint()}
        except Exception as error:  # noqa: BLE001  # whatever a stranger's worker raises
            raise ClusterError(
                f"a worker cannot run kg ({type(error).__name__}: {error})",
                where=scheduler,
                mend="Install the same kg on every worker",
            ) from None
        if others:
            raise ClusterError(
                "a worker runs another kg, and would write another graph",
                where=", ".join(sorted(others)),
                mend="Install the same kg on every worker",
            )
        yield client.get_executor(pure=False, retries=5)
