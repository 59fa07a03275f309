"""Whether the files of the served snapshot are still what was written (``docs/decisions/0014``).

The engine tells damage where it reads it, or hides it (an optional part that cannot be read looks absent), or runs out
of memory over it. So the files' digests are compared in the background at the start, and again whenever something looks
like damage; once there is any, no answer is given.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from kg.web.children import Refused
from kg.web.frames import DAMAGED, MEND

_PAUSE = 1.0
"""Least seconds between two looks: clients can bring them about."""
_SHARE = 20
"""How many times as long as a look takes it rests."""
_LOW = 15
_log = logging.getLogger(__name__)


class Integrity:
    """What is known of the files.

    :param find_fault: Compares every file with its digest: what is wrong, or nothing.
    :ivar fault: What is wrong; empty while nothing is known to be.
    """

    def __init__(self, find_fault: Callable[[], str]) -> None:
        self.find_fault = find_fault
        self.fault = ""
        self._is_open = False
        self._look: asyncio.Future[None] | None = None
        self._rests_until = 0.0

    def open(self) -> None:
        """From now on tell the log what is wrong: before, whoever starts is told why there is no start."""
        self._is_open = True
        self._tell()

    def _tell(self) -> None:
        if self.fault and self._is_open:
            _log.error("the graph is damaged: %s. %s", self.fault, MEND)

    def refuse(self) -> None:
        """Give no answer from what is damaged.

        :raises Refused: it is.
        """
        if self.fault:
            raise Refused(DAMAGED, status=503, mend=MEND)

    def report(self, what: str) -> None:
        """Take note of damage that the engine met; the digests then say whether it is of the files, or has passed."""
        if not self.fault:
            self.fault = what
            self._tell()
        self._rests_until = 0.0
        self.begin()

    def begin(self) -> asyncio.Future[None]:
        """Look at all files in the background, after a rest where that was done lately.

        :returns: Done when it is known what is wrong.
        """
        loop = asyncio.get_running_loop()
        if self._look is None or self._look.done():
            self._look = loop.create_future()
            thread = threading.Thread(target=self._run, args=(loop, self._look), daemon=True)
            loop.call_at(max(loop.time(), self._rests_until), thread.start)
        return self._look

    def _run(self, loop: asyncio.AbstractEventLoop, look: asyncio.Future[None]) -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own
            with suppress(OSError):  # refused in some containers
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW)
        begun, fault = time.monotonic(), self.fault
        try:
            fault = self.find_fault()
        finally:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._end, look, fault, time.monotonic() - begun)

    def _end(self, look: asyncio.Future[None], fault: str, took: float) -> None:
        was, self.fault = self.fault, fault
        if was and not fault:
            _log.error("the files are what was written; the fault of reading has passed: %s", was)
        elif not was:
            self._tell()
        self._rests_until = look.get_loop().time() + max(_PAUSE, _SHARE * took)
        if not look.done():
            look.set_result(None)
