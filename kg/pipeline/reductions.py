"""The reduce step of a build: what each shard takes, and what the index learns from the shards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path

import msgspec

from kg.packing import SHARD, unpack
from kg.pipeline.indexes import change_index
from kg.pipeline.logs import Place
from kg.pipeline.pools import run_all
from kg.pipeline.records import Plan
from kg.pipeline.shards import ShardDone, ShardTask, shard_of
from kg.pipeline.triples import Search, find_survivors, is_shared, read_triples, take_new
from kg.store import Snapshot


class ShardTasks:
    """The tasks that make the shards of a snapshot, in order of their numbers.

    A task is made when it is asked for: the texts in all of them may be those of the whole registry.

    :param building: The snapshot's folder.
    :param log: The work log.
    :param is_small: Whether the shards tell which triples came and went.
    """

    def __init__(self, plan: Plan, building: Path, log: Path, *, is_small: bool) -> None:
        self._plan, self._building, self._log, self._is_small = plan, building, log, is_small
        self._places: dict[str, list[Place]] = defaultdict(list)
        self._merges: dict[str, list[str]] = defaultdict(list)
        self._dropped: dict[str, set[bytes]] = defaultdict(set)
        for trial, work in plan.list_work():
            number = shard_of(trial)
            self._dropped[number].update(iri.encode() for iri in work.dropped)
            if work.place:
                self._places[number].append(work.place)
            elif work.chosen:
                self._merges[number].append(trial)
        self._before = {} if plan.is_fresh or not plan.previous else plan.previous.manifest.shards
        self._numbers = sorted({*self._places, *self._merges, *self._before})

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[ShardTask]:
        for number in self._numbers:
            previous = ""
            if self._plan.previous and number in self._before:
                previous = str(self._plan.previous.folder / "quads" / f"{number}{SHARD}")
            yield ShardTask(
                number,
                str(self._building),
                str(self._log),
                tuple(self._places[number]),
                tuple(self._plan.read_texts(trial, self._log) for trial in self._merges[number]),
                previous,
                self._before.get(number, ("", 0)),
                frozenset(self._dropped[number]),
                self._is_small,
            )


def feed_triples(shards: Iterable[ShardDone], done: list[ShardDone]) -> Iterator[bytes]:
    """The triples of shards while they are written; ``done`` collects the shards."""
    seen: set[bytes] = set()
    for one in shards:
        done.append(msgspec.structs.replace(one, triples=None))
        if one.triples:
            yield from take_new(one.triples, seen)
        elif one.path:
            yield from read_triples(one.path)


def change_by_shards(previous: Snapshot, building: Path, done: Sequence[ShardDone], pool: Executor | None) -> None:
    """Change a copy of the previous index by what the shards say came and went. What trials share goes only where no
    shard states it any more."""
    added = [line for one in done for line in _unpack(one.added)]
    removed = {line for one in done for line in _unpack(one.removed)}
    shared = frozenset(line for line in removed if is_shared(line))
    if shared:
        for found in run_all(pool, find_survivors, [Search(one.path, shared) for one in done if one.path]):
            removed -= found
    change_index(previous.folder, building, sorted(removed), added)


def _unpack(lines: bytes) -> list[bytes]:
    return unpack(lines).splitlines(keepends=True) if lines else []
