"""Two texts compared word by word: the parts that differ, in the texts' own words."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_WORD = re.compile(r"\S+")
_AROUND = 3
"""Words that are quoted on each side of a difference; differences with fewer than twice as many between are one."""
_LONG = 200
"""Characters of a difference that are told; the quotes have no limit."""


class Difference(msgspec.Struct, frozen=True):
    """A part in which two texts differ; where one text has only more words than the other, one side is empty.

    :ivar old: The words that went, spaces made single, cut where they are many.
    :ivar old_quote: The same untouched, with some words around; None where the old text is empty.
    """

    old: str
    new: str
    old_quote: str | None
    new_quote: str | None


def find_differences(old: str, new: str) -> Iterator[Difference]:
    """The parts that differ, in order; texts that are only spaced otherwise have none."""
    from rapidfuzz.distance import Indel

    sides = [list(_WORD.finditer(text)) for text in (old, new)]
    words = [[word[0] for word in side] for side in sides]
    found: list[list[int]] = []
    for code in Indel.opcodes(words[0], words[1]):
        if code.tag == "equal":
            continue
        if found and code.src_start - found[-1][1] < 2 * _AROUND:
            found[-1][1], found[-1][3] = code.src_end, code.dest_end
        else:
            found.append([code.src_start, code.src_end, code.dest_start, code.dest_end])
    for a, b, c, d in found:
        yield Difference(
            _shorten(words[0][a:b]),
            _shorten(words[1][c:d]),
            _quote(old, sides[0], a, b),
            _quote(new, sides[1], c, d),
        )


def _shorten(words: list[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= _LONG else text[: _LONG - 1].rpartition(" ")[0] + " …"


def _quote(text: str, words: list[re.Match[str]], start: int, end: int) -> str | None:
    around = words[max(0, start - _AROUND) : end + _AROUND]
    return text[around[0].start() : around[-1].end()] if around else None
