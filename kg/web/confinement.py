"""Take from a worker process what it does not need: network, new processes, new files, memory without end.

The filter is a seccomp allow-list through libseccomp (``pyseccomp``); where the library is absent, resource limits
remain and `confine` says so. https://man7.org/linux/man-pages/man2/seccomp.2.html
"""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

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
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if memory is not None:
        cap = _address_space() + memory
        resource.setrlimit(resource.RLIMIT_AS, (cap, cap))
    return "seccomp" if is_offline and _filter_calls() else "limits"


def _address_space() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


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
        rules.add_rule(seccomp.ALLOW, name, seccomp.Arg(place, seccomp.MASKED_EQ, _WRITING, 0))
    rules.add_rule(seccomp.ALLOW, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")  # libc then falls back to clone, whose flags can be read
    rules.add_rule(seccomp.ALLOW, "prlimit64", seccomp.Arg(2, seccomp.EQ, 0))  # reading a limit, never setting one
    rules.add_rule(seccomp.ALLOW, "kill", seccomp.Arg(0, seccomp.EQ, os.getpid()))
    rules.load()
    return True
