"""Design facts that only prose tells."""

from __future__ import annotations

import pytest

from kg.extract.rules import fill_trial
from kg.model import Passage, Record, Study


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We will enroll 15-50 participants.", (15, 50)),
        ("Between 15 and 50 participants are planned.", (15, 50)),
        ("Up to 19 participants will be enrolled.", 19),
        ("A previous study had 30 participants.", None),
    ],
)
def test_reads_the_planned_number(text: str, expected: object) -> None:
    """A number or a range; a number of another study tells nothing."""
    study = Study(Record("a", "b", "c", text), {}, passages=(Passage("summary", "text", 0, text),))
    found = fill_trial(study).get("enrollment")
    assert (found[0].value if found else None) == expected
