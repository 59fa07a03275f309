"""What got better or worse since an earlier report of ``kg validate`` (JSON, JSON lines or CSV)."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import msgspec

from kg.errors import SourceError
from kg.shapes.findings import Finding

_KEYS = ("trial", "focus", "shape", "component", "value", "message")


class Changes(msgspec.Struct):
    """Findings since the baseline: mended, new, and as before.

    :ivar by_shape: Mended and new ones by the name of the shape, those that changed most first.
    """

    mended: int
    new: int
    same: int
    by_shape: list[tuple[str, tuple[int, int]]]


class Baseline:
    """The findings of an earlier report."""

    def __init__(self, rows: Iterable[dict[str, Any]]) -> None:
        self._left: Counter[tuple[str, ...]] = Counter(_key(row) for row in rows)
        self._new: Counter[str] = Counter()
        self._same = 0
        self._is_narrow = False

    def narrow(self, trials: Collection[str] | None, shapes: Collection[str] | None) -> None:
        """Keep what is looked at again: what nobody asked for has not been mended.

        :param trials: IRIs of trials; None for all. ``shapes``: names, as in the report; None for all.
        """
        self._is_narrow = trials is not None
        self._left = Counter(
            {
                key: count
                for key, count in self._left.items()
                if (trials is None or not key[0] or key[0] in trials) and (shapes is None or key[2] in shapes)
            }
        )

    def compare(self, finding: Finding) -> str:
        """Whether a finding is ``new`` or the ``same``."""
        key = _key(msgspec.structs.asdict(finding))
        if self._left[key] > 0:
            self._left[key] -= 1
            self._same += 1
            return "same"
        self._new[finding.shape] += 1
        return "new"

    def finish(self) -> Changes:
        """What is left of the baseline has been mended; a registry's gaps, only where all its trials were looked at."""
        gone: Counter[str] = Counter()
        for key, count in self._left.items():
            if key[0] or not self._is_narrow:
                gone[key[2]] += max(0, count)
        shapes = sorted({*gone, *self._new}, key=lambda one: (-(gone[one] + self._new[one]), one))
        changed = [(one, (gone[one], self._new[one])) for one in shapes if gone[one] or self._new[one]]
        return Changes(sum(gone.values()), sum(self._new.values()), self._same, changed)


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
    if not all(isinstance(row, dict) and set(_KEYS) <= row.keys() for row in rows):
        raise SourceError(
            "the baseline is no report of kg validate",
            where=str(path),
            mend="Write one with `kg validate --format json`",
        )
    return Baseline(rows)


def _read_rows(text: str) -> list[Any]:
    if text.startswith("["):
        rows: list[Any] = msgspec.json.decode(text)
        return rows
    if text.startswith("{"):
        return [msgspec.json.decode(line) for line in text.splitlines() if line]
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    """Cells that spreadsheets would run are written with a quote before them."""
    return tuple(str(row[name] or "").removeprefix("'") for name in _KEYS)
