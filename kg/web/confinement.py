"""Take from a worker process what it does not need: network, new processes, new files, memory without end.

The filter is a seccomp allow-list through libseccomp (``pyseccomp``); where the library is absent, resource limits
remain and `confine` says so. https://man7.org/linux/man-pages/man2/seccomp.2.html
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

STATM = Path("/proc/self/statm")
"""What a process holds; not there on macOS."""
_GLANCE = 0.05
"""Seconds between two looks at the memory in use."""
_CLONE_THREAD = 0x00010000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_ALLOWED = """
    read readv pread64 preadv preadv2 write writev close lseek fstat stat lstat newfstatat statx statfs fstatfs access
    faccessat faccessat2 readlink readlinkat getcwd getdents64 fcntl flock fadvise64 readahead dup dup2 dup3 pipe2
    mmap munmap mprotect mremap madvise brk mincore membarrier
    futex set_robust_list get_robust_list rseq sched_yield sched_getaffinity sched_getparam sched_getscheduler
    set_tid_address gettid getpid getppid getuid geteuid getgid getegid getrusage times sysinfo uname getcpu
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait sigaltstack restart_syscall tgkill
    poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd2
    exit exit_group getrandom getpriority getrlimit
""".split()  # noqa: SIM905
"""What CPython and the engine call while they answer; everything else fails with EPERM."""


def confine(memory: int | None, *, is_offline: bool = True) -> str:
    """Confine this process for good.

    :param memory: Bytes of address space beyond what is in use now.
    :param is_offline: Whether sockets are refused too; a worker that asks a remote endpoint needs them.
    :returns: What is in force: ``seccomp``, or ``limits``.
    """
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(limit, (0, 0))
    if memory is not None and not cap_memory(memory, is_final=True):
        threading.Thread(target=_watch_memory, args=(memory,), daemon=True).start()
    return "seccomp" if is_offline and _filter_calls() else "limits"


def cap_memory(memory: int, *, is_final: bool) -> bool:
    """Bound this process's address space.

    :param memory: Bytes beyond what is in use now.
    :param is_final: Whether the bound can never be raised.
    :returns: False where the system does not say what is in use, or knows no such bound (macOS).
    """
    try:
        cap = int(STATM.read_text(encoding="ascii").split()[0]) * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (cap, cap if is_final else resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (OSError, ValueError):
        return False
    return True


def _watch_memory(memory: int) -> None:
    """End this process when it has taken more. Nothing bounds it here, but the engine lets other threads run."""
    most = _peak() + memory
    while _peak() < most:
        time.sleep(_GLANCE)
    os.kill(os.getpid(), signal.SIGABRT)  # as the engine does where an allocation fails


def _peak() -> int:
    """Most bytes of memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def list_lacks(confined: str, *, is_offline: bool) -> list[str]:
    """What of this system a worker does without, as sentences for whoever starts the server."""
    lacks = []
    if confined != "seccomp":
        lacks.append(_NO_FILTER if is_offline else _NO_FILTER_ONLINE)
    if not STATM.exists():
        lacks.append(_NO_PROC)
    return lacks


_NO_FILTER = "no filter of system calls (libseccomp is not here, or the system refuses it): limits of resources only"
_NO_FILTER_ONLINE = "no filter of system calls, since the graph is on another server: limits of resources only"
_NO_PROC = "no /proc: a worker's memory is looked at some times a second, and a long query is told by the clock"


def _filter_calls() -> bool:
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError, OSError):  # libseccomp.so.2 is not on this machine
        return False
    refuse = seccomp.ERRNO(errno.EPERM)
    rules = seccomp.SyscallFilter(refuse)
    for name in _ALLOWED:
        try:
            rules.add_rule(seccomp.ALLOW, name)
        except (OSError, ValueError, RuntimeError):
            continue  # this architecture has no such call
    for name, place in (("open", 1), ("openat", 2)):
        with suppress(OSError, ValueError, RuntimeError):  # ARM has no open
            rules.add_rule(seccomp.ALLOW, name, seccomp.Arg(place, seccomp.MASKED_EQ, _WRITING, 0))
    rules.add_rule(seccomp.ALLOW, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")  # libc then falls back to clone, whose flags can be read
    rules.add_rule(seccomp.ALLOW, "prlimit64", seccomp.Arg(2, seccomp.EQ, 0))  # reading a limit, never setting one
    rules.add_rule(seccomp.ALLOW, "kill", seccomp.Arg(0, seccomp.EQ, os.getpid()))
    try:
        rules.load()
    except (OSError, RuntimeError):  # the kernel has none, or a container forbids it
        return False
    return True
