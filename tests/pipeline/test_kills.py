"""A build that is killed at any moment loses nothing: the graph before is served, and the next build goes on.

``make test`` kills a few times; ``make kill`` sixty times.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from kg.graph import open_graph
from kg.pipeline import build
from kg.snapshots import use_snapshot
from kg.store import open_snapshot
from tests.conftest import ROOT
from tests.pipeline.conftest import Write, make_study, read_shards, read_triples

TIMES = int(os.environ.get("TRIALKG_KILLS", "4"))


def start_build(source: Path, store: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "kg", "build", str(source), "--store", str(store), "--workers", "2", "--keep", "3"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        preexec_fn=_heed_interrupts,
    )


def _heed_interrupts() -> None:
    """A shell starts what it runs in the background deaf to Ctrl-C, and its children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_kill_at_random_moments(tmp_path: Path, write: Write) -> None:
    """Each time the old snapshot answers and is whole, and the resumed build equals an uninterrupted one."""
    old, new = write("old.jsonl", make_study(1)), write("new.jsonl", *(make_study(number) for number in range(110)))
    build([str(new)], tmp_path / "whole")
    whole = open_snapshot(tmp_path / "whole")
    shards, triples = read_shards(whole), read_triples(whole)
    store = tmp_path / "store"
    build([str(old)], store)
    before = open_snapshot(store).folder
    start = time.monotonic()
    first = start_build(new, store)
    first.communicate()
    assert first.returncode == 0
    longest = time.monotonic() - start
    use_snapshot(store, before.name)
    chance, resumed, finished = random.Random(20), 0, 0  # noqa: S311
    for turn in range(TIMES):
        doomed = start_build(new, store)
        time.sleep(chance.uniform(0.2, 1.1) * longest)
        doomed.send_signal(signal.SIGKILL)
        doomed.communicate()
        served = open_snapshot(store)
        if served.folder == before:
            assert [row["registry_id"] for row in open_graph(store).query("trials")] == ["NCT81000001"]
        else:
            finished += 1
            assert read_shards(served) == shards
        served.verify()
        again = start_build(new, store)
        _, said = again.communicate()
        assert again.returncode == 0, said
        resumed += b"read by the build before" in said
        built = open_snapshot(store)
        built.verify()
        assert read_shards(built) == shards
        if turn % 10 == 0:
            assert read_triples(built) == triples
        assert not (store / "unfinished.log").exists()
        assert not list((store / "snapshots").glob(".*"))
        use_snapshot(store, before.name)
    if TIMES > 20:
        assert resumed > TIMES // 10
        print(f"{TIMES} kills: {resumed} builds went on from a log, {finished} had been published")


def test_an_interrupted_build_goes_on_where_it_was(tmp_path: Path, write: Write) -> None:
    """Ctrl-C keeps what was read; the next build says how much of it it could use."""
    os.mkfifo(tmp_path / "slow")
    store = tmp_path / "store"
    first = start_build(tmp_path / "slow", store)
    with (tmp_path / "slow").open("w") as stream:
        for number in range(800):
            stream.write(json.dumps(make_study(number % 100)) + "\n")
        stream.flush()
        while not (store / "unfinished.log").exists() or (store / "unfinished.log").stat().st_size < 10_000:
            time.sleep(0.05)
        first.send_signal(signal.SIGINT)
        _, said = first.communicate(timeout=60)
    assert first.returncode == 130, said
    assert said.count(b"\n") == 1
    assert b"interrupted" in said
    log = (store / "unfinished.log").read_bytes()
    (store / "unfinished.log").write_bytes(log[:-100])  # as if power had failed in the midst of a write
    # A pipe names its records by line, so a file of the same name stands for the same source.
    (tmp_path / "slow").unlink()
    again = start_build(write("slow", *(make_study(number) for number in range(100))), store)
    _, said = again.communicate()
    assert again.returncode == 0, said
    assert b"read by the build before" in said
    build([str(tmp_path / "slow")], tmp_path / "whole", workers=1)
    assert read_shards(open_snapshot(store)) == read_shards(open_snapshot(tmp_path / "whole"))
