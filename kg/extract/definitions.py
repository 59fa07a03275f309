"""What prose says that a product's code is: "RD14-01, a ROR1-targeted CAR T-cell therapy".

A record may list thousands of codes beside long prose. The prose is therefore cut into clauses once, all codes are
sought in one pass, and a clause is judged once.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec
from ahocorasick_rs import AhoCorasick

from kg.extract.cells import find_modality
from kg.lexicon import fold
from kg.model import Fact, Passage

_CLAUSE_END = re.compile(
    r"[.;!?](?=\s)|\n|\b(?=[abfiprtuvw])"
    r"(?:after|following|before|prior to|versus|vs|plus|with|against|receiv\w{2,4}|treated|undergo\w{0,4}|"
    r"in (?:patients|subjects|participants|adults|combination))\b"
)
OTHER_DRUG = re.compile(
    r"\b(?:inhibitor|antibod(?:y|ies)|small molecule|tablets?|capsules?|vaccine|oral|unlike|alternative|"
    r"compar(?:es?|ed|ing)|"
    r"prevents?|prophyla\w{2,5}|during|together|exclud\w{2,4}|progressed on|failed|at least one)\b",
    re.IGNORECASE,
)
"""Words by which a sentence speaks of a code and of CAR-T cells, and does not say that they are one."""
_AND = re.compile(" and ")
_FEW = 8
_ODD = re.compile("[\ud800-\udfff]")


def define_clause(clause: Passage) -> Fact | None:
    """The modality that a clause names and does not set against other drugs."""
    return None if OTHER_DRUG.search(clause.text) else find_modality((clause,))


def _make_finder(codes: list[str]) -> Callable[[str], Iterator[tuple[int, str]]]:
    """Finds the places of codes in a text, those of each code in order; few are sought one by one, many together."""
    if len(codes) <= _FEW:
        return lambda text: ((at, code) for code in codes for at in _find_all(text, code))
    finder = AhoCorasick(codes)

    def find(text: str) -> Iterator[tuple[int, str]]:
        readable = _ODD.sub("\ufffd", text)  # the matcher takes no lone surrogates
        for key, start, _ in finder.find_matches_as_indexes(readable, overlapping=True):
            yield start, codes[key]

    return find


def _find_all(text: str, code: str) -> Iterator[int]:
    at = text.find(code)
    while at >= 0:
        yield at
        at = text.find(code, at + 1)


class Definitions:
    """Passages, and where they hold codes."""

    def __init__(self, passages: Sequence[Passage], codes: Collection[str]) -> None:
        self._clauses: dict[str, list[tuple[_Clauses, int]]] = defaultdict(list)
        if not codes:
            return
        find = _make_finder(list(dict.fromkeys(codes)))
        for passage in passages:
            clauses: _Clauses | None = None
            for start, code in find(passage.text):
                clauses = clauses or _Clauses(passage)
                self._clauses[code].append((clauses, start))

    def find(self, code: str) -> Fact | None:
        """The modality of the first clause that defines the code; "X after CAR-T" and "X with CAR-T" are two clauses,
        and do not define X."""
        taken = None
        for clauses, start in self._clauses.get(code, ()):
            place = clauses.find(start, start + len(code))
            if place is None or (clauses, place) == taken:
                continue
            taken = clauses, place  # where a clause holds the code twice, the first counts
            fact = clauses.define(place)
            if fact and not clauses.has_and(start, fact.quote.start - clauses.passage.start):
                return fact
        return None


class _Clauses:
    """A passage and the bounds of its clauses."""

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        self._bounds = [0, *(found.end() for found in _CLAUSE_END.finditer(fold(passage.text))), len(passage.text)]
        self._facts: dict[int, Fact | None] = {}
        self._ands = [found.start() for found in _AND.finditer(passage.text)]

    def find(self, start: int, end: int) -> int | None:
        """Number of the clause that holds the whole of a place."""
        at = bisect_right(self._bounds, start) - 1
        return at if end <= self._bounds[at + 1] else None

    def define(self, at: int) -> Fact | None:
        """The modality that a clause names, judged once for all codes in it."""
        if at not in self._facts:
            start, end = self._bounds[at], self._bounds[at + 1]
            text = self.passage.text[start:end]
            clause = msgspec.structs.replace(self.passage, start=self.passage.start + start, text=text)
            self._facts[at] = define_clause(clause)
        return self._facts[at]

    def has_and(self, one: int, other: int) -> bool:
        """Whether "and" stands between two places."""
        low, high = min(one, other), max(one, other)
        at = bisect_left(self._ands, low)
        return at < len(self._ands) and self._ands[at] + 5 <= high
