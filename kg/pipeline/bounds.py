"""What reading one record may cost: text, parts, time of the processor, memory (docs/decisions/0017).

Text and parts are counted, so every machine sets the same records aside. Time and memory are nets below: so wide that
only a record made to cost much, or a fault of ours, falls into them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from kg.model import Rejected, Study

MOST_TEXT = 2_000_000
"""Characters of prose."""
MOST_PARTS = 100_000
"""Interventions, arms, outcomes, sites, single facts and what links them."""
SECONDS = 10.0
"""Time of the processor; a usual record takes 3 to 4 ms."""
MEGABYTES = 1024
"""Memory beyond what the process held before."""
_AGAIN = 1.0
"""Seconds after which one that did not stop is told once more: Python drops what is raised while it cleans up."""
_REPORT = "Please report the record, or leave it out"


class OverTimeError(Exception):
    """A record took more of the processor than it may; no `KgError`, which rules may catch."""


def check_size(study: Study) -> Study | Rejected:
    """The study, or why it is too much to be one."""
    text = sum(len(passage.text) for passage in study.passages)
    parts = (
        len(study.passages)
        + len(study.sites)
        + sum(map(len, study.facts.values()))
        + sum(1 + len(arm.interventions) for arm in study.arms)
        + sum(1 + len(one.arms) for one in study.interventions)
    )
    for count, most, what in ((text, MOST_TEXT, "characters of prose"), (parts, MOST_PARTS, "parts")):
        if count > most:
            reason = f"has {count:,} {what}; a record may have {most:,}"
            return Rejected(study.record.file, reason, "Leave the record out")
    return study


def reject(file: str, error: OverTimeError | MemoryError) -> Rejected:
    """A record that took more than its share, as it is listed."""
    is_time = isinstance(error, OverTimeError)
    what = f"{SECONDS:g} s of the processor" if is_time else f"{MEGABYTES:,} MB of memory"
    return Rejected(file, f"took more than {what} to read, a limit that depends on the machine", _REPORT)


def reject_deadly(file: str) -> Rejected:
    """A record whose worker was killed while it read that record and no other, as it is listed."""
    return Rejected(file, "the process that read it was killed, perhaps for lack of memory", _REPORT)


@contextmanager
def hold_to_bounds() -> Iterator[None]:
    """Hold the block to time and memory.

    In a main thread a timer stops even a long match of an expression. In another thread (a Dask worker's) a watcher
    stops it between two steps of Python, and memory is not held: the limit would be that of all threads.

    :raises OverTimeError: it took longer than `SECONDS`.
    :raises MemoryError: it took more than `MEGABYTES`.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and hasattr(signal, "setitimer"):
        with _hold_memory(), _set_timer(SECONDS):
            yield
    else:
        with _set_watch(SECONDS):
            yield


@contextmanager
def _set_timer(seconds: float) -> Iterator[None]:
    """The clock on the wall wakes the handler, which looks at the processor's: a timer of that would make it tick
    coarsely."""
    end = time.thread_time() + seconds
    is_open = True

    def look(number: int, frame: FrameType | None) -> None:
        left = end - time.thread_time()
        if not is_open:
            return
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.01) if left > 0 else _AGAIN)
        if left <= 0:
            raise OverTimeError

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        is_open = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _set_watch(seconds: float) -> Iterator[None]:
    """A thread that raises in this one; where the system does not tell the time of one thread, by the clock on the
    wall, four times as long."""
    thread, lock, done = threading.get_ident(), threading.Lock(), threading.Event()
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    read_clock = getattr(time, "pthread_getcpuclockid", None)
    clock = read_clock(thread) if read_clock else None
    start = time.clock_gettime(clock) if clock is not None else time.monotonic()

    def watch() -> None:
        left = seconds if clock is not None else 4 * seconds
        while not done.wait(max(left, 0.01)):
            spent = (time.clock_gettime(clock) if clock is not None else time.monotonic()) - start
            left = (seconds if clock is not None else 4 * seconds) - spent
            if left <= 0:
                left = _AGAIN
                with lock:
                    if not done.is_set():
                        raise_in(ctypes.c_ulong(thread), ctypes.py_object(OverTimeError))

    watcher = threading.Thread(target=watch, daemon=True, name="kg-bounds")
    watcher.start()
    try:
        yield
    finally:
        with lock:
            done.set()
            raise_in(ctypes.c_ulong(thread), None)  # takes back what was raised and not yet seen


@contextmanager
def _hold_memory() -> Iterator[None]:
    """A limit of the kernel's for data; none where the system has no such limit, or does not tell what is in use."""
    held = _measure_data()
    if held is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = held + MEGABYTES * 2**20
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (most if soft < 0 else min(soft, most), hard))
    try:
        yield
    finally:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _measure_data() -> int | None:
    """Bytes of data that this process holds; None where ``/proc`` is not there (macOS)."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
