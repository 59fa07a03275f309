"""Validation: ``make bench-validate``. CPU and memory of both engines over full studies, and over ten times as many.

The 30,000 are the same studies under new ids, so their graph is as wide as the real one, and every shared site and date
is shared by more trials. Each run is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import gzip
import json
import re
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from subprocess import run

from benchmarks.__main__ import SHARED
from kg.pipeline import build
from kg.shapes.runs import Choice, validate
from kg.store import Snapshot, open_snapshot

CORPUS = SHARED / "corpora" / "ctgov_v2.jsonl.gz"
COPIES = 10
REFERENCE = 300
"""Trials that pySHACL is measured on; it takes 20 times as long."""
REGISTRY = 560_000
_OWN_ID = re.compile(r'"nctId":\s*"(NCT\d{8})"')


def remint(copies: int) -> Iterator[str]:
    """The studies of the corpus, each under several new ids."""
    for copy in range(copies):
        with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                found = _OWN_ID.search(line)
                if found:
                    yield line.replace(found[1], f"NCT9{copy}{number:06}")


def make_store(folder: Path, copies: int) -> Snapshot:
    """A store of the corpus, or of copies of it."""
    source = CORPUS
    if copies > 1:
        source = folder / "copies.jsonl"
        with source.open("w", encoding="utf-8") as stream:
            stream.writelines(remint(copies))
    build([str(source)], folder / "store")
    return open_snapshot(folder / "store")


def measure(store: str, engine: str, workers: int, most: int) -> dict[str, float]:
    """Run in a process of its own: validate, keep nothing, and say what it took."""
    snapshot = open_snapshot(store)
    chosen = None
    if most:
        chosen = frozenset(stored.trial[1:-1] for stored in islice(snapshot.list_records(), most))
    start = time.perf_counter()
    trials = found = 0
    for trial in validate(snapshot, Choice(engine, chosen, workers=workers)):
        trials += 1
        found += len(trial.found)
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "trials": trials,
        "found": found,
        "cpu": sum(one.ru_utime + one.ru_stime for one in usage),
        "wall": time.perf_counter() - start,
        "parent_mb": usage[0].ru_maxrss / 1024,
        "worker_mb": usage[1].ru_maxrss / 1024,
    }


def measure_apart(store: Path, engine: str, workers: int, most: int = 0) -> dict[str, float]:
    """The same in a new process."""
    command = [sys.executable, "-m", "benchmarks.validation", str(store), engine, str(workers), str(most)]
    done = run(command, capture_output=True, text=True, check=True)  # noqa: S603  # our own module
    figures: dict[str, float] = json.loads(done.stdout)
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
        small, large = Path(folder) / "small", Path(folder) / "large"
        small.mkdir()
        large.mkdir()
        snapshot = make_store(small, 1)
        make_store(large, COPIES)
        statements = sum(1 for _ in snapshot.read_quads())
        print(f"{statements / snapshot.manifest.trials:.0f} statements per trial")
        reference = measure_apart(small / "store", "pyshacl", 1, REFERENCE)
        measure_apart(small / "store", "rudof", 1)
        two = measure_apart(small / "store", "rudof", 2)
        many = measure_apart(large / "store", "rudof", 2)
        bulk = many["cpu"] / many["trials"]
        print(f"rudof against pyshacl: {reference['cpu'] / reference['trials'] / bulk:.0f} times as fast")
        slope = (many["wall"] - two["wall"]) / (many["trials"] - two["trials"])
        print(f"{REGISTRY:,} trials on that line: {slope * REGISTRY / 60:.1f} min wall with 2 processes")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    else:
        main()
