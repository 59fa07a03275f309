"""A worker process as its parent sees it: started, asked over its pipes, lowered, and killed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

import msgspec

from kg.errors import KgError
from kg.web.frames import SIZES, Job, Plan, Reply, pack

_log = logging.getLogger(__name__)
_TICKS = os.sysconf("SC_CLK_TCK")
_LOW = 15
"""Priority (nice) of a job that runs for long."""


class Refused(KgError):  # noqa: N818  # the name says what happened
    """No answer: busy, too late, or the worker died. ``retry`` is the seconds to wait before another try."""

    def __init__(self, what: str, *, status: int, mend: str = "", retry: int = 0) -> None:
        self.status, self.retry = status, retry
        super().__init__(what, mend=mend)


class Worker:
    """One process and its pipes."""

    def __init__(self, process: asyncio.subprocess.Process, confined: str) -> None:
        self.process, self.confined = process, confined
        self.uses = 0
        self.is_lowered = False

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
        reply = await self._exchange(pack(job), job)
        if reply.trace:
            _log.error("%s %s failed:\n%s", job.task, str(job.arguments)[:1_000], reply.trace)
        return reply

    async def _exchange(self, frame: bytes, job: Job | None = None) -> Reply:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None  # noqa: S101  # both are pipes
        assert stdout is not None  # noqa: S101
        try:
            stdin.write(frame)
            await stdin.drain()
            head, body = SIZES.unpack(await stdout.readexactly(SIZES.size))
            reply = msgspec.json.decode(await stdout.readexactly(head), type=Reply)
            return Reply(reply.meta, reply.fault, reply.trace, await stdout.readexactly(body))
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await self.process.wait()
            name = signal.Signals(-code).name if code < 0 else str(code)
            if job is None or not job.is_query:
                what = f"task {job.task}" if job else "its start"
                _log.error("a worker died of %s (%s)", what, name)
                raise Refused(f"a worker process died of {what} ({name})", status=500) from None
            raise Refused(
                "the query brought its process down: it nests too deeply or needs too much memory",
                status=400,
                mend=f"Ask for less ({name})",
            ) from None

    def read_used(self) -> float:
        """Seconds of the processor that the process has used."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:  # it has just died
            return 0.0
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def lower(self) -> None:
        """Let others go first."""
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.process.pid, _LOW)
            self.is_lowered = True

    def restore(self) -> bool:
        """Back to normal priority; False where the system does not allow it."""
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
