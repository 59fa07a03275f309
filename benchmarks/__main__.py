"""Speed on the shared corpora, against a peer in the same run: ``make bench``.

Machines are shared and noisy, so CPU seconds and ratios are what travels. Nothing here is a test.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import rdflib
from pyoxigraph import Literal, RdfFormat, parse

from benchmarks import builds
from kg import rdf
from kg.extract import extract_trial, extract_trials
from kg.lexicon import open_lexicon
from kg.model import Study, Trial
from kg.pipeline.intakes import BATCH
from kg.pipeline.readings import read_batch
from kg.sources.inputs import Blob, open_sources, read_blob

SHARED = Path(os.environ.get("TRIALKG_SHARED", Path(__file__).resolve().parent.parent.parent / "shared"))
CORPORA = [str(SHARED / "corpora" / name) for name in ("ctgov_v2.jsonl.gz", "cell_therapy_v2_partial.jsonl.gz")]
EVERY = 5
"""Every fifth study of the corpus: it is in order of age, and the newest studies need twice as long as the oldest."""


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
    blobs = take_studies(0)
    measure_map(blobs, take_studies(1)[:20])
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
    measure_rdflib(trials)
    print("\nFrom JSON to a verified snapshot (python -m benchmarks.builds 10000 100000 for more):")
    builds.main([3_000])


def take_studies(first: int) -> list[Blob]:
    """A sample of the corpus, from the ``first`` study on."""
    return [blob for blob in islice(open_sources(CORPORA[:1]), first, None, EVERY) if isinstance(blob, Blob)]


def measure_map(blobs: list[Blob], others: list[Blob]) -> None:
    """The map step as a build runs it, compressing included, and what of it lies outside the extraction.

    Measured first: the other steps would fill the caches with these very studies. ``others`` are read before, as by a
    worker that has begun, so that its tables are loaded. What lies outside is told from a second run, for extraction by
    itself finds the caches filled too.
    """
    read_batch(others)
    batches = [blobs[at : at + BATCH] for at in range(0, len(blobs), BATCH)]
    first, second = (time_each(read_batch, batches) for _ in range(2))
    read = [[study for study in map(read_blob, batch) if isinstance(study, Study)] for batch in batches]
    outside = second - time_each(extract_trials, read)
    print(f"{'map step (aim: 300)':<52} {len(blobs) / first:>12,.1f} studies per CPU second")
    print(f"{'  outside kg/extract (aim: 1)':<52} {1000 * outside / len(blobs):>12,.2f} ms a study")


def time_each(run: Callable[[list[Any]], object], batches: list[list[Any]]) -> float:
    """CPU seconds that all batches take."""
    start = time.process_time()
    for batch in batches:
        run(batch)
    return time.process_time() - start


def measure_rdflib(trials: list[Trial]) -> None:
    """The same facts through rdflib: ``Graph.add`` and serialize, against our writing."""
    some = trials[:60]
    quads = [list(parse(input="".join(rdf.write_record(trial)), format=RdfFormat.N_QUADS)) for trial in some]
    start = time.process_time()
    for trial in some:
        rdf.write_record(trial)
    ours = time.process_time() - start
    for form in ("nt", "turtle"):
        start = time.process_time()
        for found in quads:
            graph = rdflib.Graph()
            for quad in found:
                graph.add((to_rdflib(quad.subject), to_rdflib(quad.predicate), to_rdflib(quad.object)))
            graph.serialize(format=form)
        theirs = time.process_time() - start
        print(f"{f'  peer: rdflib add + serialize as {form}':<52} {theirs / ours:>12,.1f} times our CPU for writing")


def to_rdflib(term: object) -> rdflib.term.Node:
    """A term as rdflib holds it."""
    if isinstance(term, Literal):
        return rdflib.Literal(term.value, datatype=rdflib.URIRef(term.datatype.value))
    return rdflib.URIRef(str(term)[1:-1])


if __name__ == "__main__":
    main()
