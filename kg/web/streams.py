"""Standard streams that may be closed, or that nobody reads: the server goes on for its clients."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler

_MOST = 1_000
"""Lines of the log that wait to be written; more are lost."""
_LAST = 1.0
"""Seconds at the end for what still waits."""


def hold_streams() -> None:
    """Open on nothing what of the standard streams is closed: a worker would write into whatever takes its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            held = os.open(os.devnull, os.O_RDWR)
            if held != number:
                os.dup2(held, number)
                os.close(held)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115


class _Handler(QueueHandler):
    """Hands a line on, and loses it where too many wait."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(queue.Full):
            self.queue.put_nowait(record)


@contextmanager
def log_apart() -> Iterator[None]:
    """Write the log in a thread of its own: a pipe that nobody empties must not stop the server."""
    lines: queue.Queue[logging.LogRecord | None] = queue.Queue(_MOST)
    root = logging.getLogger()
    handler = _Handler(lines)
    writer = threading.Thread(target=_write, args=(lines,), daemon=True)
    root.addHandler(handler)
    writer.start()
    try:
        yield
    finally:
        root.removeHandler(handler)
        with suppress(queue.Full):
            lines.put_nowait(None)
        writer.join(_LAST)


def _write(lines: queue.Queue[logging.LogRecord | None]) -> None:
    handler = logging.StreamHandler()
    while (record := lines.get()) is not None:
        handler.handle(record)
