"""Where a build works: the store, locked, a folder that goes afterwards, and the work log."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from kg.locations import is_url
from kg.pipeline.filters import Choice
from kg.pipeline.logs import WorkLog
from kg.resources import fingerprint
from kg.snapshots import explain_faults, lock_store, remove_leftovers


@contextmanager
def open_workplace(store: Path, mark: str, *, is_dry: bool) -> Iterator[tuple[Path, Path, WorkLog]]:
    """The store, locked, a folder to build in, and the work log; a dry run's log goes with the folder.

    For a dry run where no store is there is one beside its place, which goes too.
    """
    with ExitStack() as stack:
        if is_dry and not os.path.lexists(store):
            home = next(parent for parent in store.absolute().parents if parent.is_dir())
            with explain_faults(store):
                store = Path(stack.enter_context(TemporaryDirectory(prefix=".kg-dry-run-", dir=home)))
        stack.enter_context(lock_store(store))
        stack.enter_context(explain_faults(store))
        remove_leftovers(store)
        building = store / "snapshots" / f".building-{os.getpid()}"
        stack.callback(shutil.rmtree, building, ignore_errors=True)
        # The log first: what a build of other sources left in it goes, and may be what fills the disk.
        log = None if is_dry else WorkLog(store / "unfinished.log", mark)
        (building / "quads").mkdir(parents=True)
        with closing(log or WorkLog(building / "dry.log", mark)) as opened:
            yield store, building, opened


def mark_log(sources: Sequence[str], choices: Sequence[Choice]) -> str:
    """What makes the entries of a work log: the code, what it reads, and what it takes of that."""
    places = sorted(source if source == "-" or is_url(source) else os.path.abspath(source) for source in sources)
    chosen = hashlib.sha256(repr([places, sorted(map(repr, choices))]).encode()).hexdigest()[:16]
    return f"{fingerprint()} {chosen}"
