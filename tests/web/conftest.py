"""A small graph, the application in this process, and a real server in another."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from starlette.testclient import TestClient

from kg.pipeline import build
from kg.web.app import make_app
from kg.web.editions import Editions
from kg.web.service import Settings
from tests.conftest import ROOT

DEADLINE = 1.0
"""Seconds for a client's query in tests."""
MEMORY = 256
"""Megabytes that it may take beyond a worker's own start."""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graph of the shipped records and the fixtures."""
    folder = tmp_path_factory.mktemp("web") / "store"
    build([str(ROOT / "data" / "trials"), str(ROOT / "tests" / "fixtures" / "records")], folder, workers=1)
    return folder


@pytest.fixture(scope="session")
def client(store: Path) -> Iterator[TestClient]:
    """The application over the graph, with its workers."""
    settings = Settings(store=str(store), workers=2, deadline=10 * DEADLINE, max_rows=2_000, memory=512 << 20)
    with TestClient(make_app(Editions(settings)), raise_server_exceptions=False, follow_redirects=False) as running:
        yield running


@dataclass(frozen=True)
class Server:
    """A server process and its address."""

    url: str
    process: subprocess.Popen[bytes]


def find_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def read_peak(pid: int) -> int:
    """Peak resident memory (KB) of the largest child."""
    peak = 0
    try:
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            for line in Path(f"/proc/{child}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    peak = max(peak, int(line.split()[1]))
    except OSError:
        pass
    return peak


def start_server(*arguments: str) -> Server:
    """Start ``kg serve`` and wait until it answers."""
    port = find_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "kg", "serve", "--port", str(port), *arguments],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": ""},
    )
    wait_for(f"http://127.0.0.1:{port}/health", process)
    return Server(f"http://127.0.0.1:{port}", process)


def wait_for(url: str, process: subprocess.Popen[bytes], tries: int = 600) -> None:
    """Wait until the address answers."""
    for _ in range(tries):
        if process.poll() is not None:
            pytest.fail(f"the server ended with {process.returncode}")
        try:
            with urlopen(url, timeout=5):  # noqa: S310  # loopback
                return
        except (URLError, OSError):
            time.sleep(0.1)
    process.kill()
    pytest.fail("the server does not answer")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that a test started."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def server(store: Path) -> Iterator[Server]:
    """``kg serve`` over the graph, with a short deadline and little memory."""
    bounds = {"--timeout": DEADLINE, "--memory": MEMORY, "--workers": 4, "--max-rows": 2000}
    running = start_server("--store", str(store), *(str(part) for bound in bounds.items() for part in bound))
    yield running
    stop(running.process)
