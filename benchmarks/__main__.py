"""Speed on the shared corpora, against a peer in the same run: ``make bench``.

Machines are shared and noisy, so CPU seconds and ratios are what travels. Nothing here is a test.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from kg import rdf
from kg.extract import extract_trial
from kg.graph import open_graph
from kg.lexicon import open_lexicon
from kg.model import Study
from kg.pipeline import build
from kg.sources.inputs import Blob, open_sources, read_blob

SHARED = Path(os.environ.get("TRIALKG_SHARED", Path(__file__).resolve().parent.parent.parent / "shared"))
CORPORA = [str(SHARED / "corpora" / name) for name in ("ctgov_v2.jsonl.gz", "cell_therapy_v2_partial.jsonl.gz")]
SAMPLE = 600


def measure(what: str, run: Callable[[], float], unit: str) -> float:
    """CPU seconds of one run as a rate; ``run`` returns the amount of work."""
    start = time.process_time()
    amount = run()
    rate = amount / (time.process_time() - start)
    print(f"{what:<52} {rate:>12,.1f} {unit} per CPU second")
    return rate


def write_blob(blob: Blob) -> list[str]:
    """From a record's bytes to its N-Quads."""
    study = read_blob(blob)
    return rdf.write_record(extract_trial(study)) if isinstance(study, Study) else []


def main() -> None:
    """Print the figures."""
    if not SHARED.is_dir():
        raise SystemExit(f"no corpora at {SHARED}: set TRIALKG_SHARED")
    blobs = [blob for blob in islice(open_sources(CORPORA[:1]), SAMPLE) if isinstance(blob, Blob)]
    studies = [study for study in map(read_blob, blobs) if isinstance(study, Study)]
    texts = [passage.text for study in studies for passage in study.passages]
    open_lexicon("antigen").find("")
    rdf.write_record(extract_trial(studies[0]))
    measure("read", lambda: len([read_blob(blob) for blob in blobs]), "studies")
    measure("  peer: json.loads alone", lambda: len([json.loads(blob.content) for blob in blobs]), "studies")
    measure(
        "match antigen names",
        lambda: sum(len(text) for text in texts if open_lexicon("antigen").find(text) is not None) / 1e6,
        "MB",
    )
    measure("extract", lambda: len([extract_trial(study) for study in studies]), "studies")
    trials = [extract_trial(study) for study in studies]
    measure("write N-Quads", lambda: sum(len(rdf.write_record(trial)) for trial in trials), "quads")
    measure("read to N-Quads", lambda: len([write_blob(blob) for blob in blobs]), "studies")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        report = build(CORPORA, Path(folder))
        wall = time.perf_counter() - start
        own, children = (
            resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        manifest = report.manifest
        print(
            f"whole build: {manifest.records:,} records, {manifest.trials:,} trials, {len(report.rejected)} set "
            f"aside, {wall:.0f} s wall, "
            f"{manifest.records / wall:.0f} records/s, {report.quads / manifest.trials:.0f} statements per trial, "
            f"peak memory {own:.0f} MB (worker {children:.0f} MB)"
        )
        graph = open_graph(folder)
        for name, parameters in (
            ("trials_by_target_and_source", {"target": "CD123", "cell_source": "allogeneic"}),
            ("trials_by_target_and_source", {"target": "CD19"}),
            ("trial_card", {"trial": "NCT03190278"}),
        ):
            start = time.perf_counter()
            rows = graph.query(name, **parameters)
            print(f"{name} {parameters}: {len(rows)} rows in {1000 * (time.perf_counter() - start):.0f} ms")
    with gzip.open(CORPORA[0]) as stream:
        print(f"corpus: {sum(len(line) for line in stream) / 1e6:.0f} MB of JSON")


if __name__ == "__main__":
    main()
