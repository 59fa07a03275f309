"""Points, sponsors and sites in a question: no vocabulary lists them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kg.ask.mentions import Mention, overlap
from kg.ask.names import find_names, find_plain_names
from kg.ask.spelling import find_near_word
from kg.ask.values import CODE_WORD
from kg.ask.words import NOISE
from kg.lexicon import fold
from kg.rdf import REGISTRY_ID

_POINT = re.compile(
    r"(?:\b(?:near|around|of|at|to)\s)?\(?"
    r"(-?\d{1,2}(?:\.\d+)?)\s?°?\s?,\s?(-?\d{1,3}(?:\.\d+)?)°?\)?"
)
_KILOMETRES = re.compile(
    r"(?:\bwithin\s|\bless than\s)?(\d{1,6}(?:\.\d+)?)\s?(?:km|kilomet(?:re|er)s?)\b"
    r"(?:\s(?:of|from|around))?",
    re.IGNORECASE,
)
_NAME = r"(?:[A-Z][\w&'’.-]*)"
_NAMES = rf"{_NAME}(?:\s(?:(?:of|for|and|the|&|de|la|at)\s){{0,2}}{_NAME}){{0,9}}"
_HOUSE = r"(?:hospital|university|institute|cent(?:er|re)|clinic|college|school|infirmary)s?"
_SPONSOR = re.compile(
    r"\b(?:sponsor(?:ed|s)?(?: (?:by|is|of|named|like))?|(?:funded|led|initiated|owned|developed|run|conducted) by"
    rf"|[Bb]y)\s(?:the\s)?(?:\"(?P<quoted>[^\"]{{2,80}})\"|(?P<name>{_NAMES}))"
    r"|\bsponsored by (?:the\s)?(?P<low>[\w&'’.-]+"
    r"(?:\s(?!(?:in|with|for|since|that|targeting|and|or|at)\b)[\w&'’.-]+){0,6})"
)
_SITE = re.compile(
    r"\b(?:[Aa]t|[Ii]n|[Nn]ear)\s(?:the\s)?(?:(?:city|cities|town|site|hospital) (?:of|named|called)\s)?"
    rf"(?:\"(?P<quoted>[^\"]{{2,80}})\"|(?P<name>{_NAMES}))"
    rf"|\b(?:at|in) (?:the\s)?(?P<low>(?:(?!(?:all|any|which|how|least|an?)\b)[\w'’.-]+\s){{1,5}}?{_HOUSE})\b"
)


def find_points(text: str) -> Iterator[Mention]:
    """A point "39.9, 116.4" with the kilometres around it; plain lists of numbers are no points."""
    around = _KILOMETRES.search(text)
    point = next((found for found in _POINT.finditer(text) if around or "." in found[0]), None)
    if point is not None and abs(float(point[1])) <= 90 and abs(float(point[2])) <= 180:
        middle = point.start(2)
        yield Mention(point.start(), middle, {"latitude": point[1]})
        yield Mention(middle, point.end(), {"longitude": point[2]})
    if around is not None:
        yield Mention(around.start(), around.end(), {"km": around[1]})


def find_places(text: str) -> Iterator[Mention]:
    """Sponsors and sites by any name: no vocabulary lists them."""
    taken: list[Mention] = []
    for concept, pattern in (("sponsor", _SPONSOR), ("site", _SITE)):
        for found in pattern.finditer(text):
            name = found["quoted"] or _trim_name((found["name"] or found["low"]).strip(" .?'’"))
            if found["name"] and re.match(r"\s(?:trials?|studies|patients?|diseases?|cells?)\b", text[found.end() :]):
                continue
            is_said = bool(found["quoted"] or "ponsor" in found[0] or re.search(_HOUSE, name, re.IGNORECASE))
            mention = Mention(found.start(), found.start() + found[0].index(name) + len(name), {concept: name})
            is_term = not is_said and bool(_first_concepts(text[mention.end - len(name) :]))
            is_taken = any(overlap(mention, other) for other in taken)
            if not is_term and not is_taken and _is_free_name(name, is_said=is_said):
                for one in _list_names(text, mention, concept):
                    taken.append(one)
                    yield one


_NEXT_NAME = re.compile(rf"(?:\s(?:or|and)\s|,\s(?:or\s|and\s)?)(?:in\s)?(?P<name>{_NAME}(?:\s{_NAME}){{0,3}})")


def _list_names(text: str, first: Mention, concept: str) -> Iterator[Mention]:
    """The places of a list, "Boston, Berlin or New York", each by itself; the name of a house may hold an "and"."""
    name = first.readings[concept]
    parts = re.split(r"\sand\s", name)
    houses = [part for part in parts if re.search(_HOUSE, part, re.IGNORECASE)]
    if concept == "sponsor" or (houses and len(houses) < len(parts)):
        yield first
        return
    start = first.end - len(name)
    for number, part in enumerate(parts):
        yield Mention(start if number else first.start, start + len(part), {concept: part})
        start += len(part) + len(" and ")
    end = first.end
    while (found := _NEXT_NAME.match(text, end)) and not _first_concepts(text[found.start("name") :]):
        yield Mention(found.start("name"), found.end(), {concept: found["name"]})
        end = found.end()


def _trim_name(name: str) -> str:
    """A name without the condition behind it.

    >>> _trim_name("Novartis for AML"), _trim_name("Hospital of Soochow")
    ('Novartis', 'Hospital of Soochow')
    """
    for found in re.finditer(r"\s((?:for|in|with|at|of|and|the)\s)?", name):
        concepts = _first_concepts(name[found.end() :])
        if concepts and (found[1] or concepts & {"antigen", "modality", "phase", "status"}):
            return name[: found.start()]
    return name


def _first_concepts(text: str) -> set[str]:
    """What the text begins with, where that is a term of a vocabulary."""
    return {mention.concept for mention in (*find_names(text), *find_plain_names(text)) if mention.start == 0}


def _is_free_name(name: str, *, is_said: bool) -> bool:
    """Whether a name can be a site's or a sponsor's: "in China" and "by Phase" name none, unless they say so."""
    first = (name.split() or [""])[0]
    if len(name) < 2 or REGISTRY_ID.match(name) or CODE_WORD.fullmatch(first) or fold(first) in NOISE:
        return False
    return is_said or not (first == name and find_near_word(name))
