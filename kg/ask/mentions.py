"""What a question names: a place in its text and what it can mean."""

from __future__ import annotations

import msgspec

from kg.lexicon import fold
from kg.vocabularies import load_vocabularies

SCHEMES = (
    "antigen",
    "cell-source",
    "modality",
    "cell-type",
    "phase",
    "status",
    "country",
    "condition",
    "endpoint-kind",
    "measure",
    "study-type",
    "endpoint-role",
    "binder-type",
    "product",
    "ligand",
    "disease-setting",
    "costimulation",
    "safety-switch",
    "drug",
    "allocation",
    "masking",
    "region",
)
"""The vocabularies that questions name things of; where one name is in several, the earlier is the plainer."""


class Mention(msgspec.Struct, frozen=True):
    """Something that the question names, at ``[start:end]`` of its text.

    :ivar readings: What it can mean: concept to value. A concept is a vocabulary's name, ``off-shelf``, or what a
        parameter can be called: ``trial``, ``max_days``, ``since``, ``sponsor``, ``latitude``, ``age`` …
    :ivar word: Where a word stands that belongs to it without touching it ("started" of a date).
    """

    start: int
    end: int
    readings: dict[str, str]
    word: tuple[int, int] = (0, 0)

    @property
    def concept(self) -> str:
        """Its plainest reading."""
        return next(iter(self.readings))


OFF_SHELF = {"off-shelf": "off-the-shelf", "cell-source": "allogeneic"}
"""What "off-the-shelf", "universal" and the U of "UCAR-T" can mean: made ahead, and so from a donor's cells."""


def overlap(one: Mention, other: Mention) -> bool:
    """Whether two mentions share a place."""
    return one.start < other.end and other.start < one.end


def show_term(scheme: str, notation: str) -> str:
    """A term as people know it.

    >>> show_term("antigen", "IL3RA"), show_term("phase", "PHASE1")
    ('IL3RA (CD123)', 'phase 1')
    """
    term = load_vocabularies().find(scheme, notation)
    if term is None:
        return notation
    if scheme in ("cell-source", "modality"):
        return notation
    if scheme == "antigen":
        return notation if fold(term.label) == fold(notation) else f"{notation} ({term.label})"
    label = term.label
    is_plain = scheme in ("phase", "status", "study-type", "allocation", "masking")
    return label[0].lower() + label[1:] if is_plain else label
