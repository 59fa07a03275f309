"""Which snapshot is served: the store's current one, and, once a build swaps in another, that one.

The new snapshot's workers are warm before it takes over, and the old one answers the requests that it has begun; so no
request is lost, and none is answered from two snapshots.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kg.errors import KgError
from kg.snapshots import find_served
from kg.store import find_store
from kg.web.service import Service, Settings

PAUSE = 2.0
"""Seconds between two looks at the store."""
_log = logging.getLogger(__name__)


class Editions:
    """The service of the current snapshot, and those that end.

    :raises StoreError: there is no graph.
    """

    def __init__(self, settings: Settings) -> None:
        self.store = find_store(settings.store or None)
        self.settings = settings
        self.current = Service(settings, self._find_name())
        self._is_started = False
        self._users: dict[Service, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_asked = asyncio.Event()

    def _find_name(self) -> str:
        return "" if self.settings.endpoint else find_served(self.store) or ""

    async def start(self) -> None:
        """Warm the workers, if they are not yet.

        :raises Refused: they cannot start; those that did are ended.
        """
        if self._is_started:
            return
        await self.current.start()
        self._is_started = True
        if not self.settings.endpoint:
            self._run(self._watch())

    async def close(self) -> None:
        """End all workers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(service.close() for service in {self.current, *self._users}))

    @contextmanager
    def lend(self) -> Iterator[Service]:
        """The service for one request, which lives until the request is answered."""
        service = self.current
        self._users[service] = self._users.get(service, 0) + 1
        try:
            yield service
        finally:
            self._users[service] -= 1

    def look(self) -> None:
        """Take up the current snapshot at once, be it one that was passed over, or the same that was damaged."""
        self._is_asked.set()

    async def _watch(self) -> None:
        seen = self.current.snapshot
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE):
                    await self._is_asked.wait()
            if self._is_asked.is_set():
                self._is_asked.clear()
                seen = "" if self.current.integrity.fault else self.current.snapshot
            name = self._find_name()
            if name not in ("", seen):
                seen = name
                await self._take_up(name)

    async def _take_up(self, name: str) -> None:
        try:
            service = Service(self.settings, name)
            await service.start()
            if service.integrity.fault:
                await service.close()
                service.integrity.refuse()
        except KgError as error:
            _log.error("the new snapshot %s is not served: %s. %s is served on", name, error, self.current.snapshot)
            return
        old, self.current = self.current, service
        self._run(self._retire(old))

    async def _retire(self, service: Service) -> None:
        try:
            while self._users.get(service):
                await asyncio.sleep(0.1)
        finally:
            await service.close()
            self._users.pop(service, None)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
