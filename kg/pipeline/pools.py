"""Where the map step runs: in this process, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

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
        start = get_context(pick_start())
        with ProcessPoolExecutor(workers, start, initializer=attach_to_parent, initargs=(os.getpid(),)) as pool:
            # Started now, before the engine starts threads whose locks a later copy of this process would wait for.
            pool.submit(os.getpid).result()
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


def run_all(
    pool: Executor | None, run: Callable[[Item], Result], items: Iterable[Item], width: int | None = None
) -> Iterator[Result]:
    """Results in the order of the items; only so many items are taken as the workers can hold."""
    if pool is None:
        yield from map(run, items)
        return
    ahead = AHEAD * (width or getattr(pool, "_max_workers", None) or count_cores())
    for task in submit_in_order(lambda item: pool.submit(run, item), items, ahead):
        yield task.result()


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
