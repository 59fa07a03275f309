"""Statements of some hundred trials, by node: what a validation step holds in memory at one time."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from kg.packing import open_shard
from kg.shapes.triples import read_background
from kg.terms import ID, RDF, iri, kg

PART = 300
"""Trials judged at once: enough to spread the cost of an engine's call, few enough to keep memory flat."""
_SMALL = 4_000_000
"""Bytes of packed shards that are read into memory as they are: some 500 trials."""
_PACKED = 2_000_000
"""Bytes of packed shards that make a part: some 300 trials."""
A = iri(f"{RDF}type")
_HAS_RECORD = kg("hasRecord")
_TRIAL = kg("Trial")
_IN_TRIAL = f"<{ID}trial/"
_EMPTY: dict[str, list[str]] = {}


class Part:
    """A small graph of whole trials.

    :ivar nodes: Objects by subject and predicate, as N-Triples terms.
    :ivar trials: Record IRIs by trial. A record of no trial stands for itself, so that its parts are checked too.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.nodes: dict[str, dict[str, list[str]]] = {}
        self.trials: dict[str, list[str]] = defaultdict(list)
        self._shared: dict[str, set[str]] = {}
        self._records: set[str] = set()
        self._record_of: dict[str, str] = {}
        self._incoming: dict[str, dict[str, list[str]]] = {}
        trial_of = self._read(lines)
        for record in sorted(self._records):
            self.trials[trial_of.get(record, record)].append(record)
        self._trial_of = trial_of

    def _read(self, lines: Iterable[str]) -> dict[str, str]:
        nodes, shared = self.nodes, self._shared
        trial_of: dict[str, str] = {}
        typed: dict[str, str] = {}
        last, described, owners = "", _EMPTY, set[str]()
        for line in lines:
            head, _, tail = line.rpartition(" <")
            s, p, o = head.split(" ", 2)
            record = tail[:-4]
            if s != last:
                last = s
                described = nodes.setdefault(s, {})
                if s.startswith(_IN_TRIAL):
                    owners = self._records
                    self._record_of[s] = record
                else:
                    owners = shared.setdefault(s, set())
            found = described.get(p)
            if found is None:
                described[p] = [o]
            elif o not in found:
                found.append(o)
            owners.add(record)
            if p == _HAS_RECORD:
                trial_of[record] = s
            elif o == _TRIAL and p == A:
                typed.setdefault(record, s)
        for records in shared.values():
            self._records |= records
        return {**typed, **trial_of}

    def find(self, node: str) -> dict[str, list[str]]:
        """What is said of a node, here or in the vocabularies."""
        return self.nodes.get(node) or read_background().get(node) or _EMPTY

    def find_incoming(self, predicate: str) -> dict[str, list[str]]:
        """Subjects by object, of one predicate."""
        found = self._incoming.get(predicate)
        if found is None:
            found = {}
            for subject, described in self.nodes.items():
                for value in described.get(predicate, ()):
                    found.setdefault(value, []).append(subject)
            self._incoming[predicate] = found
        return found

    def index_incoming(self, predicates: frozenset[str]) -> None:
        """Do the work of `find_incoming` for several predicates in one pass."""
        for predicate in predicates:
            self._incoming[predicate] = {}
        for subject, described in self.nodes.items():
            for predicate in described.keys() & predicates:
                found = self._incoming[predicate]
                for value in described[predicate]:
                    found.setdefault(value, []).append(subject)

    def find_trials(self, node: str) -> list[str]:
        """The trials that a node belongs to: a part by its IRI, a shared site or date by its records."""
        if node.startswith(_IN_TRIAL):
            trial = _IN_TRIAL + node[len(_IN_TRIAL) :].rstrip(">").partition("/")[0] + ">"
            if trial in self.trials:
                return [trial]
        owners = self._shared.get(node)
        if owners is None:
            owners = {self._record_of[node]} if node in self._record_of else set()
        return sorted({self._trial_of.get(record, record) for record in owners})

    def write(self) -> str:
        """All statements as N-Triples, with what the vocabularies say of the terms in use."""
        lines: list[str] = []
        used = set()
        for subject, described in self.nodes.items():
            for predicate, values in described.items():
                lines.extend(f"{subject} {predicate} {value} .\n" for value in values)
                used.update(values)
        background = read_background()
        for term in sorted(used & background.keys()):
            lines.extend(f"{term} {p} {value} .\n" for p, values in background[term].items() for value in values)
        return "".join(lines)


def make_parts(lines: Iterable[str], size: int | None = None) -> Iterator[Part]:
    """Cut N-Quads lines (graph = record) into parts of whole trials.

    :param size: Trials in a part; `PART` where none is given.
    """
    size = size or PART
    kept = list(lines)
    trial_of = _map_records(kept)
    trials = sorted(set(trial_of.values()))
    if len(trials) <= size:
        if kept:
            yield Part(kept)
        return
    number = {trial: index // size for index, trial in enumerate(trials)}
    buckets: list[list[str]] = [[] for _ in range(max(number.values()) + 1)]
    for line in kept:
        record = line.rpartition(" <")[2][:-4]
        buckets[number.get(trial_of.get(record, ""), 0)].append(line)
    for bucket in buckets:
        yield Part(bucket)


def group_shards(paths: Iterable[Path]) -> list[tuple[Path, ...]]:
    """Small shards together, until they make a part: an engine's call costs the same for ten trials and for three
    hundred."""
    groups: list[list[Path]] = []
    size = 0
    for path in paths:
        own = path.stat().st_size
        if not groups or size + own > _PACKED:
            groups.append([])
            size = 0
        groups[-1].append(path)
        size += own
    return [tuple(group) for group in groups]


def read_shards(paths: Sequence[Path], records: Collection[str] | None, size: int | None = None) -> Iterator[Part]:
    """Parts of shards of a snapshot that belong together; all statements of a trial are in one shard.

    :param records: IRIs of the records wanted, without brackets; None for all.
    """
    if sum(path.stat().st_size for path in paths) >= _SMALL:
        for path in paths:
            yield from read_shard(path, records, size)
        return
    lines: list[str] = []
    for path in paths:
        with open_shard(path) as stream:
            if records is None:
                lines += stream
            else:
                lines += [line for line in stream if line.rpartition(" <")[2][:-4] in records]
    if size is None or size >= PART:
        yield from _make_part(lines)
    else:
        yield from make_parts(lines, size)


def read_shard(path: Path, records: Collection[str] | None, size: int | None = None) -> Iterator[Part]:
    """Parts of one large shard: it is spread over temporary files first, so that only one part is in memory at a time.

    :param records: As in `read_shards`.
    """
    size = size or PART
    with open_shard(path) as stream:
        trial_of = _map_records(stream)
    if records is not None:
        trial_of = {record: trial for record, trial in trial_of.items() if record in records}
        if not trial_of and not records:
            return
    trials = sorted(set(trial_of.values()))
    count = max(1, -(-len(trials) // size))
    with open_shard(path) as stream:
        wanted = stream if records is None else (line for line in stream if line.rpartition(" <")[2][:-4] in records)
        if count == 1:
            yield from _make_part(wanted)
            return
        number = {trial: index * count // len(trials) for index, trial in enumerate(trials)}
        where = {record: number[trial] for record, trial in trial_of.items()}
        with tempfile.TemporaryDirectory(prefix="kg-validate-") as folder:
            files = [Path(folder) / f"{index}.nq" for index in range(count)]
            _spread(wanted, where, files)
            for file in files:
                with file.open(encoding="utf-8", newline="\n") as kept:
                    yield from _make_part(kept)
                file.unlink()


def _make_part(lines: Iterable[str]) -> Iterator[Part]:
    part = Part(lines)
    if part.nodes:
        yield part


def _spread(lines: Iterable[str], where: dict[str, int], files: list[Path]) -> None:
    streams: list[TextIO] = [file.open("w", encoding="utf-8", newline="\n") for file in files]
    try:
        for line in lines:
            streams[where.get(line.rpartition(" <")[2][:-4], 0)].write(line)
    finally:
        for stream in streams:
            stream.close()


_LINK = f"> {_HAS_RECORD} <"
_IS_TRIAL = f"> {A} {_TRIAL} "


def _map_records(lines: Iterable[str]) -> dict[str, str]:
    """Trial by record IRI (without brackets)."""
    linked: dict[str, str] = {}
    typed: dict[str, str] = {}
    for line in lines:
        if _LINK in line:
            linked[line.rpartition(" <")[2][:-4]] = line.partition(" ")[0]
        elif _IS_TRIAL in line:
            typed.setdefault(line.rpartition(" <")[2][:-4], line.partition(" ")[0])
    return {**typed, **linked}
