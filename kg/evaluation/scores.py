"""Proportions with Wilson intervals (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953)."""

from __future__ import annotations

from math import sqrt

from kg.model import Frozen

_Z95 = 1.959963984540054
"""Quantile of the normal distribution for a two-sided interval of 95 %."""


class Proportion(Frozen, frozen=True):
    """``right`` of ``total``, with the bounds of its 95 % Wilson interval."""

    right: int
    total: int

    @property
    def value(self) -> float | None:
        """Share, or None of nothing.

        >>> Proportion(9, 10).value
        0.9
        """
        return self.right / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper bound; None of nothing.

        >>> [round(bound, 4) for bound in Proportion(9, 10).interval]
        [0.5958, 0.9821]
        """
        if not self.total:
            return None
        share, n = self.right / self.total, self.total
        centre = share + _Z95**2 / (2 * n)
        spread = _Z95 * sqrt(share * (1 - share) / n + _Z95**2 / (4 * n * n))
        scale = 1 + _Z95**2 / n
        return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


class Tally(Frozen, frozen=True):
    """What was found right, found but wrong, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> Proportion:
        """Of what was found, what is right."""
        return Proportion(self.right, self.right + self.wrong)

    @property
    def recall(self) -> Proportion:
        """Of what is there, what was found."""
        return Proportion(self.right, self.right + self.missed)


def tally_sets(label: set[str], ours: set[str]) -> Tally:
    """Compare two sets member by member.

    >>> tally_sets({"CD19", "CD22"}, {"CD19", "CD20"})
    Tally(right=1, wrong=1, missed=1)
    """
    return Tally(len(label & ours), len(ours - label), len(label - ours))
