"""A pool of worker processes that answer jobs, each of which can be killed.

A job has a deadline from the moment it arrives, its wait included; a worker that passes it is killed and another
starts. Jobs that work for long may hold only some of the workers, at low priority, and queue apart, so that short ones
get through. A job that was long once is known when it comes again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, OrderedDict
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec

from kg.web.children import LostError, Refused, Worker
from kg.web.frames import Job, Plan, Reply
from kg.web.idle import IdleWorkers

Waited = TypeVar("Waited")


class StoppedError(Refused):
    """The job was not done in its time."""


class _DisplacedError(Exception):
    """The job is long, and as many long ones run as may."""


_MOST_KNOWN = 10_000
"""Long jobs that are remembered."""


def _refuse_busy() -> Refused:
    return Refused("the server is busy", status=503, mend="Try again in a moment", retry=2)


def _key(job: Job) -> int:
    return hash(msgspec.json.encode(job))


class Bounds(msgspec.Struct, frozen=True):
    """How much a pool takes on.

    :ivar size: Worker processes.
    :ivar slow: How many of them may work for longer than ``grace`` seconds at once; further long jobs begin anew
        when one of these ends.
    :ivar queue: Jobs that may wait, long ones and others each; the next is refused at once.
    :ivar deadline: Seconds from arrival to answer.
    :ivar uses: Jobs after which a worker is replaced.
    """

    size: int = 4
    slow: int = 2
    grace: float = 0.25
    queue: int = 64
    deadline: float = 5.0
    uses: int = 5_000


class Pool:
    """Workers of one kind."""

    def __init__(self, plan: Plan, bounds: Bounds) -> None:
        self.plan, self.bounds = plan, bounds
        self.confined = ""
        self.lacks: tuple[str, ...] = ()
        self._idle = IdleWorkers(self._renew)
        self._all: set[Worker] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lanes = asyncio.Semaphore(bounds.slow)
        self._waiting: Counter[bool] = Counter()
        self._known_long: OrderedDict[int, None] = OrderedDict()
        self._is_closing = False

    async def start(self) -> None:
        """Start all workers.

        :raises Refused: they cannot start.
        """
        started = await asyncio.gather(*(self._add() for _ in range(self.bounds.size)), return_exceptions=True)
        for one in started:
            if isinstance(one, BaseException):
                raise one

    @property
    def running(self) -> int:
        """Workers that answer a job now."""
        return len(self._all) - len(self._idle)

    def list_processes(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.process.pid for worker in self._all]

    async def run(self, job: Job) -> Reply:
        """The answer of the next free worker. Cancelling frees the worker.

        A job whose worker was lost for no reason of its own is given to another, once.

        :raises Refused: the queue is full, the deadline passed, or the worker died.
        """
        end = asyncio.get_running_loop().time() + self.bounds.deadline
        try:
            return await self._run_in_turn(job, end)
        except LostError:
            return await self._run_in_turn(job, end)

    async def _run_in_turn(self, job: Job, end: float) -> Reply:
        if self._is_closing:
            raise _refuse_busy()
        if _key(job) not in self._known_long:
            worker = await self._wait(self._idle.get(), end, _refuse_busy())
            with contextlib.suppress(_DisplacedError):
                return await self._run_on(worker, job, end)
        return await self._run_long(job, end)

    async def _run_long(self, job: Job, end: float) -> Reply:
        what = f"the server is busy with other long {'queries' if job.is_query else 'requests'}"
        crowded = Refused(what, status=503, mend="Try again in a moment", retry=5)
        await self._wait(self._lanes.acquire(), end, crowded, is_long=True)
        try:
            worker = await self._wait(self._idle.get(is_long=True), end, crowded, is_long=True)
            return await self._run_on(worker, job, end, has_lane=True)
        finally:
            self._lanes.release()

    def _remember(self, job: Job) -> None:
        self._known_long[_key(job)] = None
        if len(self._known_long) > _MOST_KNOWN:
            self._known_long.popitem(last=False)

    async def _wait(
        self, wanted: Coroutine[Any, Any, Waited], end: float, otherwise: Refused, *, is_long: bool = False
    ) -> Waited:
        if self._waiting[is_long] >= self.bounds.queue:
            wanted.close()
            raise otherwise
        self._waiting[is_long] += 1
        try:
            async with asyncio.timeout_at(end):
                return await wanted
        except TimeoutError:
            raise otherwise from None
        finally:
            self._waiting[is_long] -= 1

    async def _run_on(self, worker: Worker, job: Job, end: float, *, has_lane: bool = False) -> Reply:
        answering = asyncio.create_task(worker.answer(job))
        is_whole = takes_lane = False
        try:
            if not has_lane and not await self._finish_soon(worker, answering, end):
                self._remember(job)
                if self._lanes.locked():
                    raise _DisplacedError
                takes_lane = await self._lanes.acquire()
            if has_lane or takes_lane:
                worker.lower()
                await asyncio.wait({answering}, timeout=max(0.0, end - asyncio.get_running_loop().time()))
            if not answering.done():
                raise StoppedError(
                    f"the {job.noun} was stopped after {self.bounds.deadline:g} s",
                    status=503,
                    mend="Ask for less, or more narrowly",
                )
            reply = answering.result()
            is_whole = True
            return reply
        finally:
            if takes_lane:
                self._lanes.release()
            if not is_whole:
                answering.cancel()
            self._give_back(worker, is_whole)

    async def _finish_soon(self, worker: Worker, answering: asyncio.Task[Reply], end: float) -> bool:
        """Whether the job ends, or its time, before it has used ``grace`` seconds of the processor.

        A busy machine makes every job last, and only some of them are long. The wait for another server is counted
        by the clock.
        """
        loop = asyncio.get_running_loop()
        read = loop.time if self.plan.endpoint else worker.read_used
        begun = read()
        while not answering.done() and loop.time() < end:
            pause = min(self.bounds.grace / 2, max(0.0, end - loop.time()))
            await asyncio.wait({answering}, timeout=pause)
            if not answering.done() and read() - begun >= self.bounds.grace:
                return False
        return True

    def _give_back(self, worker: Worker, is_whole: bool) -> None:
        if is_whole and worker.uses < self.bounds.uses and worker.restore() and not self._is_closing:
            self._idle.put(worker)
            return
        self._renew(worker)

    def _renew(self, worker: Worker) -> None:
        """End a worker, and start another in its place."""
        if worker not in self._all:
            return
        self._all.discard(worker)
        worker.end()
        if not self._is_closing:
            self._begin(self._replace(worker))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _replace(self, worker: Worker) -> None:
        """Start another, however often it takes."""
        await worker.clear()
        pause = 0.1
        while not self._is_closing:
            try:
                await self._add()
                return
            except (Refused, OSError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)

    async def _add(self) -> None:
        worker = await Worker.start(self.plan)
        if self._is_closing:
            await worker.kill()
            return
        self.confined, self.lacks = worker.confined, worker.lacks
        self._all.add(worker)
        self._idle.put(worker)
        self._begin(self._wait_for_end(worker))

    async def _wait_for_end(self, worker: Worker) -> None:
        """Replace a worker that dies while it has nothing to do; of others, those that wait for them are told."""
        await worker.process.wait()
        if self._idle.remove(worker):
            self._renew(worker)

    async def close(self) -> None:
        """End all workers; jobs that run are lost, so drain first."""
        self._is_closing = True
        await asyncio.gather(*(worker.kill() for worker in self._all))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._all.clear()
