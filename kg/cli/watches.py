"""What Python cannot see of the engine: that it gives up for want of memory, and that it goes round in circles over a
damaged block, whose error it gathers again and again while it sorts or groups (decision 0015)."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from kg.cli.printing import note
from kg.errors import DamageError, LimitReached

if TYPE_CHECKING:
    from kg.store import Snapshot

PATIENCE = 1.0
"""Seconds after which a question is one that lasts."""
_GIVEN_UP = b"kg: out of memory: the engine could not go on. Ask for less, or free some memory. Nothing has changed\n"
_KEPT: list[Any] = []
"""What C code calls must not be collected."""


def watch_engine(snapshot: Snapshot) -> None:
    """While a question lasts, see that the index it is asked of is what was built; end the process where it is not."""
    limits = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    if any(limit != resource.RLIM_INFINITY for limit in limits):
        explain_aborts()
    threading.Thread(target=_watch, args=(snapshot,), daemon=True).start()


def _watch(snapshot: Snapshot) -> None:
    time.sleep(PATIENCE)
    explain_aborts()
    try:
        snapshot.check_index()
    except DamageError as error:
        note(f"kg: {error}")
        os._exit(error.exit_code)


def explain_aborts() -> None:
    """Make this process end with one line and the exit code of a limit where its engine aborts.

    Python runs no handler of its own for a signal that ends the process. This one is called in the thread that aborts:
    it comes from outside of the allocator, which has just said no, so a small one like this can still run. Where it
    cannot, the process aborts as it would have.
    """
    import ctypes  # takes 8 ms, which a question that does not last need not wait for

    process = os.getpid()

    def end(_: int) -> None:
        if os.getpid() == process:  # a worker's abort is told by its parent
            os.write(2, _GIVEN_UP)
            os._exit(LimitReached.exit_code)

    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)
    libc = ctypes.CDLL(None)
    libc.signal.argtypes, libc.signal.restype = [ctypes.c_int, handler], ctypes.c_void_p
    _KEPT.append(handler(end))
    libc.signal(int(signal.SIGABRT), _KEPT[-1])
