"""How much of a record to quote: the deciding words and enough beside them to judge."""

from __future__ import annotations

from kg.model import Passage, Quote

_REACH = 60
_STOPS = ("\n", ". ", "; ")


def quote_around(passage: Passage, start: int, end: int) -> Quote:
    """Quote ``text[start:end]`` with some words on both sides, cut at line and sentence ends and never inside a word.

    >>> quote_around(Passage("title", "text", 0, "One. Allogenic CD123-CAR-NK Cells in Leukemia"), 5, 14).text
    'Allogenic CD123-CAR-NK Cells in Leukemia'
    """
    text = passage.text
    return passage.quote(_reach_left(text, start), _reach_right(text, end))


def _reach_left(text: str, start: int) -> int:
    left = max(0, start - _REACH)
    head = text[left:start]
    stop = max((head.rfind(mark) + len(mark) for mark in _STOPS if mark in head), default=0)
    if not stop and left:
        stop = head.find(" ") + 1 or len(head)
    left += stop
    while left < start and text[left].isspace():
        left += 1
    return left


def _reach_right(text: str, end: int) -> int:
    right = min(len(text), end + _REACH)
    tail = text[end:right]
    stops = [at for mark in _STOPS if (at := tail.find(mark)) >= 0]
    if stops:
        return end + min(stops)
    if right == len(text):
        return end + len(tail.rstrip())
    return end + max(tail.rfind(" "), 0)
