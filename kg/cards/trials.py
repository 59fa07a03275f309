"""Which trials a graph holds, and which of them a user's id means."""

from __future__ import annotations

from pyoxigraph import DefaultGraph, Literal, NamedNode

from kg.errors import UsageError, cut
from kg.store import Snapshot, list_subjects
from kg.terms import ID, KG


def find_trials(snapshot: Snapshot, wanted: str) -> list[str]:
    """IRIs of the trials that a user's id means: a registry id, another id of the trial, a record's file name, or an
    IRI.

    :raises UsageError: nothing in this graph has the id.
    """
    engine = snapshot.engine
    candidates = (wanted if wanted.startswith("http") else f"{ID}trial/{wanted}", f"{ID}trial/{wanted.upper()}")
    for iri in candidates:
        try:
            node = NamedNode(iri)
        except ValueError:
            continue
        if next(engine.quads_for_pattern(node, NamedNode(f"{KG}hasRecord"), None, DefaultGraph()), None):
            return [iri]
    found = [iri for name in ("registryId", "secondaryId") for iri in list_subjects(engine, KG + name, Literal(wanted))]
    for record in list_subjects(engine, f"{KG}fileName", Literal(wanted)):
        found.extend(list_subjects(engine, f"{KG}hasRecord", NamedNode(record)))
    if not found:
        raise UsageError(
            f"no trial {cut(wanted)} among {snapshot.manifest.records:,} records",
            mend="`kg query trials` lists them; `kg build` reads more",
        )
    return sorted(set(found))


def list_trials(snapshot: Snapshot) -> list[str]:
    """IRIs of all trials, by the file they were read from."""
    first: dict[str, str] = {}
    for stored in snapshot.list_records():
        trial, file = stored.trial[1:-1], stored.record.file
        first[trial] = min(first.get(trial, file), file)
    return sorted(first, key=lambda iri: (first[iri], iri))
