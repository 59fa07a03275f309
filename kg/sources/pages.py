"""What the readers of registry pages share: lines with offsets, sections under known headings, facts with their
words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from kg.lexicon import open_lexicon
from kg.model import Arm, Fact, Intervention, Outcome, Passage, Quote, Record, Site, Study
from kg.sources.ctgov_v2 import strip_degrees
from kg.sources.placeholders import find_count_fault

FIELD = "text"
_MARK = re.compile(r"[\s\ufeff]*(?:-\s+)?")
_TIME = re.compile(
    r"(?:[Uu]p to |[Ww]ithin |[Aa]t )?\d{1,4}(?:\.\d{1,2})?(?: ?(?:-|–|to) ?\d{1,4})? ?"
    r"(?:hours?|days?|weeks?|months?|years?)\b|(?:[Dd]ay|[Ww]eek|[Mm]onth|[Yy]ear) ?\d{1,4}\b",
    re.IGNORECASE,
)
_FLAG = re.compile(r"[\U0001F1E6-\U0001F1FF]{2}\s*")
_REGISTRY_ID = re.compile(
    r"NCT\d{8}|EUCTR\d{4}-\d{6}-\d{2}(?:-[A-Z]{2})?|(?:CTIS)?\d{4}-5\d{5}-\d{2}-\d{2}|ChiCTR(?:-[A-Z]{3,4}-)?\d{8,10}"
    r"|ISRCTN\d{8}|jRCT[a-z]?\d{9,10}|JPRN-\w{6,20}|ACTRN\d{14}|CTRI/\d{4}/\d{2,3}/\d{6}|DRKS\d{8}|KCT\d{7}|TCTR\d{11}|IRCT\w{10,20}"
    r"|NL-OMON\d{4,8}|PACTR\d{15,16}|RBR-[a-z0-9]{5,8}|RPCEC\d{8}|SLCTR/\d{4}/\d{3}|LBCTR\d{10}|PER-\d{3}-\d{2}"
    r"|ITMCTR\d{10}"
)
_PARTICIPANTS = re.compile(r"(\d{1,12}) participants in (\d{1,3}) patient groups?")


class Line(msgspec.Struct, frozen=True):
    """A line of a page without its list mark: ``text`` begins at code point ``start`` of the page."""

    start: int
    text: str


class Section(msgspec.Struct, frozen=True):
    """The lines under a heading, without the empty ones."""

    heading: str
    lines: tuple[Line, ...]


def split_lines(page: str) -> tuple[Line, ...]:
    """All lines that hold something, without indentation and list marks.

    >>> split_lines("Sex\\n- All\\n")
    (Line(start=0, text='Sex'), Line(start=6, text='All'))
    """
    lines, start = [], 0
    for raw in page.split("\n"):
        mark = _MARK.match(raw)
        skip = mark.end() if mark else 0
        text = raw[skip:].rstrip()
        if text:
            lines.append(Line(start + skip, text))
        start += len(raw) + 1
    return tuple(lines)


def cut_sections(lines: Iterable[Line], headings: Iterable[str]) -> dict[str, Section]:
    """Sections by heading; lines before the first heading stand under ``""``. A heading seen twice adds to its
    section."""
    known, current = {heading.casefold(): heading for heading in headings}, ""
    found: dict[str, list[Line]] = {"": []}
    for line in lines:
        heading = known.get(line.text.casefold())
        if heading is None:
            found[current].append(line)
        else:
            current = heading
            found.setdefault(current, [])
    return {heading: Section(heading, tuple(held)) for heading, held in found.items()}


class Page:
    """A page cut into sections, and the facts taken from it so far."""

    def __init__(self, text: str, headings: Iterable[str]) -> None:
        self.text = text
        self.lines = split_lines(text)
        self.sections = cut_sections(self.lines, headings)
        self.facts: dict[str, list[Fact]] = {}
        self.set_aside: list[str] = []

    def under(self, heading: str) -> tuple[Line, ...]:
        """Lines under a heading; none where the page lacks it."""
        section = self.sections.get(heading)
        return section.lines if section else ()

    def quote(self, start: int, end: int) -> Quote:
        """Exact words of the page."""
        return Quote(FIELD, start, end, self.text[start:end])

    def fact(
        self, line: Line, value: Any = None, *, start: int = 0, end: int | None = None, rule: str = "page.value"
    ) -> Fact:
        """A fact from ``line.text[start:end]``; ``value`` defaults to those words."""
        words = self.quote(line.start + start, line.start + (len(line.text) if end is None else end))
        return Fact(words.text if value is None else value, words, rule)

    def add(self, key: str, *facts: Fact | None) -> None:
        """Add facts of the trial under a card key; a value that is there already is not added again."""
        held = self.facts.setdefault(key, [])
        held.extend(fact for fact in facts if fact and all(fact.value != other.value for other in held))

    def add_participants(self, line: Line, number: str) -> None:
        """The number of participants that a line tells; one that is none is set aside."""
        fault = find_count_fault(int(number)) if number.isdecimal() and len(number) < 40 else "is no whole number"
        if fault:
            self.set_aside.append(f"text:{line.start}: {line.text[:60]!r} {fault}")
        else:
            self.add("enrollment", self.fact(line, int(number)))

    def add_lines(self, key: str, heading: str) -> None:
        """Each line under the heading is a value."""
        self.add(key, *(self.fact(line) for line in self.under(heading)))

    def add_summary(self, lines: Sequence[Line]) -> None:
        """The summary, from its first line to its last. Its words stay in the page, so they need no evidence of their
        own."""
        if lines:
            words = self.quote(lines[0].start, lines[-1].start + len(lines[-1].text))
            self.add("brief_summary", Fact(words.text, words))

    def add_terms(self, key: str, scheme: str, lines: Iterable[Line]) -> None:
        """Each line names a term of a vocabulary; a line that names none is set aside."""
        for line in lines:
            notation = find_term(scheme, line.text)
            if notation:
                self.add(key, self.fact(line, notation))
            else:
                self.set_aside.append(
                    f"text:{line.start}: {line.text[:60]!r} is not a known {scheme.replace('-', ' ')}"
                )

    def add_ids(self, lines: Iterable[Line]) -> None:
        """The first id in a registry's own pattern names the trial; the others, and codes of other kinds, are
        secondary."""
        for line in lines:
            is_registry = bool(_REGISTRY_ID.fullmatch(line.text)) and not self.facts.get("registry_id")
            self.add("registry_id" if is_registry else "secondary_ids", self.fact(line))

    def passage(self, part: str, lines: tuple[Line, ...], ref: str = "") -> Iterator[Passage]:
        """One passage from the first to the last of the lines, untouched."""
        if lines:
            start, end = lines[0].start, lines[-1].start + len(lines[-1].text)
            yield Passage(part, FIELD, start, self.text[start:end], ref)

    def study(self, record: Record, form: str, **parts: Any) -> Study:
        """The finished study."""
        return Study(
            record=msgspec.structs.replace(record, format=form),
            facts={key: tuple(found) for key, found in self.facts.items() if found},
            set_aside=tuple(self.set_aside),
            **parts,
        )


def find_term(scheme: str, text: str) -> str | None:
    """Notation of the term that the whole text names, by notation, label or form.

    >>> find_term("status", "Not yet enrolling")
    'NOT_YET_RECRUITING'
    """
    from kg.vocabularies import load_vocabularies

    wanted = text.strip().casefold()
    for term in load_vocabularies().scheme(scheme).values():
        if wanted in {name.casefold() for name in (term.notation, term.label, *term.alt_labels, *term.forms)}:
            return term.notation
    return None


def read_typed_interventions(page: Page, lines: Iterable[Line]) -> tuple[Intervention, ...]:
    """ "Biological: CD7 CAR-T" on a line of its own."""
    found = []
    for line in lines:
        head, colon, tail = line.text.partition(": ")
        kind = find_term("intervention-type", head) if colon else None
        if kind:
            found.append(Intervention(page.fact(line, tail, start=len(head) + 2), page.fact(line, kind, end=len(head))))
        else:
            found.append(Intervention(page.fact(line)))
    return tuple(found)


def read_outcome_rows(page: Page, lines: Iterable[Line], role: str, header: Callable[[str], int]) -> Iterator[Outcome]:
    """Rows of an outcome table whose columns (name, time, method) ran together; the time tells them apart."""
    for line in lines:
        skip = header(line.text)
        if skip >= len(line.text):
            continue
        time = _TIME.search(line.text, skip)
        if time is None:
            yield Outcome(role, page.fact(line, start=skip))
            continue
        name_end = len(line.text[: time.start()].rstrip())
        method = len(line.text) - len(line.text[time.end() :].lstrip())
        yield Outcome(
            role,
            page.fact(line, start=skip, end=name_end),
            page.fact(line, start=time.start(), end=time.end()),
            page.fact(line, start=method) if method < len(line.text) else None,
        )


def read_place_sites(page: Page, lines: Iterable[Line]) -> Iterator[Site]:
    """Facility on one line, then "Suzhou, Jiangsu, China", with the country's flag before or between."""
    facility: Line | None = None
    is_place = False
    for line in lines:
        flag = _FLAG.match(line.text)
        if flag and flag.end() == len(line.text):
            is_place = True
            continue
        if flag or is_place:
            yield _read_place(page, facility, line, flag.end() if flag else 0)
            facility, is_place = None, False
        else:
            facility = line


def _read_place(page: Page, facility: Line | None, line: Line, skip: int) -> Site:
    parts: list[tuple[int, int]] = []
    start = skip
    for word in line.text[skip:].split(","):
        lead = len(word) - len(word.lstrip())
        parts.append((start + lead, start + lead + len(word.strip())))
        start += len(word) + 1
    facts = [page.fact(line, start=first, end=last) for first, last in parts if last > first]
    country = facts[-1] if facts else None
    code = [match.term.notation for match in open_lexicon("country").find(country.value)] if country else []
    return Site(
        facility=page.fact(facility) if facility else None,
        city=facts[0] if len(facts) > 1 else None,
        region=facts[1] if len(facts) > 2 else None,
        country=msgspec.structs.replace(country, value=code[0]) if country and len(code) == 1 else None,
    )


def add_contacts(page: Page, line: Line) -> None:
    """ "A Person, PhD; Another" names two people."""
    start = 0
    for name in line.text.split(";"):
        lead = len(name) - len(name.lstrip())
        shown = strip_degrees(name)
        if shown:
            page.add("contacts", page.fact(line, shown, start=start + lead, end=start + lead + len(shown)))
        start += len(name) + 1


def add_participants(page: Page, line: Line) -> bool:
    """ "36 participants in 1 patient group" tells enrolment and number of arms; whether the line says so."""
    found = _PARTICIPANTS.fullmatch(line.text)
    if found is None:
        return False
    page.add_participants(line, found[1])
    page.add("number_of_arms", page.fact(line, int(found[2])))
    return True


def read_arm(page: Page, label: Line, type_line: Line | None, interventions: Iterable[Fact]) -> Arm:
    """An arm whose type stands on a line of its own ("Experimental group")."""
    kind = find_term("arm-type", type_line.text.removesuffix(" group")) if type_line else None
    return Arm(page.fact(label), page.fact(type_line, kind) if type_line and kind else None, tuple(interventions))
