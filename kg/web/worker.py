"""A worker process: opens the graph, confines itself, and answers one job after another over its pipes.

It is started with ``python -m kg.web.worker``, reads its `Plan` from standard input, and ends with it. Whatever
happens to it, the web process lives on.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import IO

import msgspec

from kg.errors import EndpointError, KgError, LimitReached, StoreError, UsageError
from kg.graph import Graph
from kg.processes import end_with_parent
from kg.remote_snapshot import RemoteSnapshot
from kg.web import tasks
from kg.web.confinement import cap_memory, confine, list_lacks
from kg.web.frames import DAMAGED, MEND, SIZES, Fault, Job, Plan, Reply, pack

_WARM = 1 << 30
"""Bytes of address space to start in."""
_ENGINE_FAULTS = ("Corruption", "IO error")
"""How the engine's messages on files begin (https://github.com/facebook/rocksdb/blob/main/util/status.cc)."""


def main() -> None:
    """Serve until standard input ends."""
    end_with_parent(os.getppid())
    stdin, stdout = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not break a frame
    plan = msgspec.json.decode(_read_frame(stdin) or b"{}", type=Plan)
    if plan.memory is not None:
        cap_memory(_WARM + plan.memory, is_final=False)  # what is damaged can take all there is
    try:
        graph = tasks.open_graph(plan)
        tasks.warm(graph, plan)
    except KgError as error:
        _write(stdout, Reply(fault=Fault(503, str(error))))
        return
    is_offline = not plan.endpoint
    confined = confine(plan.memory, is_offline=is_offline)
    _write(stdout, Reply({"confined": confined, "lacks": list_lacks(confined, is_offline=is_offline)}))
    while (frame := _read_frame(stdin)) is not None:
        _write(stdout, answer(graph, msgspec.json.decode(frame, type=Job)))


def answer(graph: Graph, job: Job) -> Reply:
    """Do a job; every failure is a fault that a client may read, without a stack trace."""
    try:
        return tasks.TASKS[job.task](graph, **job.arguments)
    except Exception as error:  # noqa: BLE001  # the outermost edge of the process
        if find_damage(graph, error):
            return Reply(fault=Fault(503, DAMAGED, MEND, is_damage=True), trace=str(error))
        return _explain(job, error)


def find_damage(graph: Graph, error: Exception) -> bool:
    """Whether an error says that a file of the graph cannot be read as it was written."""
    if isinstance(graph.snapshot, RemoteSnapshot):
        return False
    is_engine = isinstance(error, RuntimeError | OSError) and str(error).startswith(_ENGINE_FAULTS)
    return is_engine or isinstance(error, StoreError)


def _explain(job: Job, raised: Exception) -> Reply:
    try:
        raise raised
    except KgError as error:
        return Reply(fault=Fault(_find_status(error), error.what, error.mend, getattr(error, "near", ())))
    except SyntaxError as error:
        if not job.is_query:
            return _report_internal()
        return Reply(fault=Fault(400, f"the query cannot be read: {_first_line(error)}"))
    except MemoryError:
        return Reply(fault=Fault(400, f"the {job.noun} needs more memory than it may have", "Ask for less"))
    except (OSError, RuntimeError, ValueError) as error:
        if job.is_query:
            return Reply(fault=Fault(400, f"the query cannot be evaluated: {_first_line(error)}"))
        return _report_internal()
    except Exception:  # noqa: BLE001  # nothing is known of it
        return _report_internal()


def _report_internal() -> Reply:
    """The trace goes to the parent, which has a log; this process may write to no file, its standard error included."""
    return Reply(fault=Fault(500, "an internal error; it stands in the server's log"), trace=traceback.format_exc())


def _find_status(error: KgError) -> int:
    if isinstance(error, LimitReached):
        return 413
    if isinstance(error, EndpointError):
        return 502
    return int(getattr(error, "status", 0)) or (400 if isinstance(error, UsageError) or error.exit_code == 2 else 500)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _read_frame(stream: IO[bytes]) -> bytes | None:
    sizes = stream.read(SIZES.size)
    if len(sizes) < SIZES.size:
        return None
    head, body = SIZES.unpack(sizes)
    return stream.read(head + body)


def _write(stream: IO[bytes], reply: Reply) -> None:
    stream.write(pack(Reply(reply.meta, reply.fault, reply.trace), reply.body))
    stream.flush()


if __name__ == "__main__":
    main()
