"""What changed between two snapshots, trial by trial: in words, and with the words of the records before and after."""

from kg.diffs.cards import diff_cards
from kg.diffs.changes import Change, TrialDiff
from kg.diffs.snapshots import diff_snapshots

__all__ = ["Change", "TrialDiff", "diff_cards", "diff_snapshots"]
