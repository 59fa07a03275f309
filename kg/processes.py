"""Worker processes: how many and how they are started; they end with the process that started them (one that lived on
would hold locks, pipes and memory), and get no more tasks than they can hold."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from multiprocessing import get_start_method
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_PR_SET_PDEATHSIG = 1


def count_cores() -> int:
    """Cores that this process may use; where the system does not tell which (macOS), those that there are."""
    affinity = getattr(os, "sched_getaffinity", None)
    return (len(affinity(0)) if affinity else os.cpu_count()) or 1


def pick_start() -> str:
    """How worker processes are started: as copies of this one where Python does so (Linux), else anew (macOS). Never by
    a server of processes, whose workers would be no children of this one."""
    return "fork" if get_start_method() == "fork" else "spawn"


def end_with_parent(parent: int) -> None:
    """End this process when its parent dies: by the kernel (https://man7.org/linux/man-pages/man2/prctl.2.html), and
    where that has no such call (macOS), by looking twice a second.

    :param parent: Process id of the parent; where it is dead already, this process ends at once.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _end_unless_child_of(parent)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while True:
        _end_unless_child_of(parent)
        time.sleep(0.5)


def _end_unless_child_of(parent: int) -> None:
    if os.getppid() != parent:
        os._exit(1)


def attach_to_parent(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end with it: the initializer of a worker of a pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)


def submit_in_order(
    submit: Callable[[Item], Future[Result]], items: Iterable[Item], ahead: int
) -> Iterator[Future[Result]]:
    """Futures in the order of the items, of which only so many are taken ahead of the one that is waited for."""
    waiting: deque[Future[Result]] = deque()
    stream = iter(items)
    while True:
        waiting.extend(submit(item) for item in islice(stream, ahead - len(waiting)))
        if not waiting:
            return
        yield waiting.popleft()
