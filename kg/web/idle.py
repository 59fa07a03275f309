"""Workers that have nothing to do, and the jobs that wait for one."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

from kg.web.children import Worker

_Waiter = tuple[bool, int, asyncio.Future[Worker]]


class IdleWorkers:
    """Hands workers to jobs: those not known to be long first, and of them the newest.

    The newest first, since a queue is long only when there is more work than can be done in time: then whoever has
    waited longest is the likeliest to be late in any case, and a newcomer must not wait for a burst to pass. Long
    jobs are in the order in which they came.

    :param drop: Is told of a worker that died while it was idle; no job gets it.
    """

    def __init__(self, drop: Callable[[Worker], None]) -> None:
        self._drop = drop
        self._idle: list[Worker] = []
        self._waiting: list[_Waiter] = []
        self._arrivals = itertools.count()

    def __len__(self) -> int:
        return len(self._idle)

    async def get(self, *, is_long: bool = False) -> Worker:
        """A worker, as soon as it is this job's turn."""
        while self._idle:
            worker = self._idle.pop()
            if worker.is_usable():
                return worker
            self._drop(worker)
        future: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        number = next(self._arrivals)
        waiter = (is_long, number if is_long else -number, future)
        heapq.heappush(self._waiting, waiter)
        try:
            return await future
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                heapq.heapify(self._waiting)
            elif not future.cancelled():  # the worker came as the job was given up
                self.put(future.result())
            raise

    def remove(self, worker: Worker) -> bool:
        """Take out a worker that died; False where it is not idle."""
        is_idle = worker in self._idle
        if is_idle:
            self._idle.remove(worker)
        return is_idle

    def put(self, worker: Worker) -> None:
        """Give a worker to whoever's turn it is."""
        if not worker.is_usable():
            self._drop(worker)
            return
        while self._waiting:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(worker)
                return
        self._idle.append(worker)
