"""Nothing that a client sends brings the server down, reaches outside, or keeps others waiting."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from kg.graph import open_graph
from kg.web.children import Refused
from kg.web.frames import Job, Plan, Reply
from kg.web.pool import Bounds, Pool
from tests.web.conftest import Server, start_server, stop
from tests.web.hostile import make_costly, make_refused

FIRSTS = dict(reversed([*make_refused(), *make_costly()]))
GOOD = "SELECT ?t { ?t a <https://w3id.org/trialkg/ontology#Trial> } ORDER BY ?t"
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"


def ask(server: Server, query: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Post a query."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    sent = {"Content-Type": "application/sparql-query", **headers}
    connection.request("POST", "/sparql", query.encode("utf-8", "surrogatepass"), sent)
    answer = connection.getresponse()
    found = answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize("family", sorted(FIRSTS))
def test_a_hostile_query_is_a_clean_error(family: str, server: Server) -> None:
    """One query of each family gets 4xx or 503 and one line, and the next query is answered."""
    status, _, body = ask(server, FIRSTS[family])
    assert status in (400, 413, 503), body[:300]
    assert 0 < len(body) < 1_000
    assert b"Traceback" not in body
    assert b'File "' not in body
    assert ask(server, GOOD)[0] == 200
    assert server.process.poll() is None


def test_an_answer_that_is_too_long_is_an_error_or_says_that_it_is_cut(server: Server) -> None:
    """413 by default; with the client's consent its beginning, whole rows, and a header that says so."""
    everything = "SELECT ?s ?p ?o { ?s ?p ?o }"
    status, headers, body = ask(server, everything)
    assert status == 413
    assert b"2,000 rows" in body
    status, headers, body = ask(server, everything, Prefer="handling=lenient", Accept="text/csv")
    assert status == 200
    assert headers["kg-truncated"] == "rows"
    assert "preference-applied" in headers
    assert body.count(b"\r\n") >= 2_001
    status, headers, _ = ask(server, "SELECT ?s { ?s ?p ?o } LIMIT 2000")
    assert status == 200
    assert "kg-truncated" not in headers


def test_a_client_that_goes_away_frees_the_worker(store: Path) -> None:
    """Four endless queries of clients that left do not keep a good one waiting until their deadline."""
    running = start_server("--store", str(store), "--timeout", "600", "--workers", "2")
    try:
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", int(urlsplit(running.url).port or 0))) as left:
                left.sendall(f"GET /sparql?query={quote(ENDLESS)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                time.sleep(0.5)
        assert ask(running, GOOD)[0] == 200
        assert not [pid for pid in list_children(running.process.pid) if is_busy(pid)]
    finally:
        stop(running.process)


def list_children(pid: int) -> list[int]:
    """Processes that a process started."""
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_busy(pid: int) -> bool:
    """Whether a process uses the processor."""

    def used() -> int:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0
        return int(fields[11]) + int(fields[12])

    before = used()
    time.sleep(0.3)
    return used() - before > 10


def test_sigterm_lets_a_request_under_way_end(store: Path) -> None:
    """The server takes no new request, answers the one it has, ends its workers and exits."""
    running = start_server("--store", str(store), "--timeout", "2", "--workers", "2")
    workers = list_children(running.process.pid)
    assert len(workers) == 4
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=60)
    connection.request("GET", f"/sparql?query={quote(ENDLESS)}")
    time.sleep(0.5)
    running.process.send_signal(signal.SIGTERM)
    answer = connection.getresponse()
    assert answer.status == 503
    assert b"stopped after 2 s" in answer.read()
    connection.close()
    running.process.wait(30)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def test_workers_die_with_the_server(store: Path) -> None:
    """A killed server leaves no process behind."""
    running = start_server("--store", str(store), "--workers", "2")
    workers = list_children(running.process.pid)
    running.process.kill()
    running.process.wait()
    for _ in range(100):
        if not any(Path(f"/proc/{pid}").exists() for pid in workers):
            return
        time.sleep(0.1)
    pytest.fail("a worker lives on")


def run_pool(store: Path, bounds: Bounds, jobs: list[Job], memory: int | None = None) -> list[str]:
    """What a pool says to jobs that come at once: ``ok``, or the refusal."""

    async def run() -> list[str]:
        pool = Pool(Plan(str(store), memory=memory), bounds)
        await pool.start()
        try:
            done = await asyncio.gather(*(pool.run(job) for job in jobs), return_exceptions=True)
        finally:
            await pool.close()
        return [f"{one.status} {one.retry}" if isinstance(one, Refused) else "ok" for one in done]

    return asyncio.run(run())


def make_job(text: str) -> Job:
    """A query as a job."""
    arguments = {"text": text, "form": "json", "base": "x:", "default_graphs": [], "named_graphs": []}
    return Job("sparql", {**arguments, "max_rows": 100, "max_bytes": 10_000, "is_lenient": False})


def test_the_queue_is_bounded(store: Path) -> None:
    """Jobs beyond workers and queue are refused at once, with the time after which to try again."""
    bounds = Bounds(size=1, slow=1, queue=2, deadline=1.0)
    said = run_pool(store, bounds, [make_job(ENDLESS)] * 6)
    assert sorted(said) == ["503 0", "503 2", "503 2", "503 2", "503 2", "503 2"]


def test_long_queries_leave_room_for_short_ones(store: Path) -> None:
    """Only so many may run for long; the others are stopped early, and a short one is answered meanwhile."""
    bounds = Bounds(size=3, slow=1, grace=0.3, queue=20, deadline=4.0)
    said = run_pool(store, bounds, [*[make_job(ENDLESS)] * 3, make_job(GOOD)])
    assert said[3] == "ok"
    assert said.count("503 5") == 2


def test_clients_that_loop_long_queries_leave_room_for_short_ones(store: Path) -> None:
    """Sixteen, each with a query of its own, ask again as soon as they are refused; a newcomer is answered in time."""

    async def loop(pool: Pool, number: int) -> None:
        while True:
            with contextlib.suppress(Refused):
                await pool.run(make_job(ENDLESS + " " * number))

    async def run() -> list[Reply]:
        pool = Pool(Plan(str(store)), Bounds(size=4, slow=2, deadline=8.0))
        await pool.start()
        loops = [asyncio.create_task(loop(pool, number)) for number in range(16)]
        try:
            await asyncio.sleep(0.1)
            return [await pool.run(make_job(GOOD + " " * number)) for number in range(5)]
        finally:
            for one in loops:
                one.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            await pool.close()

    assert [reply.fault for reply in asyncio.run(run())] == [None] * 5


def test_a_long_query_waits_for_its_turn(store: Path) -> None:
    """A query that is long, while as many long ones run as may, is begun anew and answered when one of them ends."""
    long = "SELECT (COUNT(*) AS ?n) { { SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 3000000 } }"
    bounds = Bounds(size=3, slow=1, grace=0.1, queue=20, deadline=120.0)
    said = run_pool(store, bounds, [make_job(long + " " * number) for number in range(3)])
    assert said == ["ok", "ok", "ok"]


def test_pages_do_not_wait_for_queries(store: Path) -> None:
    """While every worker for queries runs one that nobody stops for ten minutes, a page is answered."""
    running = start_server("--store", str(store), "--timeout", "600", "--workers", "2")
    held = [http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=60) for _ in range(4)]
    try:
        for number, connection in enumerate(held):
            connection.request("GET", f"/sparql?query={quote(ENDLESS + ' ' * number)}")
        asking = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=60)
        for path in ("/page/trial/NCT05574608", "/api/queries/trials", "/api/trials/NCT05574608"):
            asking.request("GET", path)
            answer = asking.getresponse()
            answer.read()
            assert answer.status == 200
        asking.close()
    finally:
        for connection in held:
            connection.close()
        stop(running.process)


def test_an_internal_error_leaves_a_trace_and_the_worker(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Though a worker may write to no file: the trace is logged by its parent."""
    failing = Job("describe", {"iri": "no IRI", "form": "ttl"})

    async def run() -> None:
        pool = Pool(Plan(str(store), is_desk=True), Bounds(size=1, slow=1))
        await pool.start()
        try:
            before = pool.list_processes()
            reply = await pool.run(failing)
            assert reply.fault
            assert reply.fault.status == 500
            assert pool.list_processes() == before
        finally:
            await pool.close()

    asyncio.run(run())
    assert "Traceback" in caplog.text
    assert "no IRI" in caplog.text


def test_the_index_cannot_be_written(store: Path) -> None:
    """The engine itself refuses, whatever a worker might be talked into."""
    engine = open_graph(store).snapshot.engine
    before = len(engine)
    with pytest.raises(RuntimeError, match="read-write"):
        engine.update("INSERT DATA { <x:s> <x:p> <x:o> }")
    assert len(engine) == before


WORKER = """
import socket, subprocess, sys
from kg.web.confinement import confine
print(confine(200 << 20))
def attempt(name, act):
    try:
        act()
        print(name, "allowed")
    except (OSError, MemoryError) as error:
        print(name, type(error).__name__)
attempt("socket", lambda: socket.socket())
attempt("unix", lambda: socket.socketpair())
attempt("process", lambda: subprocess.run(["/bin/true"]))
attempt("fork", lambda: __import__("os").fork())
attempt("write", lambda: open(sys.argv[1], "w"))
attempt("remove", lambda: __import__("os").remove(sys.argv[2]))
attempt("memory", lambda: bytearray(400 << 20))
attempt("read", lambda: open("/proc/self/statm").read())
"""


def test_a_confined_process_has_no_network_no_children_and_no_files_to_write(tmp_path: Path) -> None:
    """Sockets, new processes, writing, removing and much memory fail; reading works."""
    pytest.importorskip("pyseccomp", reason="libseccomp is not on this machine: resource limits only")
    kept = tmp_path / "kept"
    kept.write_text("")
    code = textwrap.dedent(WORKER)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "new"), str(kept)], capture_output=True, text=True, check=False
    )
    said = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines()[1:])
    assert done.stdout.splitlines()[0] == "seccomp"
    assert said.pop("read") == "allowed"
    assert said.pop("memory") == "MemoryError"
    assert set(said) == {"socket", "unix", "process", "fork", "write", "remove"}
    assert set(said.values()) == {"PermissionError"}
    assert kept.exists()


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """A port that must not be called."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.5)
        yield listening


def test_a_worker_that_is_asked_to_federate_calls_nobody(store: Path, listener: socket.socket) -> None:
    """Even when the limits are passed by, the worker cannot open a connection."""
    port = listener.getsockname()[1]
    text = f"SELECT * {{ SERVICE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}"

    async def run() -> int:
        pool = Pool(Plan(str(store), memory=512 << 20), Bounds(size=1, slow=1))
        await pool.start()
        try:
            if pool.confined != "seccomp":
                pytest.skip("libseccomp is not on this machine: resource limits only")
            reply = await pool.run(make_job(text))
        finally:
            await pool.close()
        return reply.fault.status if reply.fault else 200

    assert asyncio.run(run()) in (400, 503)  # 503 where the system, not the engine, says no
    with pytest.raises(TimeoutError):
        listener.accept()


def test_the_web_process_never_opens_the_graph_for_queries(server: Server) -> None:
    """No file of the index is open in it: queries run elsewhere."""
    folder = Path(f"/proc/{server.process.pid}/fd")
    held = [os.readlink(one) for one in folder.iterdir() if one.is_symlink()]
    assert not [path for path in held if "/index/" in path]
