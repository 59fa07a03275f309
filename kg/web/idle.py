"""Workers that have nothing to do, and the jobs that wait for one."""

from __future__ import annotations

import asyncio
import heapq
import itertools

from kg.web.children import Worker

_Waiter = tuple[bool, int, asyncio.Future[Worker]]


class IdleWorkers:
    """Hands workers to jobs: those not known to be long first, and of them the newest.

    The newest first, since a queue is long only when there is more work than can be done in time: then whoever has
    waited longest is the likeliest to be late in any case, and a newcomer must not wait for a burst to pass. Long
    jobs are in the order in which they came.
    """

    def __init__(self) -> None:
        self._idle: list[Worker] = []
        self._waiting: list[_Waiter] = []
        self._arrivals = itertools.count()

    def __len__(self) -> int:
        return len(self._idle)

    async def get(self, *, is_long: bool = False) -> Worker:
        """A worker, as soon as it is this job's turn."""
        if self._idle:
            return self._idle.pop()
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

    def put(self, worker: Worker) -> None:
        """Give a worker to whoever's turn it is."""
        while self._waiting:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(worker)
                return
        self._idle.append(worker)
