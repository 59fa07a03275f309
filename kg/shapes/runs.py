"""Validate a snapshot, or lines of N-Quads: parts of whole trials → engine → findings by trial, one after the other.

Nothing grows with the graph but what the caller keeps, so half a million trials need no more memory than five hundred.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as WaitedTooLong
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import msgspec

from kg.errors import LimitReached, UsageError
from kg.processes import attach_to_parent
from kg.shapes.checks import load_checks, run_checks
from kg.shapes.engines import find_engine
from kg.shapes.findings import Checked, Finding, describe_trials, sort_findings
from kg.shapes.graphs import read_shapes
from kg.shapes.judges import Found, Judge
from kg.shapes.parts import PART, group_shards, make_parts, read_shards
from kg.shapes.quotes import QUOTE, check_quotes
from kg.shapes.triples import KSH
from kg.store import Snapshot

BULK = 500
"""Above this many trials the bulk engine is the default."""
SEVERAL = 100
"""Above this many trials several processes are worth their start."""
REFERENCE_PART = 50
"""Trials given to pySHACL at once: rdflib needs about 1 KB for each statement."""
PATIENCE = 1800.0
"""Seconds that one shard may take; a hundred times what the largest was seen to take."""


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
    """
    choice = choice or Choice()
    find_shapes(choice.shapes)
    records = _find_records(snapshot, choice.trials)
    count = snapshot.manifest.trials if choice.trials is None else len(choice.trials)
    engine = pick_engine(choice.engine, count)
    extra = run_checks(snapshot.engine, choice.shapes, choice.trials) if choice.has_checks else {}
    wanted = None if choice.shapes is None else frozenset(_full_names(choice.shapes))
    for trial in _run(snapshot, engine, records, choice, count):
        if choice.trials is None or trial.trial in choice.trials:
            found = (*trial.found, *extra.pop(trial.trial, ()))
            kept = found if wanted is None else tuple(one for one in found if one.shape in wanted)
            yield msgspec.structs.replace(trial, found=kept)


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
        for part in make_parts(lines, _size_part(judge.engine))
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
    return group_shards(sorted((snapshot.folder / "quads").glob("*.nq.gz")))


def _size_part(engine: str) -> int:
    return REFERENCE_PART if engine == "pyshacl" else PART


class _Worker:
    """What a process keeps between shards: the engine with the shapes, and the record texts."""

    def __init__(self, folder: Path, engine: str, records: frozenset[str] | None) -> None:
        self.judge = Judge(engine, read_shapes().text)
        self.read_text = Snapshot(folder).open_texts()
        self.records = records

    def check(self, paths: tuple[Path, ...]) -> Iterator[list[Checked]]:
        """The trials of some shards, part by part."""
        for part in read_shards(paths, self.records, _size_part(self.judge.engine)):
            found: list[Found] = [*self.judge.judge(part), *check_quotes(part, self.read_text)]
            yield describe_trials(part, found)


def _run(
    snapshot: Snapshot, engine: str, records: frozenset[str] | None, choice: Choice, count: int
) -> Iterator[Checked]:
    shards = _list_shards(snapshot)
    workers = choice.workers or (len(os.sched_getaffinity(0)) if count > SEVERAL else 1)
    if workers == 1 or len(shards) == 1:
        worker = _Worker(snapshot.folder, engine, records)
        for paths in shards:
            for trials in worker.check(paths):
                yield from trials
        return
    # Not forked: the engine's threads, once used in this process, leave locks that a forked copy would wait for.
    with ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_start, initargs=(os.getpid(), snapshot.folder, engine, records)
    ) as pool:
        waiting: deque[Future[bytes]] = deque()
        left = deque(shards)
        while left or waiting:
            while left and len(waiting) < 2 * workers:
                waiting.append(pool.submit(_check_shards, left.popleft()))
            try:
                packed = waiting.popleft().result(timeout=PATIENCE)
            except WaitedTooLong:
                for process in list((pool._processes or {}).values()):
                    process.kill()
                raise LimitReached(
                    f"a shard took more than {PATIENCE:.0f} s",
                    mend="Look for a pattern in shapes/ that hangs the engine",
                ) from None
            except BrokenProcessPool:
                raise LimitReached(
                    "a worker process was killed, most likely for want of memory",
                    mend="Free some, or stop other programs",
                ) from None
            yield from msgspec.msgpack.decode(packed, type=list[Checked])


_WORKER: list[_Worker] = []


def _start(parent: int, folder: Path, engine: str, records: frozenset[str] | None) -> None:
    attach_to_parent(parent)
    _WORKER[:] = [_Worker(folder, engine, records)]


def _check_shards(paths: tuple[Path, ...]) -> bytes:
    return msgspec.msgpack.encode([trial for trials in _WORKER[0].check(paths) for trial in trials])
