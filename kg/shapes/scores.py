"""How complete trials are: a score for each trial, and for each item of the WHO Trial Registration Data Set.

Definition. An item is *asked* of a trial unless the study type has no such item (``ksh:notFor``), its registry has no
field for it (``shapes/registries.tsv``), or absence may mean that there is none (``ksh:mayBeNone`` on all its shapes).
An item is *given* when none of the shapes of completeness that bear its number and ask at least as a warning found
anything; what only a registry requires (``ksh:requiredBy``) does not count. The score of a trial is the share of items
given among those asked; the score of an item is the share of trials that give it among those of which it is asked.
Neither says whether what is given is right: that is what violations are for.
"""

from __future__ import annotations

import csv
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache

import msgspec

from kg.resources import find_root
from kg.shapes.findings import Checked, Finding
from kg.shapes.graphs import SEVERITIES, PropertyShape, read_shapes
from kg.shapes.registries import list_gaps

DEFINITION = (
    "The score of a trial is the share of WHO items that it gives among those asked of it. An item is not asked where "
    "the study type has no such item, where the registry has no field for it, or where its absence may mean that there "
    "is none. The score of an item is the share of trials that give it among those of which it is asked."
)
KEPT = 200
"""Trials listed with their score: the least complete."""
SAMPLE = 40
"""Trials named beside each message."""
MOST_WORDS = 60
"""Characters of a measure or an arm's name beside its trial."""


@cache
def list_items() -> dict[int, tuple[PropertyShape, ...]]:
    """The shapes that decide whether a WHO item is given, by its number; items that may be none have none."""
    found: dict[int, list[PropertyShape]] = {number: [] for number in range(1, 25)}
    for shape in read_shapes().by_name.values():
        is_asked = shape.severity != "info" and not (shape.is_optional or shape.required_by)
        if shape.who_item and shape.group == "completeness" and is_asked:
            found[shape.who_item].append(shape)
    return {number: tuple(shapes) for number, shapes in found.items()}


def explain_unscored(number: int) -> str:
    """Why an item has no score, for an item of which `list_items` says that no shape decides it."""
    asking = [one for one in read_shapes().by_name.values() if one.who_item == number and one.group == "completeness"]
    return "there may be none" if any(one.is_optional for one in asking) else "an info only"


@cache
def name_items() -> dict[int, str]:
    """A short name of each WHO item (``shapes/who_items.tsv``)."""
    with (find_root() / "shapes" / "who_items.tsv").open(encoding="utf-8", newline="") as stream:
        return {int(row["number"]): row["name"] for row in csv.DictReader(stream, delimiter="\t")}


@cache
def _asked(registry: str, study_types: tuple[str, ...]) -> frozenset[int]:
    gaps = list_gaps(registry)
    return frozenset(
        number
        for number, shapes in list_items().items()
        if number not in gaps and any(not shape.not_for.intersection(study_types) for shape in shapes)
    )


def score_trial(trial: Checked) -> tuple[frozenset[int], frozenset[int]]:
    """WHO items asked of a trial, and those of them that it gives."""
    asked = _asked(trial.registry, trial.study_types)
    deciding = _find_deciding()
    missing = {deciding[one.shape] for one in trial.found if one.shape in deciding}
    return asked, asked - missing


@cache
def _find_deciding() -> dict[str, int]:
    names = {shape.name: number for number, shapes in list_items().items() for shape in shapes}
    return {iri: names[shape.name] for iri, shape in read_shapes().properties.items() if shape.name in names}


def percent(share: float) -> str:
    """A share as every report writes it, rounded down so that 100 % means all.

    >>> percent(0.8549), percent(0.9999)
    ('85 %', '99 %')
    """
    return f"{int(share * 100 + 1e-9)} %"


class Share(msgspec.Struct):
    """Trials of a group, with the sum of their scores and their findings by severity."""

    trials: int = 0
    total: float = 0.0
    violation: int = 0
    warning: int = 0
    info: int = 0

    @property
    def score(self) -> float:
        """Mean score, 0 to 1."""
        return self.total / self.trials if self.trials else 0.0


class Line(msgspec.Struct):
    """One message: how often it was found, in how many trials (a registry stands for itself), and some of them."""

    finding: Finding
    findings: int = 0
    trials: int = 0
    sample: list[str] = []


class Scored(msgspec.Struct, frozen=True):
    """A trial with its score."""

    trial: str
    registry_id: str | None
    title: str | None
    sponsor: str | None
    asked: int
    given: int
    severities: tuple[int, int, int]
    missing: tuple[int, ...]


def _shorten(words: str) -> str:
    """Words of a record on one line, without characters that a terminal would obey."""
    words = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    return words if len(words) <= MOST_WORDS else f"{words[: MOST_WORDS - 1]}…"


class Tally:
    """What a report shows, gathered trial by trial; it grows with sponsors and messages, not with trials."""

    def __init__(self) -> None:
        self.all = Share()
        self.sponsors: dict[str, Share] = defaultdict(Share)
        self.registries: dict[str, Share] = defaultdict(Share)
        self.years: dict[str, Share] = defaultdict(Share)
        self.items: dict[int, list[int]] = {number: [0, 0] for number in range(1, 25)}
        self.lines: dict[tuple[str, str], Line] = {}
        self.histogram = [0] * 10
        self._worst: list[tuple[float, str, int, Scored]] = []
        self._number = 0

    def add(self, trial: Checked, findings: Iterable[Finding]) -> None:
        """Count one trial."""
        asked, given = score_trial(trial)
        score = len(given) / len(asked) if asked else 1.0
        found = list(findings)
        counts = Counter(one.severity for one in found)
        for share in (
            self.all,
            self.sponsors[trial.sponsor or "not stated"],
            self.registries[trial.registry],
            self.years[str(trial.year or "not stated")],
        ):
            share.trials += 1
            share.total += score
            for severity in SEVERITIES:
                setattr(share, severity, getattr(share, severity) + counts[severity])
        for number in asked:
            self.items[number][0] += 1
            self.items[number][1] += number in given
        self.histogram[min(9, int(score * 10))] += 1
        name = trial.registry_id or trial.trial.rpartition("/")[2]
        seen: set[tuple[str, str]] = set()
        for one in found:
            self._count(one, name, seen)
        scored = Scored(
            trial.trial,
            trial.registry_id,
            trial.title,
            trial.sponsor,
            len(asked),
            len(given),
            (counts["violation"], counts["warning"], counts["info"]),
            tuple(sorted(asked - given)),
        )
        self._number += 1
        heapq.heappush(self._worst, (-score, trial.trial, self._number, scored))
        if len(self._worst) > KEPT:
            heapq.heappop(self._worst)

    def add_registry(self, finding: Finding) -> None:
        """Count what a registry cannot hold: once in all, and for no trial, sponsor or year."""
        setattr(self.all, finding.severity, getattr(self.all, finding.severity) + 1)
        self._count(finding, finding.registry, set())

    def _count(self, one: Finding, name: str, seen: set[tuple[str, str]]) -> None:
        key = (one.shape, one.message)
        line = self.lines.get(key)
        if line is None:
            line = self.lines[key] = Line(one)
        line.findings += 1
        if key not in seen:
            seen.add(key)
            line.trials += 1
            if len(line.sample) < SAMPLE:
                line.sample.append(f"{name} “{_shorten(one.focus_label)}”" if one.focus_label else name)

    @property
    def worst(self) -> list[Scored]:
        """The least complete trials, the least complete first."""
        return [one[3] for one in sorted(self._worst, key=lambda one: (-one[0], one[1]))]

    def list_lines(self, severity: str) -> list[Line]:
        """Messages of one severity, the commonest first."""
        found = [one for one in self.lines.values() if one.finding.severity == severity]
        return sorted(found, key=lambda one: (-one.trials, -one.findings, one.finding.shape, one.finding.message))
