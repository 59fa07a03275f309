"""What the web serves: a snapshot, two pools of workers that read it, and the answers that are kept.

Clients' queries and our own questions have separate workers, so that no query keeps a page waiting. A snapshot never
changes; so an answer is right for as long as the snapshot is served.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from typing import Any

import msgspec
from starlette.requests import Request

from kg.errors import StoreError
from kg.processes import count_cores
from kg.store import Snapshot
from kg.web.answers import Answers
from kg.web.children import CrashError, Refused
from kg.web.frames import Job, Plan, Reply
from kg.web.integrity import Integrity
from kg.web.pool import Bounds, Pool, StoppedError
from kg.web.targets import check_base
from kg.web.tasks import open_graph

_log = logging.getLogger(__name__)
_SMALL = 256 << 20
"""Bytes of a snapshot whose digests are compared before it is served: a fraction of a second."""
_DOUBT = 5.0
"""Seconds that an answer waits for them, where it may be damage that there is none."""


class Settings(msgspec.Struct, frozen=True):
    """Where the graph is, and what a client may take.

    :ivar deadline: Seconds for a client's query; ``desk_deadline`` for a stored query or a page.
    :ivar memory: Bytes a worker may take for a query.
    :ivar max_rows: Rows or triples in an answer to a client's query.
    :ivar keep: Bytes of answers that are kept.
    :ivar in_flight: Bytes of answers that clients have not taken yet.
    :ivar base_url: Address under which clients reach the server; empty: as each request says. No slash ends it.
    """

    store: str = ""
    endpoint: str = ""
    graph: str = ""
    workers: int = 4
    deadline: float = 10.0
    desk_deadline: float = 30.0
    queue: int = 64
    memory: int = 1 << 30
    max_rows: int = 100_000
    max_bytes: int = 32 << 20
    keep: int = 256 << 20
    in_flight: int = 256 << 20
    base_url: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "base_url", check_base(self.base_url))


class _Flight(msgspec.Struct):
    """A job under way, and how many clients wait for it; only clients' queries are counted, and end with the last."""

    task: asyncio.Task[Reply]
    waiting: int = 0


class Service:
    """The pools, the answers kept, and what the graph rests on.

    :param snapshot: Name of the snapshot; empty for the store's current one.
    :raises StoreError: there is no graph.
    """

    def __init__(self, settings: Settings, snapshot: str = "") -> None:
        self.settings, self.snapshot = settings, snapshot
        plan = Plan(settings.store, snapshot, settings.endpoint, settings.graph, settings.memory)
        graph = open_graph(plan)
        self.meta = graph.meta
        self.integrity = Integrity(lambda: "" if settings.endpoint else find_fault(graph.snapshot))
        self._is_small = sum(graph.snapshot.manifest.sizes.values()) <= _SMALL
        size = max(2, settings.workers)
        desks = min(8, max(2, count_cores()))
        self.queries = Pool(
            plan, Bounds(size=size, slow=max(1, size // 2), queue=settings.queue, deadline=settings.deadline)
        )
        self.desk = Pool(
            msgspec.structs.replace(plan, is_desk=True, memory=2 * settings.memory),
            Bounds(size=desks, slow=desks, queue=4 * settings.queue, deadline=settings.desk_deadline),
        )
        self.answers = Answers(settings.keep)
        self._flights: dict[bytes, _Flight] = {}

    async def start(self) -> None:
        """Start the workers.

        :raises Refused: they cannot start; those that did are ended.
        """
        looking = self.integrity.begin()
        try:
            await asyncio.gather(self.queries.start(), self.desk.start())
            if self._is_small:
                await looking
        except CrashError:
            await self.close()
            await looking
            if not self.integrity.fault:  # else no worker is needed to say so
                raise
        except BaseException:
            await self.close()
            raise
        self.integrity.open()

    async def close(self) -> None:
        """End the workers."""
        for flight in self._flights.values():
            flight.task.cancel()
        await asyncio.gather(self.queries.close(), self.desk.close())

    async def run_query(self, request: Request, arguments: dict[str, Any], *, is_shared: bool = True) -> Reply:
        """A client's query; when all clients that ask it go away, the worker is freed.

        :param is_shared: Whether one evaluation may answer several requests at once: its answer is the same each time.
        :raises Refused: no answer within the bounds.
        """
        self.integrity.refuse()
        settings = self.settings
        job = Job("query", {**arguments, "max_rows": settings.max_rows, "max_bytes": settings.max_bytes})
        key = msgspec.json.encode(job)
        kept = self.answers.find(key)
        if kept is not None:
            return kept
        if not is_shared:
            reply = await run_while_connected(request, self._settle(self.queries.run(job)))
            self.answers.keep(key, reply)
            return reply
        flight = self._join(key, self.queries, job)
        flight.waiting += 1
        try:
            return await run_while_connected(request, asyncio.shield(flight.task))
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                flight.task.cancel()
                self._forget(key, flight.task)

    async def run_task(self, task: str, **arguments: Any) -> Reply:
        """One of our own tasks; the same task asked twice at once is done once.

        :raises Refused: no answer within the bounds.
        """
        self.integrity.refuse()
        job = Job(task, arguments)
        key = msgspec.json.encode(job)
        kept = self.answers.find(key)
        if kept is not None:
            return kept
        return await asyncio.shield(self._join(key, self.desk, job).task)

    async def _settle(self, work: Coroutine[Any, Any, Reply]) -> Reply:
        """The answer, unless it is or may be made of damage.

        :raises Refused: there is none.
        """
        try:
            reply = await work
        except (CrashError, StoppedError):  # damage too takes all memory, or has no end
            looking = self.integrity.begin()
            await asyncio.wait({looking}, timeout=_DOUBT if self._is_small else 0)
            self.integrity.refuse()
            raise
        if reply.fault is not None and reply.fault.is_damage:
            self.integrity.report(reply.trace)
        self.integrity.refuse()
        return reply

    def _join(self, key: bytes, pool: Pool, job: Job) -> _Flight:
        """The job under way; it is begun where it is not."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.create_task(self._settle(pool.run(job))))
            flight.task.add_done_callback(lambda done: self._land(key, done))
        return flight

    def _forget(self, key: bytes, task: asyncio.Task[Reply]) -> None:
        if key in self._flights and self._flights[key].task is task:
            del self._flights[key]

    def _land(self, key: bytes, done: asyncio.Task[Reply]) -> None:
        self._forget(key, done)
        if not done.cancelled() and done.exception() is None:
            self.answers.keep(key, done.result())


def find_fault(snapshot: Snapshot) -> str:
    """What is wrong with the files of a snapshot; nothing where it was removed meanwhile, and another is served, or
    where they may no longer be read, which is logged."""
    try:
        snapshot.verify()
    except (StoreError, OSError) as error:
        if isinstance(error.__context__, PermissionError) or isinstance(error, PermissionError):
            _log.warning("the files cannot be compared with their digests: %s", error)
            return ""
        return str(error) if snapshot.folder.exists() else ""
    return ""


async def run_while_connected(request: Request, work: Awaitable[Reply]) -> Reply:
    """The result of ``work``, which is cancelled when the client goes away.

    :raises Refused: it went away; nobody reads the answer.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_wait_for_leave(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Refused("the client went away", status=499)
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        with suppress(asyncio.CancelledError, Refused):
            await working


async def _wait_for_leave(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
