"""Validate a snapshot, or lines of N-Quads: parts of whole trials → engine → findings by trial, one after the other.

Nothing grows with the graph but what the caller keeps, so half a million trials need no more memory than five hundred.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import msgspec

from kg.errors import UsageError
from kg.processes import count_cores
from kg.shapes.checks import load_checks
from kg.shapes.engines import find_engine
from kg.shapes.findings import Checked, Finding, describe_trials, sort_findings
from kg.shapes.graphs import read_shapes
from kg.shapes.judges import Judge
from kg.shapes.parts import group_shards, make_parts, read_shards
from kg.shapes.pools import Job, check_in_processes, size_part
from kg.shapes.quotes import QUOTE, check_quotes
from kg.shapes.triples import KSH
from kg.store import Snapshot

BULK = 100
"""Above this many trials the bulk engine is the default: the reference stays where nobody waits long for it.

Both find the same. Measured on two cores, the whole command on studies of ClinicalTrials.gov: 100 trials take pySHACL
6 s and pyrudof 1 s, 200 take 12 s and 3 s, 300 take 35 s and 4 s.
"""
SEVERAL = 100
"""Above this many trials several processes are worth their start."""
LEAST_CPU = 5.0
"""Seconds of CPU that a part of the graph may use, however small it is."""
CPU_PER_NODE = {"pyshacl": 0.008, "rudof": 0.001}
"""Seconds more for each node: five times what pySHACL takes, and three times pyrudof without its memory."""


class Choice(msgspec.Struct, frozen=True):
    """What to check.

    :ivar trials: IRIs of trials; None for all.
    :ivar shapes: Names of property shapes, of stored checks, or ``evidence-quote``; None for all.
    :ivar has_checks: Whether the stored checks run too; they need the snapshot's index.
    """

    engine: str = "auto"
    trials: frozenset[str] | None = None
    shapes: frozenset[str] | None = None
    workers: int | None = None
    has_checks: bool = True


def validate(snapshot: Snapshot, choice: Choice | None = None) -> Iterator[Checked]:
    """Check a snapshot: shapes, stored checks, and every quote against its record.

    :returns: Every trial that was checked, shard by shard.
    :raises UsageError: there is no such engine or shape.
    :raises LimitReached: a pattern or a path takes for ever, or a worker was killed.
    """
    choice = choice or Choice()
    find_shapes(choice.shapes)
    records = _find_records(snapshot, choice.trials)
    count = snapshot.manifest.trials if choice.trials is None else len(choice.trials)
    engine = pick_engine(choice.engine, count)
    job = Job(snapshot.folder, engine, records, read_shapes().text, LEAST_CPU, CPU_PER_NODE[engine])
    workers = choice.workers or (count_cores() if count > SEVERAL else 1)
    checks = (choice.shapes, choice.trials) if choice.has_checks else None
    wanted = None if choice.shapes is None else frozenset(_full_names(choice.shapes))
    for trials, extra in check_in_processes(job, _list_shards(snapshot), workers, checks):
        for trial in trials:
            if choice.trials is None or trial.trial in choice.trials:
                found = (*trial.found, *extra.pop(trial.trial, ()))
                yield msgspec.structs.replace(trial, found=found, wanted=wanted)


def validate_snapshot(
    snapshot: Snapshot, engine: str = "auto", trials: Iterable[str] | None = None
) -> tuple[Finding, ...]:
    """Check a snapshot, or some of its trials, and keep everything found.

    :param trials: IRIs or registry ids; None for all.
    :returns: Findings by trial, worst first.
    """
    wanted = None if trials is None else frozenset(trials)
    chosen = None if wanted is None else frozenset(one for one in wanted if "://" in one)
    if wanted is not None and chosen != wanted:
        chosen = frozenset(
            stored.trial[1:-1]
            for stored in snapshot.list_records()
            if wanted & {stored.trial[1:-1], stored.trial, stored.trial[1:-1].rpartition("/")[2]}
        )
    checked = validate(snapshot, Choice(engine, chosen))
    return tuple(sort_findings(one for trial in checked for one in trial.findings))


def validate_graph(lines: Iterable[str], engine: str = "rudof") -> list[Finding]:
    """Check N-Quads lines (graph = record) against the shapes.

    :raises UsageError: there is no such engine.
    :raises ShapeError: the shapes cannot be used.
    """
    judge = Judge(engine, read_shapes().text)
    return sort_findings(
        one
        for part in make_parts(lines, size_part(judge.engine))
        for trial in describe_trials(part, judge.judge(part))
        for one in trial.findings
    )


def check_snapshot_quotes(snapshot: Snapshot) -> list[Finding]:
    """Evidence whose words do not stand in the record at the place that it names."""
    read_text = snapshot.open_texts()
    return sort_findings(
        one
        for paths in _list_shards(snapshot)
        for part in read_shards(paths, None)
        for trial in describe_trials(part, check_quotes(part, read_text))
        for one in trial.findings
    )


def pick_engine(name: str, trials: int) -> str:
    """The engine to use: the one named, else the reference for few trials and the bulk engine for many."""
    return find_engine(("rudof" if trials > BULK else "pyshacl") if name == "auto" else name)


def find_shapes(names: Collection[str] | None) -> None:
    """Refuse names that stand for no shape and no check.

    :raises UsageError: the first such name, with near ones.
    """
    known = {*read_shapes().by_name, *load_checks(), QUOTE}
    for name in names or ():
        if name not in known:
            from rapidfuzz import process

            near = [found for found, score, _ in process.extract(name, sorted(known), limit=3) if score > 60]
            raise UsageError(
                f"{name!r} is no shape and no check", mend=f"Did you mean {', '.join(near)}?" if near else ""
            )


def _full_names(names: Collection[str]) -> Iterator[str]:
    for name in names:
        yield name if name in load_checks() or name == QUOTE else f"{KSH}{name}"


def _find_records(snapshot: Snapshot, trials: Collection[str] | None) -> frozenset[str] | None:
    """Records (IRIs without brackets) of the trials; None for all."""
    if trials is None:
        return None
    return frozenset(stored.iri[1:-1] for stored in snapshot.list_records() if stored.trial[1:-1] in trials)


def _list_shards(snapshot: Snapshot) -> list[tuple[Path, ...]]:
    snapshot.check_shards()
    return group_shards(snapshot.list_shards())
