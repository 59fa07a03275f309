"""What a system lacks has another way, which is told at the start and by the server's health."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec
import pytest

from kg.processes import count_cores
from kg.web import children
from kg.web.children import CrashError, Refused
from kg.web.frames import Plan
from kg.web.pool import Bounds, Pool
from kg.web.service import Service, Settings
from tests.conftest import ROOT
from tests.web.conftest import find_port, stop, wait_for
from tests.web.test_sandbox import ENDLESS, GOOD, make_job

HIDES = {
    "proc": "from pathlib import Path; from kg.web import confinement; confinement.STATM = Path('/hidden')",
    "seccomp": "import sys; sys.modules['pyseccomp'] = None",
    "refused": "import pyseccomp; pyseccomp.SyscallFilter.load = lambda _: exec('raise OSError(1)')",
    "open": "import pyseccomp as p; real = p.SyscallFilter.add_rule\ndef add(s, a, name, *r):\n"
    "    if name == 'open': raise ValueError\n    return real(s, a, name, *r)\np.SyscallFilter.add_rule = add",
    "bounds": "import resource; real = resource.setrlimit\ndef set(what, to):\n"
    "    if what == resource.RLIMIT_AS: raise ValueError\n    real(what, to)\nresource.setrlimit = set",
}
BOMB = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?c ?f ?i"


@pytest.fixture
def hidden(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers from which something is hidden."""
    if "pyseccomp" in HIDES[request.param]:
        pytest.importorskip("pyseccomp", reason="libseccomp is not on this machine")
    real = asyncio.create_subprocess_exec
    code = f"{HIDES[request.param]}\nfrom kg.web.worker import main\nmain()"

    async def start(program: str, *_: str, **named: Any) -> asyncio.subprocess.Process:
        return await real(program, "-c", code, **named)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)


def run_pool(store: Path, *texts: str, memory: int = 256 << 20) -> tuple[str, tuple[str, ...], list[Any]]:
    """What workers say of themselves, and their answers to queries."""

    async def run() -> Any:
        pool = Pool(Plan(str(store), memory=memory), Bounds(size=2, slow=1, grace=0.3, deadline=60.0))
        await pool.start()
        try:
            found = await asyncio.gather(*(pool.run(make_job(text)) for text in texts), return_exceptions=True)
            return pool.confined, pool.lacks, found
        finally:
            await pool.close()

    return asyncio.run(run())  # type: ignore[no-any-return]


def test_cores_are_counted_where_the_system_does_not_say_which_are_ours(
    monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    """All of the machine, then."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert count_cores() == (os.cpu_count() or 1)
    assert Service(Settings(store=str(store))).desk.bounds.size >= 2


@pytest.mark.parametrize(
    ("hidden", "confined", "told"),
    [
        ("proc", None, "no /proc"),
        ("seccomp", "limits", "no filter"),
        ("refused", "limits", "no filter"),
        ("open", "seccomp", ""),
        ("bounds", None, ""),
    ],
    indirect=["hidden"],
)
def test_workers_do_without(store: Path, hidden: None, confined: str | None, told: str) -> None:
    """They answer, and say what they lack."""
    found, lacks, (reply,) = run_pool(store, GOOD)
    assert reply.fault is None
    assert confined in (None, found)
    assert told in " ".join(lacks)


@pytest.mark.parametrize("hidden", ["proc", "bounds"], indirect=True)
def test_memory_is_bounded_where_the_system_has_no_bound(store: Path, hidden: None) -> None:
    """A query that takes all there is still ends, as one that brings its process down."""
    _, __, (error,) = run_pool(store, BOMB)
    assert isinstance(error, CrashError)
    assert "needs too much memory" in str(error)


def test_long_queries_are_told_by_the_clock_where_nothing_else_tells(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that they do not hold every worker."""
    monkeypatch.setattr(children, "PROC", Path("/hidden"))

    async def run() -> list[Any]:
        pool = Pool(Plan(str(store)), Bounds(size=3, slow=1, grace=0.3, queue=20, deadline=4.0))
        await pool.start()
        try:
            jobs = [*[make_job(ENDLESS)] * 3, make_job(GOOD)]
            return await asyncio.gather(*(pool.run(job) for job in jobs), return_exceptions=True)
        finally:
            await pool.close()

    *long, short = asyncio.run(run())
    assert short.fault is None
    assert sum(isinstance(one, Refused) and one.retry == 5 for one in long) == 2


def test_the_start_and_the_health_say_what_is_lacking(store: Path, tmp_path: Path) -> None:
    """A line for whoever starts the server, and the same to whoever asks."""
    (tmp_path / "pyseccomp.py").write_text("raise RuntimeError('Unable to find libseccomp')\n")
    port = find_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "kg", "serve", "--store", str(store), "--port", str(port), "--workers", "2"],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=60) as answer:  # loopback
            health = msgspec.json.decode(answer.read())
    finally:
        stop(process)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    process.stderr.close()
    assert health["confined"] == "limits"
    assert "no filter of system calls" in health["lacks"][0]
    assert health["lacks"][0] in said
