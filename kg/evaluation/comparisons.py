"""Cards against labels, field by field."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from kg.errors import UsageError
from kg.evaluation import readings
from kg.evaluation.labels import Label
from kg.evaluation.scores import Proportion, Tally, tally_sets
from kg.graph import Graph
from kg.model import Frozen

Card = dict[str, Any]


class Disagreement(Frozen, frozen=True):
    """A field in which a card and its label differ, as text."""

    trial: str
    field: str
    label: str
    ours: str


class Score(Frozen, frozen=True):
    """One line of the result: a measure of a field."""

    field: str
    measure: str
    share: Proportion


class Evaluation:
    """Counts, field by field, as labels are compared one after the other."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = defaultdict(Tally)
        self.exact: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        self.disagreements: list[Disagreement] = []
        self.trials = 0
        self._is_missing = False

    def compare(self, label: Label, card: Card | None) -> None:
        """Count one trial; a card that is missing is an empty answer, which is never right."""
        self.trials += 1
        self._is_missing = card is None
        products = readings.list_cell_products(card)
        engineered = [one for one in products if one["modality"] not in ("other cell", "TIL")]
        if label.outcomes is not None:
            self._count(label, "scope", "yes" if label.in_scope else "no", "yes" if engineered else "no")
        self._compare_identity(label, products)
        self._compare_sources(label, products)
        if label.outcomes is not None:
            self._compare_construct(label, products)
            self._compare_outcomes(label, card)
            self._compare_thresholds(label, card)

    def _compare_identity(self, label: Label, products: list[Card]) -> None:
        if not label.in_scope:
            return
        targets = readings.list_targets(products)
        self.tallies["targets"] += tally_sets(set(label.targets), targets)
        self._count(label, "targets", _show(label.targets), _show(targets))
        modalities = {str(one["modality"]) for one in products}
        self._count(label, "modality", _show(label.modality), _show(modalities))

    def _compare_sources(self, label: Label, products: list[Card]) -> None:
        """Stated and implied sources against the record's; inferred ones against what the product's name tells."""
        told = readings.join_sources(products, is_inferred=False)
        if label.cell_source == "NOT_STATED":
            if label.in_scope:
                self._count(label, "cell source where none is stated", "None", str(told))
        elif label.cell_source is not None:
            self._tally(label, "cell source", label.cell_source, told)
        if label.source_by_product is not None:
            inferred = readings.join_sources(products, is_inferred=True)
            self._tally(label, "cell source by product", label.source_by_product, inferred)

    def _compare_construct(self, label: Label, products: list[Card]) -> None:
        if not label.in_scope:
            return
        if label.targets:
            logics = {str(one["logic"]) for one in products if one["logic"]}
            self._count(label, "logic", str(label.logic), _show(logics))
        if label.binder is not None:
            self._count(label, "binder", label.binder, _show({str(one["binder"]) for one in products}))
        ours = readings.join_doses(products)
        if label.doses:
            low, high, unit = label.doses[0]
            self._count(label, "dose", f"{low:g}–{low if high is None else high:g} {unit}", _show_dose(ours))
        else:
            self._count(label, "dose where none is stated", "None", _show_dose(ours))
        drugs = {drug for product in products for drug in product["lymphodepletion"]}
        self._count(label, "lymphodepletion", _show(label.lymphodepletion or ()), _show(drugs))

    def _compare_outcomes(self, label: Label, card: Card | None) -> None:
        for measure, kinds, days in label.outcomes or ():
            found = readings.find_outcome(card, measure) if card else []
            held = {kind for one in found for kind in one["kinds"]}
            self._count(label, "primary outcome kinds", _show(kinds), _show(held), is_right=bool(kinds & held))
            ours = [readings.last_day(one) for one in found]
            is_right = any(one == days or (one and days and abs(one - days) < 1) for one in ours)
            self._count(label, "time frames", str(days), str(ours), is_right=is_right)

    def _compare_thresholds(self, label: Label, card: Card | None) -> None:
        for name in readings.THRESHOLD_NAMES:
            wanted = (label.thresholds or {}).get(name)
            ours = list(readings.list_thresholds(card, name)) if card else []
            is_right = wanted is not None and any(readings.is_same_threshold(wanted, one) for one in ours)
            tally = Tally(int(is_right), int(bool(ours) and not is_right), int(wanted is not None and not is_right))
            self.tallies["thresholds"] += tally
            if tally.wrong or tally.missed:
                self._disagree(label, f"threshold {name}", str(wanted), str(ours))

    def _tally(self, label: Label, field: str, wanted: str, ours: str | None) -> None:
        self.tallies[field] += tally_sets({wanted}, {ours} if ours else set())
        if wanted != ours:
            self._disagree(label, field, wanted, str(ours))

    def _count(self, label: Label, field: str, wanted: str, ours: str, *, is_right: bool | None = None) -> None:
        is_right = wanted == ours if is_right is None else is_right
        if is_right and self._is_missing:
            return  # nothing was read: that none is stated, nobody said
        self.exact[field][0] += is_right
        self.exact[field][1] += 1
        if not is_right:
            self._disagree(label, field, wanted, ours)

    def _disagree(self, label: Label, field: str, wanted: str, ours: str) -> None:
        self.disagreements.append(Disagreement(label.trial, field, wanted, ours))

    def list_scores(self) -> tuple[Score, ...]:
        """A line for each measure of each field that was labelled."""
        lines = [Score(field, "exact", Proportion(*counts)) for field, counts in self.exact.items()]
        for field, tally in self.tallies.items():
            lines += [Score(field, "precision", tally.precision), Score(field, "recall", tally.recall)]
        order = list(dict.fromkeys((*self.exact, *self.tallies)))
        return tuple(sorted(lines, key=lambda one: order.index(one.field)))


def find_cards(graph: Graph, labels: Iterable[Label]) -> dict[str, Card]:
    """Cards of the labelled trials that the graph has."""
    cards: dict[str, Card] = {}
    for label in labels:
        with suppress(UsageError):
            cards[label.trial] = graph.card(label.trial)
    return cards


def evaluate_cards(labels: Iterable[Label], cards: Mapping[str, Card]) -> Evaluation:
    """Compare every label with the card of its trial."""
    evaluation = Evaluation()
    for label in labels:
        evaluation.compare(label, cards.get(label.trial))
    return evaluation


def _show(values: Iterable[str]) -> str:
    return ";".join(sorted(values)) or "none"


def _show_dose(dose: tuple[float, float, str] | None) -> str:
    return "None" if dose is None else f"{dose[0]:g}–{dose[1]:g} {dose[2]}"
