"""Split eligibility text into its two lists, their items, and the clauses of an item.

Registries keep both lists in one text with headings in many spellings, or a page tells the list apart, or has lost the
headings. An item is one line without its bullet; offsets are exact into the passage's untouched text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from kg.extract.thresholds import flatten
from kg.lexicon import fold
from kg.model import Frozen, Passage

_LINE = re.compile(r"[^\n\r]+")
_BULLET = re.compile(
    r"(?:[-*+•·○●▪◦■□◆–—―¬§#②③④①⑤⑥⑦⑧⑨⑩]{1,4}(?=[\s(\w])"
    r"|\(?(?:\d{1,2}(?:\.\d{1,2}){0,3}|[a-z]"
    r"|[ivx]{1,4})\\?[.):、](?=[\s\\]|\D)[.]?"
    r"|\(\d{1,2}|\"(?=\w))[\s\\]{0,4}",
    re.IGNORECASE,
)
_HEADING_WORD = re.compile(r"[ce]l[iu][gs]")
_HEADING_LINE = re.compile(
    r"(?:(?!inclusion|exclusion)[a-z][\w'-]{0,20}[ :]{1,2}){0,9}(?P<non>non[- ]?)?(?P<list>inclusion"
    r"|exclusion)s?\b(?P<rest>[^:.;]{0,80})(?P<end>[:.]{0,2})[\s*_-]{0,5}",
    re.IGNORECASE,
)
_HEADING_INLINE = re.compile(
    r"(?:(?<=[.;:)*]\s)|(?<=[.;:)*])|(?<=\s\s)|^)(?i:(?:key|main|general|major|patient|other|specific)\s)?"
    r"(?P<non>(?i:non[- ]?))?(?P<list>(?i:inclusion|exclusion))\s(?i:criteria|criterion)[^:.;\n]{0,60}:"
    r"|(?<![/\w-])(?P<title>Inclusion|Exclusion|INCLUSION|EXCLUSION)\s(?:Criteria|CRITERIA|criteria(?=.{0,3}:))"
    r"(?:[^:.;\n]{0,40}:|(?=\s{1,3}[-–A-Z(\d*]))"
)
_CITED = re.compile(
    r"\b(?:defined|the|all|any|following|both|meet\w*|additional|and|or|of|with|other|per|see"
    r"|in)\s$",
    re.IGNORECASE,
)
_HEADING_TAIL = re.compile(
    r"(?:(?<![a-z/] )(?P<list>(?i:inclusion|exclusion)) (?i:criteria)|(?<![/\w-])(?P<title>Inclusion|Exclusion"
    r"|INCLUSION|EXCLUSION)"
    r" (?i:criteria))[:.]?\s{0,5}$"
)
_NOT_HEADING = re.compile(
    r"\b(?:meet|meets|meeting|apply|applies|applied|fulfil\w*|no|not|study|trial|prior|period"
    r"|within|during"
    r"|at|other than|participat\w*"
    r"|additional\s+exclusion criteria may)\b(?!.{0,80}:\s*$)",
    re.IGNORECASE,
)
_NOT_ELIGIBLE = re.compile(
    r"(?:patients? )?(?:not eligible|ineligib\w{1,6}|exclusions?)\b(?!.{0,40}\b(?:because|due)\b)"
    r"(?! for (?!th|participa|enrol|inclu))[^.\n]{0,40}:\s*$",
    re.IGNORECASE,
)
_LABEL = re.compile(r"[^\n:]{2,45}:\s*$")
_LABELLED = re.compile(
    r"\W{0,4}(?:at least|more than|greater than|less than|no more|not |over|under|[<>≤≥&=]"
    r"|\d)",
    re.IGNORECASE,
)
_FOR_INCLUSION = re.compile(
    r"[≥≤]|>=|<=|at least|diagnos|confirmed|expect|survival|adequate|willing|able to|consent|\bmust\b|eligible"
    r"|\bage|score"
    r"|\bpositive\b|relapsed|fraction|upper limit"
)
_FOR_EXCLUSION = re.compile(
    r"pregnan|lactat|breast-?\s?feed|nursing|\bhiv\b|hepatitis|\bhbv|uncontrol|active infection|history of"
    r"|contraindicat|allerg"
    r"|hypersensitiv|unsuitable|inability|unable|unwilling|abuse|\bsevere|other clinical|another|concurrent|seizure"
    r"|epilep|gvhd|graft"
    r"|systemic steroid|disability|psychiatric|transplant|addict"
)
_LONG = 600  # a block of many criteria, which says nothing of its list
_CLAUSE_END = re.compile(
    r"[;；。.](?:(?<!\.)|(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?<!\bal\.)(?<!\bDr\.)(?<!\bapprox\.)"
    r"(?=\s{1,3}[A-Z(\d*\\]|\s{0,9}$|[A-Z][a-z]))"
)
_NEAR = 40
_JOINER = re.compile(
    r"(?:[\s,/()&:+\[\]-]|and\b|or\b|serum\b|plasma\b|total\b|blood\b|levels?\b|score\b|scale\b|as applicable\b"
    r"|performance\b|status\b|both\b|either\b|the\b|values?\b|activity\b|count\b|also\b|known as\b|liver\b"
    r"|radioisotope\b|measured\b|enzymes?\b|calculated\b|estimated\b|by\b|for\b){0,12}"
)
_NEGATED = re.compile(r"(?:there (?:was|is) )?(?:no\b|without|absence|negative|free of)|test.{0,60}negative")


class Item(Frozen, frozen=True):
    """One criterion as the record writes it.

    :ivar list: ``inclusion``, ``exclusion``, or None where nothing tells.
    :ivar start: Offset of ``text`` in the passage's text.
    :ivar within: Text of the item that this one is a part of; else empty.
    :ivar basis: ``inferred`` where the list was worked out from the words of the items.
    """

    list: str | None
    start: int
    end: int
    text: str
    within: str = ""
    basis: str = "stated"


class Wording(Frozen, frozen=True):
    """An item's text as written and flattened, alike in length, and where its clauses end.

    :ivar within: As in `Item`, flattened.
    """

    text: str
    flat: str
    ends: tuple[int, ...]
    within: str = ""
    list: str | None = None

    def is_cut(self, start: int, end: int) -> bool:
        """Whether a clause ends between two offsets."""
        at = bisect_left(self.ends, start)
        return at < len(self.ends) and self.ends[at] < end

    def is_joined(self, start: int, end: int) -> bool:
        """Whether only words that join names of a list stand between two offsets."""
        return end - start <= _NEAR and _JOINER.fullmatch(self.flat, start, end) is not None

    def read_lead(self, start: int, reach: int) -> str:
        """Flattened words of the same clause before an offset, ``reach`` characters at most."""
        at = bisect_left(self.ends, start)
        return self.flat[max(self.ends[at - 1] if at else 0, start - reach) : start]

    def read_until(self, start: int, stop: re.Pattern[str]) -> str:
        """Flattened words after an offset up to a stop, 60 characters at most."""
        found = stop.search(self.flat, start, start + 60)
        return self.flat[start : found.start() if found else start + 60]

    def bound_clause(self, first: int, last: int) -> tuple[int, int]:
        """The clause around a name, cut at words to about 300 characters."""
        text, at = self.text, bisect_left(self.ends, first)
        start = self.ends[at - 1] + 1 if at else 0
        end = self.ends[at] if at < len(self.ends) else len(text)
        if start < first - 150:
            start = text.find(" ", first - 150, first) + 1 or first
        if end > last + 150:
            end = max(text.rfind(" ", last, last + 150), last)
        while start < first and not text[start].isalnum():
            start += 1
        return start, last + len(text[last:end].rstrip())


def word_item(item: Item, flat: str) -> Wording:
    """Wording of an item; backslashes, which only escape, become spaces.

    >>> word_item(Item("inclusion", 0, 15, "Fever. Coughing"), "fever. coughing").ends
    (5,)
    """
    text = item.text.replace("\\", " ")
    return Wording(
        text, flat, tuple(found.start() for found in _CLAUSE_END.finditer(text)), flatten(item.within), item.list
    )


class _Line(Frozen, frozen=True):
    start: int
    end: int
    indent: int
    list: str | None


def split_items(passage: Passage) -> tuple[Item, ...]:
    """The items of an eligibility passage, in reading order.

    >>> text = "Inclusion Criteria:\\n\\n* Age over 30\\n\\nExclusion Criteria:\\n\\n1. Fever"
    >>> [(item.list, item.text) for item in split_items(Passage("eligibility", "text", 0, text))]
    [('inclusion', 'Age over 30'), ('exclusion', 'Fever')]
    """
    listed = passage.ref if passage.ref in ("inclusion", "exclusion") else None
    lines = tuple(_join_labels(passage.text, tuple(_list_lines(passage.text, listed))))
    inferred = dict(_infer_lists(passage.text, lines))
    return tuple(
        Item(
            line.list or inferred.get(at),
            line.start,
            line.end,
            passage.text[line.start : line.end],
            within,
            "stated" if line.list else "inferred" if at in inferred else "stated",
        )
        for at, (line, within) in enumerate(_nest(passage.text, lines))
    )


def _list_lines(text: str, listed: str | None) -> Iterator[_Line]:
    """Lines without bullets and headings, each with the list that the last heading opened."""
    for found in _LINE.finditer(text):
        line = found[0]
        indent = len(line) - len(line.lstrip())
        at = skip_bullet(line)
        is_plain = _HEADING_WORD.search(line.lower()) is None
        heading = None if is_plain else read_heading(line[at:])
        if heading:
            listed = heading
            continue
        for start, end, opened in ((at, len(line), None),) if is_plain else _cut_headings(line, at):
            listed = opened or listed
            start = skip_bullet(line, start)
            end = start + len(line[start:end].rstrip())
            if any(map(str.isalnum, line[start:end])):
                yield _Line(found.start() + start, found.start() + end, indent, listed)


def skip_bullet(line: str, at: int = 0) -> int:
    """Offset of the first character after white space and bullets.

    >>> "  - 2\\\\. Fever"[skip_bullet("  - 2\\\\. Fever"):]
    'Fever'
    >>> skip_bullet("2.5 mg/dL")
    0
    """
    for _ in range(3):
        at += len(line[at : at + 200]) - len(line[at : at + 200].lstrip())
        found = _BULLET.match(line, at)
        if found is None:
            break
        at = found.end()
    return at


def read_heading(line: str) -> str | None:
    """The list that a line opens, when the line is nothing but a heading.

    >>> read_heading("Exclusion Criteria:"), read_heading("Non-inclusion criteria:"), read_heading("inclusion of 2")
    ('exclusion', 'exclusion', None)
    """
    if len(line) > 200:
        return None
    if _NOT_ELIGIBLE.fullmatch(line):
        return "exclusion"
    found = _HEADING_LINE.fullmatch(line)
    if found is None or _NOT_HEADING.search(line) or "clusion" in found["rest"]:
        return None
    is_titled = "criter" in found["rest"].lower() and (bool(found["end"]) or len(line) < 60)
    return _name_list(found) if is_titled or found["end"] == ":" or len(line) < 12 else None


def _name_list(found: re.Match[str]) -> str:
    named = found.groupdict()
    return "exclusion" if named.get("non") else (named["list"] or named["title"]).lower()


def _cut_headings(line: str, at: int) -> Iterator[tuple[int, int, str | None]]:
    """Pieces of a line between headings that stand inside it, with the list that each opens."""
    opened: str | None = None
    tail = _HEADING_TAIL.search(line, max(at, len(line) - 40))
    tail = None if tail and _CITED.search(line, max(at, tail.start() - 20), tail.start()) else tail
    for found in _HEADING_INLINE.finditer(line, at):
        if (
            _NOT_HEADING.search(found[0])
            or found.start() < at
            or (found["title"] and _CITED.search(line, max(at, found.start() - 20), found.start()))
        ):
            continue
        yield at, found.start(), opened
        at, opened = found.end(), _name_list(found)
    yield at, tail.start() if tail and tail.start() >= at else len(line), opened
    if tail and tail.start() >= at:
        yield len(line), len(line), _name_list(tail)


def _join_labels(text: str, lines: tuple[_Line, ...]) -> Iterator[_Line]:
    """Join a bare label and the value on the next line ("Age:" / "18 and over"), so that one quote holds both."""
    taken = -1
    for at, line in enumerate(lines):
        if at == taken:
            continue
        after = lines[at + 1] if at + 1 < len(lines) else None
        if (
            after
            and after.list == line.list
            and after.start - line.end < 12
            and _LABEL.fullmatch(text, line.start, line.end)
            and _LABELLED.match(text, after.start, after.end)
        ):
            taken = at + 1
            yield _Line(line.start, after.end, line.indent, line.list)
        else:
            yield line


def _nest(text: str, lines: tuple[_Line, ...]) -> Iterator[tuple[_Line, str]]:
    """Each line with the text of the line that it is indented under, or that announces it with a colon."""
    open_lines: list[_Line] = []
    previous: _Line | None = None
    for line in lines:
        while open_lines and (open_lines[-1].indent >= line.indent or open_lines[-1].list != line.list):
            open_lines.pop()
        parent = open_lines[-1] if open_lines else None
        if parent is None and previous and previous.list == line.list and text[previous.end - 1] == ":":
            parent = previous
        yield line, text[parent.start : min(parent.end, parent.start + 400)] if parent else ""
        open_lines.append(line)
        previous = line


def _infer_lists(text: str, lines: tuple[_Line, ...]) -> Iterator[tuple[int, str]]:
    """Lists of the lines before any heading: inclusion up to the point where the words turn, exclusion after it.

    Registries write inclusion first, so one turning point is sought: the one most lines agree with. Before an exclusion
    heading all is inclusion.
    """
    lost = [at for at, line in enumerate(lines) if line.list is None]
    votes = [_vote(fold(text[lines[at].start : lines[at].end])) for at in lost]
    turn = len(lost)
    if len(lost) == len(lines) and any(vote < 0 for vote in votes):
        gains = list(accumulate(votes, initial=0))
        turn = max(range(len(gains)), key=lambda at: (gains[at], at))
    for place, at in enumerate(lost):
        yield at, "inclusion" if place < turn else "exclusion"


def _vote(words: str) -> int:
    """How a line reads: above zero like an inclusion criterion, below zero like an exclusion criterion."""
    if len(words) > _LONG:
        return 1
    if _NEGATED.match(words):
        return 1
    against = bool(_FOR_EXCLUSION.search(words))
    return bool(_FOR_INCLUSION.search(words)) - 2 * against if "consent" not in words else 1
