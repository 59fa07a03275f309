"""Rules that fill one fact each, found by the listing of this folder and by the entry points of other packages.

A module with ``RULES`` is a rule module: what it fills is declared in the ontology, so nothing else need be told of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from kg.errors import OntologyError
from kg.fields import load_fields
from kg.model import PARTS, Fact, Frozen, Passage, Study

ENTRY_POINTS = "trialkg.rules"
"""Group of entry points; each names a module with ``RULES``."""
PRODUCTS = "interventions."
Find = Callable[[Sequence[Passage]], Fact | tuple[Fact, ...] | None]


class Rule(Frozen, frozen=True):
    """Reads one fact from passages.

    :ivar fills: Card key: of the trial (``ethics_review``), or of cell products (``interventions.costimulation``).
    :ivar find: The facts that passages tell, in the order of the text.
    :ivar reads: Parts of the study that are searched (`kg.model.PARTS`). A rule for products that names none reads the
        words around each product.
    """

    fills: str
    find: Find
    reads: tuple[str, ...] = ()

    def apply(self, passages: Sequence[Passage]) -> tuple[Fact, ...]:
        """The facts, as a tuple however many there are."""
        found = self.find(passages)
        return () if found is None else found if isinstance(found, tuple) else (found,)


def fill_trial(study: Study) -> dict[str, tuple[Fact, ...]]:
    """Facts of the trial that only prose tells, by card key; what a field of the record tells is left as it is."""
    return {
        rule.fills: facts
        for rule in load_rules()
        if not rule.fills.startswith(PRODUCTS) and rule.fills not in study.facts
        if (facts := rule.apply(study.parts(*rule.reads)))
    }


def fill_product(around: Sequence[Passage]) -> dict[str, tuple[Fact, ...]]:
    """Facts of a cell product that the words around it tell, by their key."""
    return {
        rule.fills.removeprefix(PRODUCTS): facts
        for rule in load_rules()
        if rule.fills.startswith(PRODUCTS) and not rule.reads
        if (facts := rule.apply(around))
    }


def fill_products(study: Study) -> dict[str, tuple[Fact, ...]]:
    """Facts that a study tells of all its cell products alike, by their key."""
    return {
        rule.fills.removeprefix(PRODUCTS): facts
        for rule in load_rules()
        if rule.fills.startswith(PRODUCTS) and rule.reads
        if (facts := rule.apply(study.parts(*rule.reads)))
    }


@cache
def load_rules() -> tuple[Rule, ...]:
    """All rules, in the order of the modules' names.

    :raises OntologyError: a rule fills what is not declared, or reads a part that studies do not have.
    """
    rules = tuple(rule for module in _list_modules() for rule in getattr(import_module(module), "RULES", ()))
    for rule in rules:
        if load_fields().at(rule.fills) is None:
            raise OntologyError(f"a rule fills {rule.fills!r}, which no property has as its card key",
                                mend="Declare the property in ontology/, with kg:cardKey")  # fmt: skip
        if unknown := sorted(set(rule.reads) - set(PARTS)):
            raise OntologyError(f"the rule for {rule.fills!r} reads {unknown[0]!r}", mend=f"One of {', '.join(PARTS)}")
    return rules


def _list_modules() -> Iterator[str]:
    """Names of the modules with rules. Ours are told by their text: a card asks for few of them, and importing the
    rest, with all their patterns, would take longer than the card."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if re.search(r"(?m)^RULES = ", path.read_text(encoding="utf-8")):
            yield f"{__package__}.{path.stem}"
    yield from sorted(point.value for point in entry_points(group=ENTRY_POINTS))
