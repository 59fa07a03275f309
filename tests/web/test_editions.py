"""A build that swaps in a snapshot changes what is served, and no request is lost; what stops a start is one line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from kg.pipeline import build
from kg.web import editions
from kg.web.app import make_app
from kg.web.editions import Editions
from kg.web.service import Settings
from tests.conftest import ROOT

TRIALS = ROOT / "data" / "trials"
ONE = "/api/trials/NCT05574608"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A store of one trial."""
    (record,) = (path for path in TRIALS.iterdir() if "NCT05574608" in path.read_text())
    build([str(record)], tmp_path / "store", workers=1)
    return tmp_path / "store"


@pytest.fixture
def running(small: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The application over it, which looks at the store all the time."""
    monkeypatch.setattr(editions, "PAUSE", 0.05)
    with TestClient(make_app(Editions(Settings(store=str(small), workers=2)))) as client:
        yield client


def wait_for_trials(client: TestClient, number: int) -> None:
    """Ask until so many trials are served; every answer on the way must be good."""
    for _ in range(600):
        assert client.get(ONE).status_code == 200
        page = client.get("/page/trial/NCT05574608")
        assert page.status_code == 200
        if client.get("/health").json()["trials"] == number:
            return
        time.sleep(0.05)
    pytest.fail("the new snapshot is not served")


def list_workers() -> set[str]:
    """Worker processes of this process."""
    found = set()
    for children in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        for pid in children.read_text().split():
            if b"kg.web.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


def test_a_new_snapshot_is_taken_up_while_requests_go_on(running: TestClient, small: Path) -> None:
    """All that is kept of the old one is forgotten, and its workers end."""
    before = running.get("/api/queries/trials")
    assert before.json()["total"] == 1
    old = list_workers()
    build([str(TRIALS)], small, workers=1)
    wait_for_trials(running, 5)
    after = running.get("/api/queries/trials")
    assert after.json()["total"] == 5
    assert after.headers["etag"] != before.headers["etag"]
    for _ in range(100):
        if not old & list_workers():
            return
        time.sleep(0.1)
    pytest.fail("a worker of the old snapshot lives on")


def test_a_snapshot_that_cannot_be_read_is_passed_over(
    running: TestClient, small: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The old one is served on, and the log says so; the next good one is served."""
    (small / "snapshots" / "broken").mkdir()
    link = small / "link"
    link.symlink_to(Path("snapshots") / "broken")
    link.replace(small / "current")
    for _ in range(200):
        if "is served on" in caplog.text:
            break
        time.sleep(0.05)
    assert "broken" in caplog.text
    assert running.get("/health").json()["trials"] == 1
    build([str(TRIALS)], small, workers=1)
    wait_for_trials(running, 5)


def test_a_busy_port_is_one_clear_line(small: Path) -> None:
    """What, where and how to mend it, with the exit code of a wrong option."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "kg", "serve", "--store", str(small), "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"127.0.0.1:{port}: another program listens there" in line
    assert "--port" in line


def test_an_index_that_cannot_be_opened_is_one_clear_line(small: Path) -> None:
    """Said by a worker, told by the server: no stack trace."""
    for path in (small / "current" / "index").glob("CURRENT"):
        path.write_bytes(b"x" * path.stat().st_size)
    done = subprocess.run(
        [sys.executable, "-m", "kg", "serve", "--store", str(small), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "the index cannot be opened" in line
