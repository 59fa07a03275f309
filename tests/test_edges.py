"""The edges of the command line: pipes that close, disks that are full, places that cannot be written."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_cli import run_kg

RECORDS = ROOT / "data" / "trials"


@contextmanager
def mount(folder: Path, options: str) -> Iterator[Path]:
    """A small file system of its own; only root may mount one."""
    folder.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"cannot mount a file system here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("edges") / "store"
    assert run_kg("build", store=folder).returncode == 0
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        "show --all",
        "show --all --format jsonl",
        "export --format nq",
        "export --format ttl",
        "validate --fail-on never",
        "query terms",
    ],
)
def test_a_reader_may_leave(store: Path, arguments: str) -> None:
    """``| head`` ends the command quietly and well, also when only the interpreter's last flush notices."""
    for lines in (0, 1):
        done = subprocess.run(
            [
                "bash",
                "-c",
                f"{sys.executable} -m kg {arguments} | head -n {lines} > /dev/null; echo ${{PIPESTATUS[0]}}",
            ],
            capture_output=True,
            cwd=ROOT,
            env={**os.environ, "KG_STORE": str(store), "TERM": "dumb"},
            check=True,
        )
        assert done.stdout == b"0\n", done.stderr
        for word in (b"Traceback", b"Broken", b"rror"):
            assert word not in done.stderr


def test_output_that_cannot_be_written(store: Path) -> None:
    """A full disk under a redirected answer is one line."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "kg", "export", "--format", "nt", "--store", str(store)],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            check=False,
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (3, 1), done.stderr
    assert b"No space left" in done.stderr


def test_a_store_that_is_a_file(tmp_path: Path) -> None:
    """Neither built over nor read."""
    (tmp_path / "file").write_text("precious")
    for verb in ("build", "query"):
        done = run_kg(verb, *(["trials"] if verb == "query" else []), store=tmp_path / "file")
        assert (done.returncode, done.stderr.count("\n")) == (3, 1)
        assert "is a file" in done.stderr
    assert (tmp_path / "file").read_text() == "precious"


def test_a_store_below_a_file(tmp_path: Path) -> None:
    """A path that goes through a file is named."""
    (tmp_path / "file").write_text("precious")
    done = run_kg("build", "--store", str(tmp_path / "file" / "store"), store=tmp_path / "x")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "internal" not in done.stderr


def test_a_read_only_place(tmp_path: Path) -> None:
    """The graph there stays readable, and a build says why it cannot write."""
    folder = tmp_path / "disk"
    with mount(folder, "size=64m"):
        assert run_kg("build", store=folder / "store").returncode == 0
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        done = run_kg("build", "--store", str(folder / "store"), store=tmp_path / "x")
        assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
        assert "Read-only" in done.stderr
        assert run_kg("query", "trials", "--store", str(folder / "store"), store=tmp_path / "x").returncode == 0


@pytest.mark.parametrize("size", ["1m", "2m", "3m", "4m", "6m", "8m"])
def test_a_full_disk(tmp_path: Path, size: str) -> None:
    """Wherever the space ends, the message says so, and the graph before is served."""
    folder = tmp_path / "disk"
    with mount(folder, "size=64m"):
        assert run_kg("build", str(next(RECORDS.glob("il3*"))), store=folder / "store").returncode == 0
        before = os.readlink(folder / "store" / "current")
        used = sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
        room = used + int(size[:-1]) * 2**20
        subprocess.run(["mount", "-o", f"remount,size={room}", str(folder)], check=True)
        studies = tmp_path / "many.jsonl"
        record = json.loads(next(RECORDS.glob("il3*.json")).read_text())
        with studies.open("w") as stream:
            for number in range(400):
                record["protocolSection"]["identificationModule"]["nctId"] = f"NCT{80_000_000 + number}"
                record["protocolSection"]["identificationModule"]["briefTitle"] = os.urandom(4000).hex()
                stream.write(json.dumps(record) + "\n")
        done = run_kg("build", str(studies), "--workers", "1", store=folder / "store")
        assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
        assert "No space left" in done.stderr
        assert os.readlink(folder / "store" / "current") == before
        answer = run_kg("query", "trials", "--format", "json", store=folder / "store")
        assert len(json.loads(answer.stdout)) == 1


def test_a_gzip_that_breaks_off(tmp_path: Path) -> None:
    """What was read is built and served; exit code 3 and a line say that the rest is missing."""
    record = json.loads(next(RECORDS.glob("il3*.json")).read_text())
    lines = []
    for number in range(60):
        record["protocolSection"]["identificationModule"]["nctId"] = f"NCT{80_000_000 + number}"
        lines.append(json.dumps(record))
    whole = gzip.compress("\n".join(lines).encode(), compresslevel=0)
    for cut, built in ((len(whole) // 2, True), (200, False)):
        (tmp_path / "cut.jsonl.gz").write_bytes(whole[:cut])
        done = run_kg("build", str(tmp_path / "cut.jsonl.gz"), store=tmp_path / f"store{cut}")
        assert done.returncode == 3
        assert "broken gzip" in done.stderr
        assert (tmp_path / f"store{cut}" / "current").exists() is built


def test_a_store_inside_its_source(tmp_path: Path) -> None:
    """Building twice from a folder that holds the store gives the same graph."""
    (tmp_path / "a.json").write_bytes(next(RECORDS.glob("il3*.json")).read_bytes())
    for _ in range(2):
        done = run_kg("build", str(tmp_path), store=tmp_path / "graph")
        assert done.returncode == 0, done.stderr
        assert "1 record, 1 trial" in done.stderr
        assert "set aside" not in done.stderr


def test_messages_stay_short(tmp_path: Path, store: Path) -> None:
    """A name of thousands of letters does not flood the terminal."""
    for arguments in (["build", "x" * 5000], ["query", "y" * 5000], ["show", "z" * 5000], ["ask", "q" * 5000]):
        done = run_kg(*arguments, store=store)
        assert done.returncode in (2, 3)
        assert len(done.stderr) < 1500
    done = run_kg("query", "trials", "--store", "s" * 5000, store=store)
    assert (done.returncode, len(done.stderr) < 1500) == (3, True)


def test_two_builds_at_once(tmp_path: Path) -> None:
    """The second one says that the first is at work, and leaves it alone."""
    os.mkfifo(tmp_path / "slow")
    first = subprocess.Popen(
        [sys.executable, "-m", "kg", "build", str(tmp_path / "slow"), "--store", str(tmp_path / "store")],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )
    try:
        with (tmp_path / "slow").open("wb") as stream:
            while not (tmp_path / "store" / "lock").exists():
                time.sleep(0.05)
            time.sleep(0.3)
            done = run_kg("build", store=tmp_path / "store")
            assert (done.returncode, done.stderr.count("\n")) == (3, 1)
            assert "another build" in done.stderr
            stream.write(next(RECORDS.glob("il3*.json")).read_bytes())
        _, said = first.communicate(timeout=60)
        assert first.returncode == 0, said
    finally:
        if first.poll() is None:
            first.send_signal(signal.SIGTERM)
            first.wait()
