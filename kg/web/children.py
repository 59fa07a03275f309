"""A worker process as its parent sees it: started, asked over its pipes, lowered, and killed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import signal
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from kg.errors import KgError
from kg.web.frames import SIZES, Job, Plan, Reply, pack

_log = logging.getLogger(__name__)
PROC = Path("/proc")
"""Where the system tells of processes; not there on macOS."""
_TICKS = os.sysconf("SC_CLK_TCK")
_LOW = 15
"""Priority (nice) of a job that runs for long."""
_START = 120.0
"""Seconds for a start."""
_ENDING = 1.0
"""Seconds between the end of a process's pipes and its own."""
_CRASHES = frozenset(
    (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGSYS, signal.SIGTRAP)
)
"""Ends that a process brings about itself by what it does; it was killed or has ended otherwise before or beside it."""


class Refused(KgError):  # noqa: N818  # the name says what happened
    """No answer: busy, too late, or the worker died. ``retry`` is the seconds to wait before another try."""

    def __init__(self, what: str, *, status: int, mend: str = "", retry: int = 0) -> None:
        self.status, self.retry = status, retry
        super().__init__(what, mend=mend)


class CrashError(Refused):
    """The job brought its process down: by what it asks for, or by damage of the graph."""


class LostError(Refused):
    """The process was gone, for no reason of the job's: another may do it."""


class Worker:
    """One process and its pipes."""

    def __init__(self, process: asyncio.subprocess.Process, confined: str = "", lacks: Sequence[str] = ()) -> None:
        self.process, self.confined, self.lacks = process, confined, tuple(lacks)
        self.uses = 0
        self.is_lowered = False

    @classmethod
    async def start(cls, plan: Plan) -> Worker:
        """Start a process and wait until it is warm.

        :raises Refused: it died on the way, is not ready in time, or cannot read the graph.
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
            async with asyncio.timeout(_START):
                reply = await cls(process)._exchange(pack(plan))
            if reply.fault is not None:
                raise Refused(reply.fault.what, status=reply.fault.status)
        except TimeoutError:
            await cls(process).kill()
            raise Refused(f"a worker process was not ready after {_START:g} s", status=500) from None
        except BaseException:
            await cls(process).kill()
            raise
        return cls(process, str(reply.meta["confined"]), reply.meta["lacks"])

    async def answer(self, job: Job) -> Reply:
        """Its answer to a job.

        :raises CrashError: the process died of it.
        :raises LostError: the process had died, or was killed.
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
        except (asyncio.IncompleteReadError, ConnectionError, msgspec.MsgspecError, struct.error):
            raise _explain_end(await self._wait_for_end(), job) from None

    async def _wait_for_end(self) -> int:
        """How it ended; where it lives on with a pipe closed, and would never answer, it is ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ENDING):
                return await self.process.wait()
        self.end()
        return await self.process.wait()

    def is_usable(self) -> bool:
        """Whether the process lives and both pipes are open: asked of the system, which knows before we are told."""
        if self.process.returncode is not None:
            return False
        transport: Any = self.process._transport  # type: ignore[attr-defined]  # no public way
        look = select.poll()
        try:
            for number in (0, 1):
                look.register(transport.get_pipe_transport(number).get_extra_info("pipe"), 0)
        except (ValueError, OSError, AttributeError):  # closed here
            return False
        return not look.poll(0)

    def read_used(self) -> float:
        """Seconds of the processor that the process has used; where the system does not say, seconds that passed."""
        try:
            fields = (PROC / f"{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:  # it has just died, or there is no /proc
            return 0.0 if PROC.is_dir() else time.monotonic()
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

    def end(self) -> None:
        """End it, whatever it does. Python's own way would also collect it, and nobody would know how it had ended."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)

    async def kill(self) -> None:
        """End it, and wait until it is gone."""
        self.end()
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


def _explain_end(code: int, job: Job | None) -> Refused:
    """What the end of a process means for what it was to do."""
    name = signal.Signals(-code).name if code < 0 else str(code)
    if job is None or not job.is_query:
        _log.error("a worker died of %s (%s)", f"task {job.task}" if job else "its start", name)
    if job is None:
        return CrashError(f"a worker process died of its start ({name})", status=500)
    if code >= 0 or -code not in _CRASHES:
        what = f"the process that worked on the {job.noun} was ended ({name})"
        return LostError(what, status=503, mend="Try again in a moment", retry=2)
    if not job.is_query:
        return CrashError(f"a worker process died of task {job.task} ({name})", status=500)
    return CrashError(
        "the query brought its process down: it nests too deeply or needs too much memory",
        status=400,
        mend=f"Ask for less ({name})",
    )
