"""What Python cannot see of the engine: that it gives up for want of memory, and that it goes round in circles over a
damaged block, whose error it gathers again and again while it sorts or groups (decision 0015)."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kg.cli.printing import note
from kg.errors import DamageError, LimitReached

if TYPE_CHECKING:
    from kg.store import Snapshot

PATIENCE = 1.0
"""Seconds after which a question is one that lasts."""
_PAUSE = 0.2
_PACE = 45 * 2**20
"""Bytes of index for each of which a question may last longer before the index is read: that takes a thirtieth of the
time."""
_MUCH = 2**30
"""Bytes of memory after which it is read at once."""
_GIVEN_UP = b"kg: out of memory: the engine could not go on. Ask for less, or free some memory. Nothing has changed\n"
_KEPT: list[Any] = []
"""What C code calls must not be collected."""


@contextmanager
def watch_engine(snapshot: Snapshot | None) -> Iterator[None]:
    """While the engine works on a question and does not come to an end, see that its index is what was built, and end
    the process where it is not; None for an engine elsewhere."""
    if snapshot is None:
        yield
        return
    limits = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    if any(limit != resource.RLIM_INFINITY for limit in limits):
        explain_aborts()
    ended = threading.Event()
    threading.Thread(target=_watch, args=(snapshot, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _watch(snapshot: Snapshot, ended: threading.Event) -> None:
    start, held = time.monotonic(), _measure_peak()
    if ended.wait(PATIENCE):
        return
    explain_aborts()
    patience = PATIENCE + sum(snapshot.manifest.sizes.values()) / _PACE
    while not ended.wait(_PAUSE):
        if time.monotonic() - start > patience or _measure_peak() - held > _MUCH:
            _check(snapshot)
            return


def _measure_peak() -> int:
    """Most bytes of memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _check(snapshot: Snapshot) -> None:
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
    if not hasattr(libc, "signal"):
        return
    libc.signal.argtypes, libc.signal.restype = [ctypes.c_int, handler], ctypes.c_void_p
    _KEPT.append(handler(end))
    libc.signal(int(signal.SIGABRT), _KEPT[-1])
