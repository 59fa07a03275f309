"""A build from its sources to a served snapshot; an update is a build that starts from the snapshot before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from kg.errors import SourceError
from kg.locations import hide_secrets
from kg.model import Rejected
from kg.overviews import ask_overview, list_overviews
from kg.pipeline.filters import Choice
from kg.pipeline.indexes import load_index
from kg.pipeline.intakes import Intake, Options
from kg.pipeline.logs import WorkLog
from kg.pipeline.mergers import merge_files
from kg.pipeline.pools import open_pool, run_all
from kg.pipeline.progress import Progress
from kg.pipeline.records import Plan, write_records
from kg.pipeline.reductions import ShardTasks, change_by_shards, feed_triples
from kg.pipeline.rejects import write_rejects
from kg.pipeline.shards import ShardDone, write_shard
from kg.pipeline.workplaces import mark_log, open_workplace
from kg.resources import fingerprint
from kg.snapshots import KEEP, publish
from kg.sources.folders import show_name
from kg.sources.inputs import File, find_files
from kg.store import VERSION, Manifest, Snapshot, hash_file, open_snapshot

_MUCH = 0.3
"""Part of the records from which on a new index costs less than changes to the old one."""
_CHANGES = 5
"""Changes of an index after which it is loaded anew: each leaves files that every lookup goes through, and words that
nothing says any more. After 20 changes of 1 % queries took three times as long."""


class Report(msgspec.Struct, frozen=True):
    """What a build did.

    :ivar folder: Of the snapshot; None after a dry run.
    :ivar rejected: Records that could not be read: the first of each source and reason, and how many there are more.
    :ivar set_aside: Single values that could not be read, in records that were, listed likewise.
    :ivar duplicates: Records that were there already, byte for byte.
    :ivar replaced: Versions that a newer one of the same registry's record took the place of.
    :ivar older: Versions that were given, and of which the graph that was updated has a newer one.
    :ivar left_out: Records that a restriction left out.
    :ivar resumed: Records that an interrupted build had read.
    :ivar is_cut: Whether something could not be read, and nobody knows how much is missing.
    :ivar is_new: Whether there is a snapshot that was not there before.
    :ivar log_fault: What was amiss with the work log of a build before; empty where nothing was.
    :ivar rejected_count: Records that could not be read.
    :ivar set_aside_count: Values that could not be read.
    """

    manifest: Manifest
    folder: Path | None
    rejected: tuple[Rejected, ...]
    set_aside: tuple[Rejected, ...]
    duplicates: int
    quads: int
    replaced: int = 0
    older: int = 0
    left_out: int = 0
    resumed: int = 0
    is_cut: bool = False
    is_new: bool = True
    log_fault: str = ""
    rejected_count: int = 0
    set_aside_count: int = 0


def build(
    sources: Sequence[str],
    store: Path,
    *,
    is_update: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    choices: Sequence[Choice] = (),
    limit: int | None = None,
    is_dry: bool = False,
    keep: int = KEEP,
    progress: Progress | None = None,
) -> Report:
    """Read the sources into a new snapshot and serve it; ``is_update`` keeps the records of the present one.

    What an interrupted build has read is used; nothing is served before it is whole.

    :param scheduler: Address of a Dask scheduler that the records are read on.
    :param choices: Restrictions that a record must meet.
    :param limit: Records to take at most.
    :param is_dry: Read and count only.
    :param keep: Snapshots to keep.
    :raises SourceError: a source does not exist, or not one record could be read; the previous snapshot stays served.
    :raises StoreError: the store cannot be written; the previous snapshot stays served.
    """
    options = Options(workers, scheduler, tuple(choices), limit, is_dry, keep)
    if is_update:
        open_snapshot(store)  # before a folder is made where none is
    # Workers first: they are copies of this process, taken before reading URLs or the engine starts threads in it.
    with open_pool(workers) as pool:
        files = find_files(sources, outside=store)
        if not files:
            raise SourceError("the sources hold no file besides the store itself", where=_name_sources(sources))
        with open_workplace(store, mark_log(sources, choices), is_dry=is_dry) as (folder, building, log):
            previous = open_snapshot(store) if is_update else None
            return _Build(folder, building, previous, log, options, progress, pool).run(sources, files)


class _Build:
    """One build: what was read so far, and where it goes."""

    def __init__(
        self,
        store: Path,
        building: Path,
        previous: Snapshot | None,
        log: WorkLog,
        options: Options,
        progress: Progress | None,
        pool: Executor | None,
    ) -> None:
        self.store, self.building, self.previous, self.options = store, building, previous, options
        self.log, self.pool = log, pool
        self.is_small = False
        self.is_fresh = previous is None or previous.manifest.maker != fingerprint()
        self.plan = Plan(previous, is_fresh=self.is_fresh)
        self.intake = Intake(self.plan, log, options, progress)

    def run(self, sources: Sequence[str], files: Sequence[File]) -> Report:
        scheduler = self.options.scheduler
        with open_pool(scheduler=scheduler) if scheduler else nullcontext(self.pool) as readers:
            self.intake.read(files, readers)
        self.log.flush()
        self._check_read(sources)
        self.plan.choose()
        if self.options.is_dry:
            return self._report(self._make_manifest(sources, (), 0), None)
        folder, manifest = self._write(sources)
        self.log.path.unlink()
        return self._report(manifest, folder)

    def _check_read(self, sources: Sequence[str]) -> None:
        # An update may find that all is known, or that nothing of today is wanted; that nothing can be read is a fault.
        is_quiet = self.intake.duplicates or (self.previous and self.intake.left_out)
        if self.plan.has_new() or is_quiet:
            return
        where = _name_sources(sources)
        if self.intake.left_out:
            raise SourceError(
                f"no record of {self.intake.left_out:,} meets --where {' '.join(map(str, self.options.choices))}",
                where=where,
                mend="Take a restriction away",
            )
        first = next(iter(self.intake.rejected.list_rows()), None)
        told = f" ({first.file}: {first.reason})" if first else ""
        mend = "See `kg build --help` for the formats that are read"
        raise SourceError(f"not one record could be read{told}", where=where, mend=mend)

    def _write(self, sources: Sequence[str]) -> tuple[Path, Manifest]:
        if self.previous and not self.plan.has_work():
            return self.previous.folder, self.previous.manifest
        if self.previous:
            self.previous.verify()  # damage that is taken over would be signed anew
        is_worn = self.previous is not None and self.previous.manifest.changes >= _CHANGES
        self.is_small = not (self.is_fresh or is_worn) and self.plan.share_changed() <= _MUCH
        write_records(self.building / "records.sqlite", self.plan, self.previous, self.log.path)
        shards = self._write_shards()
        if self.previous and self.is_small:
            done = list(shards)
            self.intake.show("index", None)
            change_by_shards(self.previous, self.building, done, self.pool)
        else:
            done = []
            load_index(self.building, feed_triples(shards, done))
            self.intake.show("merging", None)
            merge_files(self.building / "index")
        self.intake.show("asking", None)
        self._ask_ahead()
        self.intake.show("checking", None)
        (self.building / "rejects.tsv").write_bytes(
            write_rejects([*self.intake.rejected.list_rows(), *self.intake.find_set_aside().list_rows()])
        )
        (self.building / "changes.jsonl").write_bytes(
            b"".join(msgspec.json.encode(one) + b"\n" for one in self.plan.list_changes())
        )
        manifest = self._make_manifest(sources, done, sum(one.quads for one in done))
        return publish(self.store, self.building, manifest, self.options.keep), manifest

    def _ask_ahead(self) -> None:
        """Asked in this process: the engine cannot be opened in a copy of one that has used it."""
        (self.building / "answers").mkdir()
        for name in list_overviews():
            content = ask_overview(name, self.building / "index")
            if content is not None:
                (self.building / "answers" / f"{name}.json").write_bytes(content)

    def _write_shards(self) -> Iterator[ShardDone]:
        tasks = ShardTasks(self.plan, self.building, self.log.path, is_small=self.is_small)
        for number, done in enumerate(run_all(self.pool, write_shard, tasks), 1):
            self.intake.show("sorting", number / len(tasks))
            yield done

    def _make_manifest(self, sources: Sequence[str], shards: Sequence[ShardDone], quads: int) -> Manifest:
        files = [path for path in sorted(self.building.rglob("*")) if path.is_file()]
        names = [str(path.relative_to(self.building)) for path in files]
        kept = [one for one in self.plan.versions.values() if not one.is_replaced]
        plain = {one.number: (one.digest, one.quads) for one in shards if one.path}
        return Manifest(
            version=VERSION,
            snapshot=hashlib.sha256(
                "".join(f"{number}{plain[number][0]}" for number in sorted(plain)).encode()
            ).hexdigest()[:16],
            trials=len({one.trial for one in kept}),
            records=len(kept),
            rejected=self.intake.rejected.count,
            newest=max((one.updated for one in kept), default=""),
            sources=tuple(show_name(hide_secrets(source)) for source in sources),
            files={name: hash_file(path) for name, path in zip(names, files, strict=True)},
            sizes={name: path.stat().st_size for name, path in zip(names, files, strict=True)},
            shards=plain,
            maker=fingerprint(),
            kg=version("trialkg"),
            created=datetime.now(UTC).isoformat(timespec="microseconds"),
            quads=quads,
            base=self.previous.manifest.snapshot if self.previous else "",
            changes=self.previous.manifest.changes + 1 if self.previous and self.is_small else 0,
        )

    def _report(self, manifest: Manifest, folder: Path | None) -> Report:
        rejected, set_aside = self.intake.rejected, self.intake.find_set_aside()
        return Report(
            manifest,
            folder,
            rejected.list_rows(),
            set_aside.list_rows(),
            self.intake.duplicates,
            manifest.quads,
            sum(one.is_replaced for one in self.plan.versions.values()) - self.plan.older,
            self.plan.older,
            self.intake.left_out,
            self.intake.resumed,
            rejected.is_cut,
            folder is not None and (self.previous is None or folder != self.previous.folder),
            self.log.fault,
            rejected.count,
            set_aside.count,
        )


def _name_sources(sources: Sequence[str]) -> str:
    return ", ".join(map(hide_secrets, sources))[:200]
