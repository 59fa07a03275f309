"""Which records and versions a snapshot holds, and what that means for the trials they describe.

Trial ≠ registry record ≠ version. A registry's record is told by its trial and its format; of its versions the newest
is kept. Records of other registries, and records saved with some of their fields only, stay beside it and merge.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from kg.model import Record
from kg.pipeline.logs import Place, read_entry
from kg.pipeline.readings import Reading
from kg.pipeline.shards import Kept
from kg.store import Snapshot, StoredRecord, add_record, open_records


class Version(msgspec.Struct):
    """A version of a registry's record.

    :ivar place: Its entry in the work log; None for one of the snapshot before.
    :ivar is_replaced: Whether a newer version took its place.
    """

    iri: str
    trial: str
    file: str
    format: str
    sha256: str
    updated: str
    is_part: bool
    place: Place | None = None
    is_replaced: bool = False

    @property
    def rank(self) -> tuple[str, str]:
        """Order of versions: by date, then by content, so that no order of reading matters."""
        return self.updated, self.sha256


class Work(msgspec.Struct, frozen=True):
    """What has to be done for a trial.

    :ivar chosen: Records (IRIs) that describe it.
    :ivar dropped: Records whose old lines go.
    :ivar place: Entry of the work log whose lines are the trial's; None where its records are read again from text.
    """

    chosen: tuple[str, ...]
    dropped: tuple[str, ...]
    place: Place | None = None


class Plan:
    """All records of the snapshot that is to be.

    :param previous: The snapshot that is updated.
    :param is_fresh: Whether the statements of its records have to be made anew, by other code than made them.
    :ivar older: Versions that came, and of which the snapshot before has a newer one.
    """

    def __init__(self, previous: Snapshot | None, *, is_fresh: bool) -> None:
        self.previous, self.is_fresh = previous, is_fresh
        self.versions: dict[str, Version] = {}
        self.older = 0
        self._by_trial: dict[str, list[Version]] = defaultdict(list)
        self._contents: dict[str, str] = {}
        if previous:
            for stored in previous.list_records():
                record = stored.record
                self._put(
                    Version(
                        stored.iri,
                        stored.trial,
                        record.file,
                        record.format,
                        record.sha256,
                        record.updated,
                        record.is_part,
                    )
                )
        self._before = frozenset(self.versions)

    def _put(self, version: Version) -> None:
        self.versions[version.iri] = version
        self._contents[version.sha256] = version.iri
        self._by_trial[version.trial].append(version)

    def is_known(self, content: str, file: str) -> bool:
        """Whether a record with these bytes is there already. Of the names it goes by, the first in order counts, but
        one that was published stays."""
        iri = self._contents.get(content)
        return iri is not None and (iri in self._before or self.versions[iri].file <= file)

    def add(self, reading: Reading, place: Place) -> bool:
        """Take a record in; False where it is there already."""
        known = self.versions.get(reading.iri)
        if known is None:
            self._put(
                Version(
                    reading.iri,
                    reading.trial,
                    reading.file,
                    reading.format,
                    reading.sha256,
                    reading.updated,
                    reading.is_part,
                    place,
                )
            )
        elif reading.iri not in self._before and reading.file < known.file:
            known.file, known.place = reading.file, place
        return known is None

    def choose(self) -> None:
        """Mark the versions that newer ones replace."""
        for versions in self._by_trial.values():
            if len(versions) > 1:
                newest: dict[str, Version] = {}
                for one in versions:
                    best = newest.get(one.format)
                    if not one.is_part and (best is None or one.rank > best.rank):
                        newest[one.format] = one
                for one in versions:
                    best = newest.get(one.format)
                    one.is_replaced = not one.is_part and best is not None and one is not best
                    is_known = best is not None and best.iri in self._before
                    self.older += one.is_replaced and is_known and one.iri not in self._before

    def list_work(self) -> Iterator[tuple[str, Work]]:
        """Trials that change, and what there is to do for each."""
        for trial, versions in self._by_trial.items():
            chosen = sorted((one for one in versions if not one.is_replaced), key=lambda one: one.iri)
            before = {one.iri for one in versions if one.iri in self._before}
            if not self.is_fresh and {one.iri for one in chosen} == before:
                continue
            names = tuple(one.iri for one in chosen)
            yield trial, Work(names, tuple(sorted(before)), chosen[0].place if len(chosen) == 1 else None)

    def has_work(self) -> bool:
        """Whether the snapshot will say anything else than the one before."""
        return next(self.list_work(), None) is not None

    def has_new(self) -> bool:
        """Whether a record came that the snapshot before has not."""
        return len(self.versions) > len(self._before)

    def share_changed(self) -> float:
        """Part of the records that are new."""
        return sum(one.iri not in self._before for one in self.versions.values()) / max(1, len(self.versions))

    def list_changes(self) -> Iterator[dict[str, Any]]:
        """The change log: per trial that was added or described otherwise, the files it was read from and is now."""
        if self.previous is None:
            return
        for trial, work in sorted(self.list_work(), key=lambda one: one[0]):
            names = [[self.versions[iri].file for iri in some] for some in (work.dropped, work.chosen)]
            dates = [
                max((self.versions[iri].updated for iri in some), default="") for some in (work.dropped, work.chosen)
            ]
            if work.chosen == work.dropped:
                continue
            yield {
                "trial": trial[1:-1],
                "change": "changed" if work.dropped else "added",
                "before": {"records": names[0], "updated": dates[0]},
                "after": {"records": names[1], "updated": dates[1]},
            }

    def read_texts(self, trial: str, log: Path) -> tuple[Kept, ...]:
        """The texts of a trial's records, from the work log or the snapshot before."""
        chosen = sorted((one for one in self._by_trial[trial] if not one.is_replaced), key=lambda one: one.iri)
        return tuple(
            Kept(one.file, one.format, text) for one, text in zip(chosen, self._read(chosen, log), strict=True)
        )

    def _read(self, chosen: list[Version], log: Path) -> Iterator[bytes]:
        descriptor = os.open(log, os.O_RDONLY)
        try:
            for one in chosen:
                if one.place:
                    yield read_entry(descriptor, one.place).text
                elif self.previous:
                    yield read_text(self.previous.folder, one.iri)
        finally:
            os.close(descriptor)


def read_text(folder: Path, iri: str) -> bytes:
    """A record's text in a snapshot, packed."""
    with closing(open_records(folder / "records.sqlite", is_new=False)) as records:
        text: bytes = records.execute("SELECT text FROM record WHERE iri = ?", (iri,)).fetchone()[0]
        return text


def write_records(path: Path, plan: Plan, previous: Snapshot | None, log: Path) -> None:
    """Write the database of the record texts, in order of IRI."""
    if previous:
        shutil.copyfile(previous.folder / "records.sqlite", path)
    descriptor = os.open(log, os.O_RDONLY)
    try:
        with closing(open_records(path, is_new=True)) as records:
            _fill(records, plan, descriptor)
            records.commit()
    finally:
        os.close(descriptor)


def _fill(records: sqlite3.Connection, plan: Plan, descriptor: int) -> None:
    for iri, one in sorted(plan.versions.items()):
        if one.place and not one.is_replaced:
            record = Record(one.file, one.format, one.sha256, "", one.updated, one.is_part)
            add_record(records, StoredRecord(iri, one.trial, record), read_entry(descriptor, one.place).text)
        elif not one.place and one.is_replaced:
            records.execute("DELETE FROM record WHERE iri = ?", (iri,))
