"""What goes into a build: records are read, known ones passed over, and what cannot be read is listed."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing
from functools import partial

import msgspec

from kg.model import Rejected
from kg.pipeline.filters import Choice
from kg.pipeline.logs import Place, WorkLog
from kg.pipeline.pools import run_batches
from kg.pipeline.progress import Meter, Progress, State
from kg.pipeline.readings import Reading, give_up_on, hash_content, read_batch
from kg.pipeline.records import Plan
from kg.pipeline.rejects import Rejects
from kg.snapshots import KEEP
from kg.sources.inputs import Blob, File, measure_file, open_files

BATCH = 50
"""Most records that go to a worker at once."""
BATCH_BYTES = 2**24
"""Bytes of records from which on no more go with them."""


def take_batch(stream: Iterator[Blob]) -> list[Blob]:
    """The next records for a worker: few where they are long, for several batches wait at once."""
    batch: list[Blob] = []
    size = 0
    for blob in stream:
        batch.append(blob)
        size += len(blob.content)
        if len(batch) == BATCH or size >= BATCH_BYTES:
            break
    return batch


class Options(msgspec.Struct, frozen=True):
    """How to build; see `build`."""

    workers: int | None = None
    scheduler: str | None = None
    choices: tuple[Choice, ...] = ()
    limit: int | None = None
    is_dry: bool = False
    keep: int = KEEP


class Intake:
    """Reads the sources into a plan of the snapshot and a work log.

    :ivar duplicates: Records that were there already, byte for byte.
    :ivar left_out: Records that a restriction left out.
    :ivar resumed: Records that an interrupted build had read.
    :ivar taken: Records that were given, whether or not they could be read; with a limit, those that were chosen.
    """

    def __init__(self, plan: Plan, log: WorkLog, options: Options, progress: Progress | None) -> None:
        self.plan, self.log, self.options, self.progress = plan, log, options, progress
        self.rejected = Rejects()
        self.set_aside: dict[str, list[Rejected]] = {}
        self.duplicates = self.left_out = self.resumed = self.taken = 0

    def read(self, files: Sequence[File], pool: Executor | None) -> None:
        """Read every record of the files."""
        meter = Meter(map(measure_file, files))
        run = partial(read_batch, choices=self.options.choices)
        with closing(open_files(files, meter.add)) as blobs, closing(self._take(blobs)) as stream:
            batches = iter(lambda: take_batch(stream), [])
            for results in run_batches(pool, run, batches, give_up_on):
                for one in results:
                    self._receive(one)
                self.log.flush()
                self.show("reading", meter.share)

    def _receive(self, one: Reading | Rejected) -> None:
        if isinstance(one, Rejected):
            self.rejected.add(one)
        elif one.iri:
            self._add(one, self.log.append(one))
        else:
            self.log.append(one)
            self._leave_out()

    def _take(self, blobs: Iterable[Blob | Rejected]) -> Generator[Blob, None, None]:
        """The records that have still to be read; what is known already is taken from where it is."""
        for blob in blobs:
            if isinstance(blob, Rejected):
                self.rejected.add(blob)
                continue
            if self.options.limit is not None and self.taken >= self.options.limit:
                return
            self.taken += 1
            content = hash_content(blob)
            if self.plan.is_known(content, blob.name):
                self.duplicates += 1
            elif known := self.log.entries.get((content, blob.name)):
                reading, place = known
                self.resumed += 1
                if reading.iri:
                    self._add(reading, place)
                else:
                    self._leave_out()
            else:
                yield blob

    def _leave_out(self) -> None:
        self.left_out += 1
        self.taken -= self.options.limit is not None

    def _add(self, reading: Reading, place: Place) -> None:
        is_new = self.plan.add(reading, place)
        self.duplicates += not is_new
        if reading.set_aside:
            self.set_aside[reading.iri] = [
                Rejected(reading.file, reason, "The rest of the record was read") for reason in reading.set_aside
            ]

    def find_set_aside(self) -> Rejects:
        """Values that could not be read, of the records that are kept."""
        return Rejects(
            one for iri, found in self.set_aside.items() if not self.plan.versions[iri].is_replaced for one in found
        )

    def show(self, stage: str, share: float | None) -> None:
        """Tell whoever watches how far the build is."""
        if self.progress:
            self.progress(State(stage, len(self.plan.versions) + self.duplicates, self.rejected.count, share))
