"""Builds of many studies, from JSON to a verified snapshot: ``python -m benchmarks.builds 10000 100000``.

Studies are the real ones under new ids, and each round of them at sites of its own, so that what trials share grows as
it does in a registry. CPU seconds are of all processes; memory is the sum of their proportional set sizes.
"""

from __future__ import annotations

import gzip
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path

import msgspec

from kg.graph import open_graph
from kg.overviews import list_overviews
from kg.store import Snapshot, open_snapshot

SHARED = Path(os.environ.get("TRIALKG_SHARED", Path(__file__).resolve().parent.parent.parent / "shared"))
CORPUS = SHARED / "corpora" / "ctgov_v2.jsonl.gz"
_ID = re.compile(rb'"nctId":\s*"(\w+)"')
_STATUS = re.compile(rb'("overallStatus":\s*)"\w+"')
_UPDATED = re.compile(rb'("lastUpdatePostDateStruct":\s*\{"date":\s*)"[\d-]+"')


class Cost(msgspec.Struct, frozen=True):
    """What a command cost: seconds, and bytes at its peak."""

    wall: float
    cpu: float
    peak: int


def mint_studies(number: int) -> Iterator[bytes]:
    """The corpus over and over, each study under an id of its own."""
    with gzip.open(CORPUS) as stream:
        lines = stream.read().splitlines()
    for count, line in enumerate(islice(cycle(lines), number)):
        found = _ID.search(line)
        if found:
            minted = line.replace(found[1], b"NCT%08d" % (10_000_000 + count))
            yield minted.replace(b'"facility":"', b'"facility":"%d ' % (count // len(lines))) + b"\n"


def change_study(line: bytes) -> bytes:
    """A newer version of a study, with another status."""
    return _UPDATED.sub(rb'\1"2030-01-01"', _STATUS.sub(rb'\1"SUSPENDED"', line, count=1), count=1)


def run_kg(*arguments: str) -> Cost:
    """Run a command and measure it."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "kg", *arguments], stdout=subprocess.DEVNULL)  # noqa: S603
    peak = [0]
    watch = threading.Thread(target=_watch, args=(process, peak), daemon=True)
    watch.start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"kg {' '.join(arguments)[:80]} ended with {process.returncode}")
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, peak[0])


def _watch(process: subprocess.Popen[bytes], peak: list[int]) -> None:
    while process.returncode is None:
        with suppress(OSError, ValueError):
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            peak[0] = max(peak[0], sum(map(_read_size, (str(process.pid), *children))))
        time.sleep(0.5)


def _read_size(pid: str) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def measure_disk(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def measure_build(number: int, folder: Path) -> tuple[Cost, Snapshot]:
    """Build and verify a snapshot of re-minted studies."""
    with gzip.open(folder / "studies.jsonl.gz", "wb", compresslevel=1) as stream:
        stream.writelines(mint_studies(number))
    built = run_kg("build", str(folder / "studies.jsonl.gz"), "--store", str(folder / "store"))
    verified = run_kg("snapshots", "verify", "--store", str(folder / "store"))
    snapshot = open_snapshot(folder / "store")
    parts = {name: measure_disk(snapshot.folder / name) for name in ("index", "quads")} | {
        "records": (snapshot.folder / "records.sqlite").stat().st_size
    }
    cost = Cost(built.wall + verified.wall, built.cpu + verified.cpu, max(built.peak, verified.peak))
    for told in (
        f"{number:>7,} studies: {cost.wall:,.0f} s wall, {cost.cpu:,.0f} s CPU",
        f"        {1000 * cost.cpu / number:.2f} ms CPU, {snapshot.manifest.quads / number:.0f} statements a study",
        f"        verify {verified.cpu:.1f} s CPU, peak memory {cost.peak / 2**20:,.0f} MiB",
        f"        disk {measure_disk(snapshot.folder) / 1e6:,.0f} MB: "
        + ", ".join(f"{name} {size / 1e6:,.0f}" for name, size in parts.items()),
    ):
        print(told, flush=True)
    return cost, snapshot


def measure_update(number: int, folder: Path, full: Cost) -> None:
    """Update with one per cent of changed records."""
    with (folder / "changed.jsonl").open("wb") as stream:
        stream.writelines(change_study(line) for count, line in enumerate(mint_studies(number)) if count % 100 == 0)
    cost = run_kg("update", str(folder / "changed.jsonl"), "--store", str(folder / "store"))
    print(
        f"        1 % changed: {cost.wall:,.0f} s wall, {cost.cpu:,.0f} s CPU, {cost.cpu / full.cpu:.1%} of the build",
        flush=True,
    )


def measure_answers(folder: Path) -> None:
    """Lookups, cards and overview answers in process, and cold starts of the commands."""
    graph = open_graph(folder / "store")
    trials = [f"NCT{10_000_000 + number}" for number in range(0, graph.meta.trials, max(1, graph.meta.trials // 40))]
    graph.card(trials[0])
    for what, run in (
        ("card (words included)", lambda trial: graph.card(trial)),
        ("lookup (trial_card)", lambda trial: graph.query("trial_card", trial=trial)),
    ):
        times = []
        for trial in trials:
            start = time.process_time()
            run(trial)
            times.append(1000 * (time.process_time() - start))
        print(f"        {what}: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms", flush=True)
    for name in list_overviews():
        start = time.process_time()
        rows = graph.query(name)
        print(f"        {name}: {len(rows)} rows in {1000 * (time.process_time() - start):.1f} ms", flush=True)
    store = str(folder / "store")
    for arguments in (("query", "trial_card", "-p", f"trial={trials[3]}"), ("show", trials[3])):
        costs = [run_kg(*arguments, "--store", store) for _ in range(3)]
        print(
            f"        cold kg {arguments[0]}: {min(one.cpu for one in costs):.2f} s CPU, "
            f"{min(one.wall for one in costs):.2f} s wall",
            flush=True,
        )


def main(numbers: list[int]) -> None:
    """Print the figures for each number of studies."""
    before: tuple[int, Cost] | None = None
    for number in numbers:
        with tempfile.TemporaryDirectory(prefix="kg-bench-") as name:
            folder = Path(name)
            full, _ = measure_build(number, folder)
            measure_answers(folder)
            measure_update(number, folder, full)
        if before:
            print(
                f"growth {before[0]:,} → {number:,} studies: CPU {full.cpu / before[1].cpu:.1f}×, "
                f"peak memory {full.peak / before[1].peak:.1f}×",
                flush=True,
            )
        before = number, full


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [10_000])
