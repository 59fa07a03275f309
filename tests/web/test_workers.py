"""Workers that die, hang or lose their pipes cost no request."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import urlopen

import pytest

from kg.web import children
from kg.web.children import CrashError, LostError, Refused, Worker
from kg.web.frames import Job, Plan, Reply
from kg.web.pool import Bounds, Pool
from tests.web.conftest import find_port, start_server, stop, wait_for
from tests.web.test_sandbox import ENDLESS, GOOD, list_children, make_job

SLOW = "SELECT (COUNT(*) AS ?n) { { SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 3000000 } }"


def run_pool(store: Path, size: int, act: Callable[[Pool], Coroutine[Any, Any, Any]]) -> Any:
    """What is done with a pool of so many workers."""

    async def run() -> Any:
        pool = Pool(Plan(str(store)), Bounds(size=size, slow=size, grace=0.1, deadline=60.0))
        await pool.start()
        try:
            return await act(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("dead", [1, 3])
def test_a_worker_that_died_idle_gets_no_job(store: Path, number: signal.Signals, dead: int) -> None:
    """However it died and though nobody has noticed yet; those that died are replaced."""

    async def act(pool: Pool) -> list[Reply]:
        before = pool.list_processes()
        for pid in before[:dead]:
            os.kill(pid, number)
        time.sleep(0.3)  # the loop must not see it before the jobs come
        replies = await asyncio.gather(*(pool.run(make_job(GOOD + " " * one)) for one in range(6)))
        for _ in range(600):
            if len(pool.list_processes()) == 3:
                break
            await asyncio.sleep(0.1)
        assert len(pool.list_processes()) == 3
        assert not {*before[:dead]} & {*pool.list_processes()}
        return replies

    assert [reply.fault for reply in run_pool(store, 3, act)] == [None] * 6


def test_a_job_whose_worker_is_killed_is_done_by_another(store: Path) -> None:
    """Once: it was killed from outside, and not by what it did."""

    async def act(pool: Pool) -> Reply:
        running = asyncio.create_task(pool.run(make_job(SLOW)))
        await asyncio.sleep(0.3)
        (busy,) = (one for one in pool._all if one.uses)
        os.kill(busy.process.pid, signal.SIGKILL)
        return await running

    assert run_pool(store, 2, act).fault is None


def test_a_job_that_brings_its_worker_down_is_not_tried_again(store: Path) -> None:
    """A crash is the job's own doing."""

    async def act(pool: Pool) -> int:
        running = asyncio.create_task(pool.run(make_job(ENDLESS)))
        await asyncio.sleep(0.3)
        (busy,) = (one for one in pool._all if one.uses)
        os.kill(busy.process.pid, signal.SIGSEGV)
        with pytest.raises(CrashError, match="brought its process down"):
            await running
        return sum(one.uses for one in pool._all)

    assert run_pool(store, 2, act) == 0


CLOSES = """
import os, sys
from kg.web.frames import SIZES, Reply, pack
sizes = sys.stdin.buffer.read(SIZES.size)
sys.stdin.buffer.read(sum(SIZES.unpack(sizes)))
sys.stdout.buffer.write(pack(Reply({"confined": "limits", "lacks": []})))
sys.stdout.buffer.flush()
os.close(int(os.environ["KG_CLOSED"]))
import time
time.sleep(60)
"""


@pytest.mark.parametrize("closed", [0, 1])
def test_a_worker_with_a_closed_pipe_is_not_waited_for(
    store: Path, closed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lives, but will never answer: it is seen before it gets a job, and ended where it gets one."""
    real = asyncio.create_subprocess_exec
    monkeypatch.setenv("KG_CLOSED", str(closed))

    async def start(program: str, *_: str, **named: Any) -> asyncio.subprocess.Process:
        return await real(program, "-c", CLOSES, **named)

    async def run() -> None:
        monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
        worker = await Worker.start(Plan(str(store)))
        await asyncio.sleep(0.5)
        assert not worker.is_usable()
        begun = asyncio.get_running_loop().time()
        with pytest.raises(LostError):
            await worker.answer(Job("card", {"trial": "x"}))
        assert asyncio.get_running_loop().time() - begun < 30
        await worker.kill()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "died of its start .SIGKILL"),
        ("import sys; sys.exit(1)", "died of its start .1"),
        ("print('no frame at all' * 9, flush=True); import time; time.sleep(60)", "died of its start|not ready"),
        ("import time; time.sleep(60)", "not ready after 1 s"),
    ],
    ids=["killed", "ends", "babbles", "hangs"],
)
def test_a_worker_that_does_not_start_is_one_clear_line(
    store: Path, code: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed for want of memory, say, or stuck: nobody waits for it for good."""
    real = asyncio.create_subprocess_exec

    async def start(program: str, *_: str, **named: Any) -> asyncio.subprocess.Process:
        return await real(program, "-c", code, **named)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    monkeypatch.setattr(children, "_START", 1.0)
    with pytest.raises(Refused, match=told):
        asyncio.run(Worker.start(Plan(str(store))))


def ask(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_sighup_drops_no_request(store: Path) -> None:
    """The server goes on: what is under way is answered, and what comes next too."""
    running = start_server("--store", str(store), "--timeout", "2", "--workers", "2")
    try:
        connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=60)
        connection.request("GET", f"/sparql?query={quote(ENDLESS)}")
        time.sleep(0.5)
        running.process.send_signal(signal.SIGHUP)
        for _ in range(20):
            with urlopen(f"{running.url}/health", timeout=60) as answer:  # noqa: S310  # loopback
                assert answer.status == 200
            time.sleep(0.05)
        assert b"stopped after 2 s" in connection.getresponse().read()
        connection.close()
        assert running.process.poll() is None
    finally:
        stop(running.process)


def test_a_server_whose_terminal_is_gone_ends_when_it_has_answered(store: Path) -> None:
    """As for SIGTERM: whoever closes the window means to end it."""
    ours, theirs = pty.openpty()
    port = find_port()
    code = "import fcntl, os, sys, termios; fcntl.ioctl(2, termios.TIOCSCTTY, 0); from kg.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", "--store", str(store), "--port", str(port), "--timeout", "3"],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", f"/sparql?query={quote(ENDLESS)}")
        time.sleep(0.5)
        os.close(ours)
        assert b"stopped after 3 s" in connection.getresponse().read()
        connection.close()
        process.wait(30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_streams_do_not_stop_the_server(store: Path, closed: str) -> None:
    """A worker's pipes and the server's sockets keep out of their numbers."""
    port = find_port()
    command = f'exec "$0" -m kg serve --store "$1" --port {port} --workers 2 {closed}'
    process = subprocess.Popen(["/bin/sh", "-c", command, sys.executable, str(store)])
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        assert ask(port, "/api/trials/NCT05574608")[0] == 200
        assert ask(port, f"/sparql?query={quote(GOOD)}")[0] == 200
    finally:
        stop(process)


def test_a_reader_of_messages_that_went_away_does_not_stop_the_server(store: Path) -> None:
    """As in ``kg serve 2>&1 | head -1``, or a pipe that nobody empties: the log is written apart."""
    port = find_port()
    arguments = [sys.executable, "-m", "kg", "serve", "--store", str(store), "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.close()
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        for pid in list_children(process.pid):
            os.kill(pid, signal.SIGKILL)
        assert ask(port, "/api/trials/NCT05574608")[0] == 200
    finally:
        stop(process)
