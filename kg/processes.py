"""Worker processes end with the process that started them; one that lived on would hold locks, pipes and memory."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies (https://man7.org/linux/man-pages/man2/prctl.2.html).

    :param parent: Process id of the parent; where it is dead already, this process ends at once.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def attach_to_parent(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end with it: the initializer of a worker of a pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)
