"""What got better or worse since an earlier report of ``kg validate`` (JSON, JSON lines or CSV)."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import msgspec

from kg.errors import SourceError
from kg.shapes.findings import Finding, sort_findings

_KEYS = ("trial", "focus", "shape", "component", "value", "message")
_MAY_BE_NONE = ("registry_id", "sponsor", "card_key", "value", "who_item")
"""What CSV writes as an empty cell where there is none."""


class Changes(msgspec.Struct):
    """Findings since the baseline: mended, new, and as before.

    :ivar by_shape: Mended and new ones by the name of the shape, those that changed most first.
    :ivar better: Names of trials of which something was mended and nothing is new; ``worse`` the other way round;
        ``mixed`` those with both.
    """

    mended: int
    new: int
    same: int
    by_shape: list[tuple[str, tuple[int, int]]]
    better: list[str]
    worse: list[str]
    mixed: list[str]


class Baseline:
    """The findings of an earlier report."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._left: dict[tuple[str, ...], list[Finding]] = defaultdict(list)
        for one in findings:
            self._left[_key(one)].append(one)
        self._new: Counter[str] = Counter()
        self._worse: set[str] = set()
        self._same = 0
        self._is_narrow = False

    def narrow(self, trials: Collection[str] | None, shapes: Collection[str] | None) -> None:
        """Keep what is looked at again: what nobody asked for has not been mended.

        :param trials: IRIs of trials; None for all. ``shapes``: names, as in the report; None for all.
        """
        self._is_narrow = trials is not None
        for key in list(self._left):
            trial, shape = key[0], key[2]
            if (trials is not None and trial and trial not in trials) or (shapes is not None and shape not in shapes):
                del self._left[key]

    def compare(self, finding: Finding) -> str:
        """Whether a finding is ``new`` or the ``same``."""
        if earlier := self._left.get(_key(finding)):
            earlier.pop()
            self._same += 1
            return "same"
        self._new[finding.shape] += 1
        self._worse.add(_name(finding))
        return "new"

    def list_mended(self) -> list[Finding]:
        """What is left when all findings were compared; a registry's gaps, only where all its trials were looked at."""
        return sort_findings(
            one for left in self._left.values() for one in left if one.trial or not self._is_narrow
        )

    def finish(self) -> Changes:
        """What changed, when all findings were compared."""
        mended = self.list_mended()
        gone = Counter(one.shape for one in mended)
        better = {_name(one) for one in mended}
        shapes = sorted({*gone, *self._new}, key=lambda one: (-(gone[one] + self._new[one]), one))
        changed = [(one, (gone[one], self._new[one])) for one in shapes if gone[one] or self._new[one]]
        return Changes(
            len(mended),
            sum(self._new.values()),
            self._same,
            changed,
            sorted(better - self._worse),
            sorted(self._worse - better),
            sorted(better & self._worse),
        )


def read_baseline(path: Path) -> Baseline:
    """Read a report that ``kg validate --format json``, ``jsonl`` or ``csv`` wrote.

    :raises SourceError: it cannot be read, or is something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
        rows = _read_rows(text)
    except OSError as error:
        raise SourceError(f"the baseline cannot be read: {error.strerror}", where=str(path)) from None
    except (UnicodeDecodeError, msgspec.DecodeError, csv.Error) as error:
        raise SourceError(
            f"the baseline cannot be read ({error})", where=str(path), mend="Write it again with --format json"
        ) from None
    try:
        return Baseline(_read_finding(row) for row in rows if row.get("change") != "mended")
    except (AttributeError, msgspec.ValidationError):
        raise SourceError(
            "the baseline is no report of kg validate",
            where=str(path),
            mend="Write one with `kg validate --format json`",
        ) from None


def _read_rows(text: str) -> list[Any]:
    if text.startswith("["):
        rows: list[Any] = msgspec.json.decode(text)
        return rows
    if text.startswith("{"):
        return [msgspec.json.decode(line) for line in text.splitlines() if line]
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _read_finding(row: dict[str, Any]) -> Finding:
    """A row as a finding; CSV has neither numbers nor None, and a quote before what a spreadsheet would run."""
    cells = {name: cell.removeprefix("'") if isinstance(cell, str) else cell for name, cell in row.items()}
    cells.update({name: None for name in _MAY_BE_NONE if cells.get(name) == ""})
    return msgspec.convert(cells, Finding, strict=False)


def _key(finding: Finding) -> tuple[str, ...]:
    return tuple(str(getattr(finding, name) or "") for name in _KEYS)


def _name(finding: Finding) -> str:
    return finding.registry_id or finding.trial.rpartition("/")[2] or finding.registry
