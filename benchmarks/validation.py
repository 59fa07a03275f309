"""Validation: ``make bench-validate``. CPU and memory of both engines over full studies, and over ten times as many.

The time for a whole registry is read off a straight line through the clock at every tenth of the 30,000.
The 30,000 are the same studies under new ids: their snapshot is made from the first one's N-Quads and records, without
an index, so the stored checks, which need one, are measured on the 3,008. Each run is a process of its own, so that its
peak memory is its own.
"""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import linear_regression
from subprocess import run
from typing import Any

import msgspec

from benchmarks.__main__ import SHARED
from kg.packing import list_shards, open_shard
from kg.pipeline import build
from kg.shapes.checks import run_checks
from kg.shapes.runs import Choice, validate
from kg.store import Snapshot, open_snapshot, write_manifest

CORPUS = SHARED / "corpora" / "ctgov_v2.jsonl.gz"
COPIES = 10
REFERENCE = 300
"""Trials that pySHACL is measured on; it takes 20 times as long."""
REGISTRY = 560_000
MARKS = 10
"""Points of the straight line."""


def make_copies(snapshot: Snapshot, folder: Path) -> Path:
    """A snapshot of `COPIES` times the trials, under ids that nobody has given."""
    made = folder / "snapshots" / "copies"
    (made / "quads").mkdir(parents=True)
    for path in list_shards(snapshot.folder):
        with open_shard(path) as stream:
            lines = list(stream)
        with open_shard(made / "quads" / path.name, "wt") as out:
            for copy in range(COPIES):
                out.writelines(_remint(line, copy) for line in lines)
    shutil.copy(snapshot.folder / "records.sqlite", made / "records.sqlite")
    with contextlib.closing(sqlite3.connect(made / "records.sqlite")) as records:
        names = [row[1] for row in records.execute("PRAGMA table_info(record)")]
        chosen = ", ".join({"iri": "replace(iri, '/record/', ?1)", "trial": "''"}.get(name, name) for name in names)
        records.execute("CREATE TEMP TABLE first AS SELECT * FROM record")
        records.execute("DELETE FROM record")
        for copy in range(COPIES):
            records.execute(f"INSERT INTO record SELECT {chosen} FROM first", (f"/record/{copy}-",))  # noqa: S608
        records.commit()
    manifest = msgspec.structs.replace(
        snapshot.manifest, snapshot="copies", trials=COPIES * snapshot.manifest.trials, files={}, sizes={}
    )
    write_manifest(made, manifest)
    (folder / "current").symlink_to(made)
    return folder


def _remint(line: str, copy: int) -> str:
    return (
        line.replace("/id/trial/NCT0", f"/id/trial/NCT{copy}")
        .replace('registryId> "NCT0', f'registryId> "NCT{copy}')
        .replace("/id/record/", f"/id/record/{copy}-")
    )


def measure(store: str, engine: str, workers: int, most: int) -> dict[str, Any]:
    """Run in a process of its own: validate, keep nothing, and say what it took, and what the clock said on the way."""
    snapshot = open_snapshot(store)
    chosen = None
    if most:
        chosen = frozenset(stored.trial[1:-1] for stored in islice(snapshot.list_records(), most))
    start = time.perf_counter()
    trials = found = 0
    step = max(1, (most or snapshot.manifest.trials) // MARKS)
    marks: list[tuple[int, float]] = []
    for trial in validate(snapshot, Choice(engine, chosen, workers=workers, has_checks=False)):
        trials += 1
        found += len(trial.found)
        if trials % step == 0:
            marks.append((trials, time.perf_counter() - start))
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "trials": trials,
        "found": found,
        "cpu": sum(one.ru_utime + one.ru_stime for one in usage),
        "wall": time.perf_counter() - start,
        "parent_mb": usage[0].ru_maxrss / 1024,
        "worker_mb": usage[1].ru_maxrss / 1024,
        "marks": marks,
    }


def measure_apart(store: Path, engine: str, workers: int, most: int = 0) -> dict[str, Any]:
    """The same in a new process."""
    command = [sys.executable, "-m", "benchmarks.validation", str(store), engine, str(workers), str(most)]
    done = run(command, capture_output=True, text=True, check=True)  # noqa: S603  # our own module
    figures: dict[str, Any] = json.loads(done.stdout)
    cost = 1000 * figures["cpu"] / figures["trials"]
    print(
        f"{engine:<8} {workers} process(es) {figures['trials']:>7,.0f} trials {figures['found']:>9,.0f} findings "
        f"{cost:>7.2f} ms CPU per trial {figures['wall']:>7.1f} s wall "
        f"peak {figures['parent_mb']:.0f} MB, worker {figures['worker_mb']:.0f} MB"
    )
    return figures


def main() -> None:
    """Print the figures."""
    if not SHARED.is_dir():
        raise SystemExit(f"no corpora at {SHARED}: set TRIALKG_SHARED")
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small"
        if len(sys.argv) == 2:  # a store that is there already
            small = Path(sys.argv[1]).resolve()
        else:
            build([str(CORPUS)], small)
        snapshot = open_snapshot(small)
        large = make_copies(snapshot, Path(folder) / "large")
        statements = sum(1 for _ in snapshot.read_quads())
        print(f"{statements / snapshot.manifest.trials:.0f} statements per trial")
        reference = measure_apart(small, "pyshacl", 1, REFERENCE)
        measure_apart(small, "rudof", 1)
        two = measure_apart(small, "rudof", 2)
        many = measure_apart(large, "rudof", 2)
        for run_of in (two, many):
            ratio = reference["cpu"] / reference["trials"] / (run_of["cpu"] / run_of["trials"])
            print(f"rudof on {run_of['trials']:,} trials against pyshacl: {ratio:.0f} times as fast")
        start = time.process_time()
        run_checks(snapshot.engine)
        print(f"stored checks: {1000 * (time.process_time() - start) / snapshot.manifest.trials:.2f} ms CPU per trial")
        print_line(many["marks"])


def print_line(marks: list[tuple[int, float]]) -> None:
    """The straight line through trials and seconds by least squares, how far the points lie from it, and its end."""
    trials, seconds = zip(*marks, strict=True)
    slope, offset = linear_regression(trials, seconds)
    worst = max(abs(offset + slope * count - clock) for count, clock in marks)
    print(
        f"line through {len(marks)} points of {trials[0]:,} to {trials[-1]:,} trials: {offset:.1f} s and "
        f"{1000 * slope:.2f} ms wall for each trial, no point further than {worst:.1f} s; {REGISTRY:,} trials: "
        f"{(offset + slope * REGISTRY) / 60:.1f} min with 2 processes"
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    else:
        main()
