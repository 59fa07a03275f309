"""A study's passages and mentions by what they belong to, found once for all its products.

A study may list thousands of interventions, and each is read beside its arms, the titles and the prose: to look through
all passages for each of them, or to read the prose anew for each, would take time that grows with the square of the
record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from kg.extract.antigens import list_targets
from kg.model import Intervention, Mention, Passage, Study

Found = TypeVar("Found")
TITLES = ("title", "official title")
OWN = ("intervention", "other name", "intervention description")
ARMS = ("arm", "arm description")


class Texts:
    """A study, its mentions of antigens, and its passages by part, by intervention and by arm.

    :ivar mentions: All mentions, in text order.
    """

    def __init__(self, study: Study, mentions: Sequence[Mention]) -> None:
        self.study, self.mentions = study, mentions
        self._parts: dict[tuple[str, ...], tuple[Passage, ...]] = {}
        self._answers: dict[Any, Any] = {}
        self._targets: dict[tuple[str, ...], tuple[Mention, ...]] = {}

    def parts(self, *names: str) -> tuple[Passage, ...]:
        """Passages of the named parts, in reading order."""
        if names not in self._parts:
            self._parts[names] = self.study.parts(*names)
        return self._parts[names]

    def targets(self, *parts: str) -> tuple[Mention, ...]:
        """First target mention of each antigen in the named parts."""
        if parts not in self._targets:
            self._targets[parts] = list_targets(self.mentions, *parts)
        return self._targets[parts]

    def ask(self, find: Callable[[Texts], Found]) -> Found:
        """What a rule finds in the whole study, asked once."""
        if find not in self._answers:
            self._answers[find] = find(self)
        found: Found = self._answers[find]
        return found

    def own(self, name: str) -> tuple[Passage, ...]:
        """Passages of the interventions of that name: names, other names and descriptions, in reading order."""
        return tuple(self._own.get(name, ()))

    def own_mentions(self, name: str) -> Sequence[Mention]:
        """Mentions in the names, other names and descriptions of the interventions of that name."""
        return self._own_mentions.get(name, ())

    def of_arms(self, item: Intervention) -> tuple[Passage, ...]:
        """Passages of the arms that an intervention is given in, in reading order."""
        labels = self._arms_of.get(str(item.name.value), frozenset()) | set(item.arms)
        found = sorted(one for label in labels for one in self._arms.get(label, ()))
        passages = self.study.passages
        return tuple(passages[at] for at in found)

    @cached_property
    def _own(self) -> dict[str, list[Passage]]:
        found: dict[str, list[Passage]] = defaultdict(list)
        for passage in self.study.passages:
            if passage.part in OWN:
                found[passage.ref].append(passage)
        return found

    @cached_property
    def _own_mentions(self) -> dict[str, list[Mention]]:
        found: dict[str, list[Mention]] = defaultdict(list)
        for mention in self.mentions:
            if mention.part in OWN:
                found[mention.ref].append(mention)
        return found

    @cached_property
    def _arms(self) -> dict[str, list[int]]:
        """Places of passages, by the label of their arm."""
        found: dict[str, list[int]] = defaultdict(list)
        for at, passage in enumerate(self.study.passages):
            if passage.part in ARMS:
                found[passage.ref].append(at)
        return found

    @cached_property
    def _arms_of(self) -> dict[str, frozenset[str]]:
        """Labels of the arms that list an intervention, by its name."""
        found: dict[str, set[str]] = defaultdict(set)
        for arm in self.study.arms:
            for one in arm.interventions:
                found[str(one.value)].add(str(arm.label.value))
        return {name: frozenset(labels) for name, labels in found.items()}
