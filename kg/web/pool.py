"""A pool of worker processes that answer jobs, each of which can be killed.

A job has a deadline from the moment it arrives, its wait included; a worker that passes it is killed and another
starts. Jobs that run for long may hold only some of the workers, at low priority, so that short ones get through.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

import msgspec

from kg.errors import KgError
from kg.web.frames import SIZES, Job, Plan, Reply, pack

_LOW = 15
"""Priority (nice) of a job that runs for long."""


class Refused(KgError):  # noqa: N818  # the name says what happened
    """No answer: busy, too late, or the worker died. ``retry`` is the seconds to wait before another try."""

    def __init__(self, what: str, *, status: int, mend: str = "", retry: int = 0) -> None:
        self.status, self.retry = status, retry
        super().__init__(what, mend=mend)


class Bounds(msgspec.Struct, frozen=True):
    """How much a pool takes on.

    :ivar size: Worker processes.
    :ivar slow: How many of them may run for longer than ``grace`` seconds at once.
    :ivar queue: Jobs that may wait; the next is refused at once.
    :ivar deadline: Seconds from arrival to answer.
    :ivar uses: Jobs after which a worker is replaced.
    """

    size: int = 4
    slow: int = 2
    grace: float = 1.0
    queue: int = 64
    deadline: float = 5.0
    uses: int = 5_000


class Worker:
    """One process and its pipes."""

    def __init__(self, process: asyncio.subprocess.Process, confined: str) -> None:
        self.process, self.confined = process, confined
        self.uses = 0
        self.is_slow = self.is_lowered = False

    @classmethod
    async def start(cls, plan: Plan) -> Worker:
        """Start a process and wait until it is warm.

        :raises Refused: it died on the way, or cannot read the graph.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "kg.web.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=2**20,
        )
        try:
            reply = await cls(process, "")._exchange(pack(plan))
            if reply.fault is not None:
                raise Refused(reply.fault.what, status=reply.fault.status)
        except BaseException:
            await cls(process, "").kill()
            raise
        return cls(process, str(reply.meta["confined"]))

    async def answer(self, job: Job) -> Reply:
        """Its answer to a job.

        :raises Refused: the process died of it.
        """
        self.uses += 1
        return await self._exchange(pack(job))

    async def _exchange(self, frame: bytes) -> Reply:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None  # noqa: S101  # both are pipes
        assert stdout is not None  # noqa: S101
        try:
            stdin.write(frame)
            await stdin.drain()
            head, body = SIZES.unpack(await stdout.readexactly(SIZES.size))
            reply = msgspec.json.decode(await stdout.readexactly(head), type=Reply)
            return Reply(reply.meta, reply.fault, await stdout.readexactly(body))
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await self.process.wait()
            name = signal.Signals(-code).name if code < 0 else str(code)
            raise Refused(
                "the query brought its process down: it nests too deeply or needs too much memory",
                status=400,
                mend=f"Ask for less ({name})",
            ) from None

    def lower(self) -> None:
        """Let others go first."""
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.process.pid, _LOW)
            self.is_lowered = True

    def restore(self) -> bool:
        """Back to normal priority; False where the system does not allow it."""
        self.is_slow = False
        try:
            if self.is_lowered:
                os.setpriority(os.PRIO_PROCESS, self.process.pid, os.getpriority(os.PRIO_PROCESS, 0))
            self.is_lowered = False
        except OSError:
            return False
        return True

    async def kill(self) -> None:
        """End it, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.clear()

    async def clear(self) -> None:
        """Wait until a killed process is gone, and let go of its pipes."""
        await self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
            with contextlib.suppress(ConnectionError):
                await self.process.stdin.wait_closed()
        transport: asyncio.BaseTransport = self.process._transport  # type: ignore[attr-defined]  # no public way
        transport.close()


class Pool:
    """Workers of one kind."""

    def __init__(self, plan: Plan, bounds: Bounds) -> None:
        self.plan, self.bounds = plan, bounds
        self.confined = ""
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._all: set[Worker] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._waiting = 0
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
        return len(self._all) - self._idle.qsize()

    def list_processes(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.process.pid for worker in self._all]

    async def run(self, job: Job, deadline: float | None = None) -> Reply:
        """The answer of the next free worker. Cancelling frees the worker.

        :raises Refused: the queue is full, the deadline passed, or the worker died.
        """
        limit = deadline or self.bounds.deadline
        if self._is_closing or (self._idle.empty() and self._waiting >= self.bounds.queue):
            raise Refused("the server is busy", status=503, mend="Try again in a moment", retry=2)
        end = asyncio.get_running_loop().time() + limit
        self._waiting += 1
        try:
            async with asyncio.timeout_at(end):
                worker = await self._idle.get()
        except TimeoutError:
            raise Refused("the server is busy", status=503, mend="Try again in a moment", retry=2) from None
        finally:
            self._waiting -= 1
        return await self._run_on(worker, job, end, limit)

    async def _run_on(self, worker: Worker, job: Job, end: float, limit: float) -> Reply:
        loop = asyncio.get_running_loop()
        answering = asyncio.create_task(worker.answer(job))
        is_whole = False
        try:
            done, _ = await asyncio.wait({answering}, timeout=min(self.bounds.grace, max(0.0, end - loop.time())))
            if not done:
                self._go_slow(worker)
                done, _ = await asyncio.wait({answering}, timeout=max(0.0, end - loop.time()))
            if not done:
                raise Refused(
                    f"the query was stopped after {limit:g} s", status=503, mend="Ask for less, or more narrowly"
                )
            reply = answering.result()
            is_whole = True
            return reply
        finally:
            if not is_whole:
                answering.cancel()
            self._give_back(worker, is_whole)

    def _go_slow(self, worker: Worker) -> None:
        if sum(other.is_slow for other in self._all) >= self.bounds.slow:
            raise Refused(
                "the server is busy with other long queries", status=503, mend="Try again in a moment", retry=5
            )
        worker.is_slow = True
        worker.lower()

    def _give_back(self, worker: Worker, is_whole: bool) -> None:
        if is_whole and worker.uses < self.bounds.uses and worker.restore() and not self._is_closing:
            self._idle.put_nowait(worker)
            return
        self._all.discard(worker)
        with contextlib.suppress(ProcessLookupError):
            worker.process.kill()
        if not self._is_closing:
            task = asyncio.create_task(self._replace(worker))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

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
        self.confined = worker.confined
        self._all.add(worker)
        self._idle.put_nowait(worker)

    async def close(self) -> None:
        """End all workers; jobs that run are lost, so drain first."""
        self._is_closing = True
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(worker.kill() for worker in self._all))
        self._all.clear()
