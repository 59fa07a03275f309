"""Proportions, intervals and tallies."""

from __future__ import annotations

import pytest

from kg.evaluation.scores import Proportion, Tally, tally_sets


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        # Checked by hand with the closed form of Wilson's interval, z = 1.959964.
        (8, 10, 0.4902, 0.9433),
        (0, 5, 0.0, 0.4345),
        (5, 5, 0.5655, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_wilson_interval(right: int, total: int, low: float, high: float) -> None:
    """The bounds are those of the published formula (81 of 263 is the worked example of Newcombe 1998)."""
    interval = Proportion(right, total).interval
    assert interval == pytest.approx((low, high), abs=5e-5)


def test_nothing_has_no_share() -> None:
    """A field that nobody labelled has neither share nor interval."""
    assert (Proportion(0, 0).value, Proportion(0, 0).interval) == (None, None)


def test_tallies_add_up() -> None:
    """Precision counts what was found, recall what is there."""
    both = tally_sets({"CD19"}, {"CD19", "CD20"}) + tally_sets({"CD22", "CD7"}, {"CD7"})
    assert both == Tally(right=2, wrong=1, missed=1)
    assert (both.precision, both.recall) == (Proportion(2, 3), Proportion(2, 3))
