"""Workers end with the process that started them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

PARENT = """
import os, sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from kg.processes import attach_to_parent
if __name__ == "__main__":
    method = get_context(sys.argv[1])
    with ProcessPoolExecutor(1, method, initializer=attach_to_parent, initargs=(os.getpid(),)) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 600).result()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_ends_with_a_parent_that_was_killed(method: str, tmp_path: Path) -> None:
    """Also amid its work, and whichever way it was started."""
    program = tmp_path / "parent.py"
    program.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(program), method], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = Path(f"/proc/{int(parent.stdout.readline())}")
        assert worker.exists()
        parent.kill()
    for _ in range(100):
        if not worker.exists():
            return
        time.sleep(0.1)
    pytest.fail("the worker lives on")
