"""What macOS has not (affinity, /proc, prctl, copies of processes) is not needed; Windows is told where to go."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import Executor
from pathlib import Path

import pytest

from kg import processes
from kg.pipeline.pools import open_pool
from kg.processes import count_cores, pick_start
from tests.conftest import ROOT
from tests.test_cli import run_kg

LIKE_MACOS = """
import ctypes, multiprocessing, os, sys
for name in ("sched_getaffinity", "sched_setaffinity", "pidfd_open", "memfd_create", "eventfd", "splice",
             "copy_file_range", "posix_fadvise", "posix_fallocate", "getrandom", "getresuid", "setresuid"):
    if hasattr(os, name):
        delattr(os, name)
multiprocessing.set_start_method("spawn", force=True)
load = ctypes.CDLL
ctypes.CDLL = lambda name=None, *rest, **options: load(name, *rest, **options) if name else object()
def refuse(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and str(arguments[0]).startswith("/proc"):
        raise FileNotFoundError(2, "No such file or directory", arguments[0])
sys.addaudithook(refuse)
"""
"""A ``sitecustomize.py``, which each process of a test imports before anything else."""


@pytest.fixture(scope="module")
def mac(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine like macOS."""
    folder = tmp_path_factory.mktemp("mac")
    (folder / "sitecustomize.py").write_text(LIKE_MACOS)
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def test_the_machine_is_like_macos(mac: dict[str, str]) -> None:
    """The tests below hide what they say they hide."""
    program = (
        "import os, ctypes, multiprocessing\n"
        "print(hasattr(os, 'sched_getaffinity'), hasattr(ctypes.CDLL(None), 'prctl'))\n"
        "print(multiprocessing.get_start_method())\n"
        "try:\n    open('/proc/self/stat')\nexcept FileNotFoundError:\n    print('gone')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **mac}, check=True
    )
    assert done.stdout.split() == ["False", "False", "spawn", "gone"]


def test_verbs_where_linux_is_not(mac: dict[str, str], tmp_path: Path) -> None:
    """Build with several workers, update, ask, validate with several workers and export: as on Linux."""
    for store, env in ((tmp_path / "mac", mac), (tmp_path / "linux", {})):
        done = run_kg("build", "--workers", "2", store=store, env=env)
        assert done.returncode == 0, done.stderr
        done = run_kg("update", str(ROOT / "data" / "trials"), store=store, env=env)
        assert done.returncode == 0, done.stderr
    assert os.readlink(tmp_path / "mac" / "current") == os.readlink(tmp_path / "linux" / "current")
    for arguments in (
        ("query", "trials", "--format", "json"),
        ("validate", "--fail-on", "never", "--format", "json"),
        ("validate", "--fail-on", "never", "--engine", "rudof", "--workers", "2"),
        ("export", "--format", "nt"),
    ):
        found, usual = (
            run_kg(*arguments, store=tmp_path / name, env=env) for name, env in (("mac", mac), ("linux", {}))
        )
        assert (found.returncode, found.stdout) == (0, usual.stdout), found.stderr


def test_cores_are_counted_without_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that this process may use; else those of the machine; else one."""
    if hasattr(os, "sched_getaffinity"):
        assert count_cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert count_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert count_cores() == 1


@pytest.mark.parametrize(("usual", "start"), [("fork", "fork"), ("spawn", "spawn"), ("forkserver", "spawn")])
def test_workers_are_children_of_the_process_that_uses_them(
    usual: str, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However Python would start them; one that was not would end at once, its parent being another."""
    monkeypatch.setattr(processes, "get_start_method", lambda: usual)
    assert pick_start() == start
    with open_pool(2) as pool:
        assert isinstance(pool, Executor)
        assert pool.submit(os.getppid).result() == os.getpid()


WINDOWS = """
import sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
import os
from kg.cli import main
os.name = "nt"
sys.argv = ["kg", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("arguments", [["build"], ["query", "trials"], ["serve"], ["--help"], []])
def test_windows_is_told_where_to_go(arguments: list[str], tmp_path: Path) -> None:
    """One line, whatever is asked, and no traceback for want of a module that Windows lacks."""
    done = subprocess.run(
        [sys.executable, "-c", WINDOWS, *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "kg: runs on Linux and macOS. Windows: run kg inside WSL\n"
