"""Two snapshots compared, trial by trial."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from kg.cards import build_card, find_trials
from kg.diffs.cards import diff_cards
from kg.diffs.changes import Change, TrialDiff
from kg.diffs.records import diff_records
from kg.errors import UsageError
from kg.store import Snapshot


def diff_snapshots(old: Snapshot, new: Snapshot, trials: Sequence[str] = ()) -> Iterator[TrialDiff]:
    """The trials that differ, in order of their IRIs.

    :param trials: Ids of the trials to look at; all where none is named.
    :raises UsageError: neither snapshot has a trial with such an id.
    """
    before, after = _list_records(old), _list_records(new)
    is_same_maker = old.manifest.maker == new.manifest.maker
    wanted = {f"<{iri}>" for trial in trials for iri in _find(old, new, trial)}
    for trial in sorted(set(before) | set(after)):
        one, other = before.get(trial), after.get(trial)
        is_same = one is not None and other is not None and one.keys() == other.keys()
        if (wanted and trial not in wanted) or (is_same_maker and is_same):
            continue
        found = _diff_trial(old, new, trial[1:-1], one or {}, other or {})
        if not (is_same and found.kind == "uncompared"):
            yield found


def _find(old: Snapshot, new: Snapshot, trial: str) -> list[str]:
    try:
        return find_trials(new, trial)
    except UsageError:
        return find_trials(old, trial)


def _list_records(snapshot: Snapshot) -> dict[str, dict[str, str]]:
    """File names of the records of each trial, by the records' IRIs."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for stored in snapshot.list_records():
        found[stored.trial][stored.iri] = stored.record.file
    return found


def _diff_trial(old: Snapshot, new: Snapshot, trial: str, before: dict[str, str], after: dict[str, str]) -> TrialDiff:
    cards = [build_card(snapshot, trial) if some else None for snapshot, some in ((old, before), (new, after))]
    shown = cards[1] or cards[0] or {}
    changes: tuple[Change, ...] = ()
    if cards[0] and cards[1]:
        records = (snapshot.read_records(f"<{trial}>") for snapshot in (old, new))
        changes = (*diff_cards(cards[0], cards[1]), *diff_records(*records))
    alike = "changed" if changes else "uncompared"
    return TrialDiff(
        trial,
        shown.get("registry_id"),
        shown.get("title"),
        alike if before and after else "added" if after else "removed",
        tuple(sorted(before.values())),
        tuple(sorted(after.values())),
        changes,
    )
