"""Real SPARQL servers on loopback for tests: Virtuoso and ``oxigraph serve``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.web.conftest import find_port, stop

_INI = """[Database]
DatabaseFile = {folder}/virtuoso.db
ErrorLogFile = {folder}/virtuoso.log
LockFile = {folder}/virtuoso.lck
TransactionFile = {folder}/virtuoso.trx
xa_persistent_file = {folder}/virtuoso.pxa
[TempDatabase]
DatabaseFile = {folder}/temp.db
TransactionFile = {folder}/temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DirsAllowed = {folder}
NumberOfBuffers = 20000
MaxDirtyBuffers = 15000
MaxCheckpointRemap = 2000
[HTTPServer]
ServerPort = 127.0.0.1:{port}
ServerRoot = {folder}
MaxClientConnections = 10
[SPARQL]
ResultSetMaxRows = 2000000
MaxQueryCostEstimationTime = 0
MaxQueryExecutionTime = 600
[VDB]
[Replication]
ServerName = test
"""


def find_oxigraph() -> str | None:
    """The program ``oxigraph`` of this environment, or of the machine."""
    here = Path(sys.executable).parent / "oxigraph"
    return str(here) if here.exists() else shutil.which("oxigraph")


@contextmanager
def run_oxigraph(folder: Path, *options: str) -> Iterator[str]:
    """An empty ``oxigraph serve``; its address without a path."""
    program = find_oxigraph()
    if program is None:
        pytest.skip("oxigraph is not installed (pip install oxigraph)")
    port = find_port()
    process = subprocess.Popen(
        [program, "serve", "--location", str(folder), "--bind", f"127.0.0.1:{port}", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)


@contextmanager
def run_virtuoso(folder: Path) -> Iterator[str]:
    """A new Virtuoso; its address without a path. User and password are dba."""
    program = shutil.which("virtuoso-t")
    if program is None:
        pytest.skip("Virtuoso is not installed (.ci/install-virtuoso)")
    folder.mkdir(parents=True, exist_ok=True)
    port, sql = find_port(), find_port()
    ini = folder / "virtuoso.ini"
    ini.write_text(_INI.format(folder=folder, port=port, sql=sql), encoding="utf-8")
    process = subprocess.Popen(
        [program, "+foreground", "+configfile", str(ini)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ},
    )
    try:
        _wait(f"http://127.0.0.1:{port}/sparql", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(f"the server ended with {process.returncode}")
        try:
            with urlopen(url, timeout=10):  # noqa: S310  # loopback
                return
        except (URLError, OSError):
            time.sleep(0.2)
    process.kill()
    pytest.fail("the server does not answer")
