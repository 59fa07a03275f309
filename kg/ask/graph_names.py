"""Names that no vocabulary lists and only the graph has: sites, sponsors, and products by their codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from pyoxigraph import Store as Engine

from kg.ask.filters import has_words
from kg.ask.mentions import Mention, overlap
from kg.ask.readings import Reading
from kg.ask.words import SOFT, WORD
from kg.queries import load_queries, run_query

_QUERIES = {
    "site": ("trials_by_site", "site", "site_name"),
    "sponsor": ("trials_by_sponsor", "sponsor", "sponsor"),
    "intervention": ("trials_by_intervention", "name", "intervention"),
}
"""Per concept the query, its parameter, and the column of the names."""

_LED_BY = {
    "site": re.compile(r"\b(?:in|at|near|around)\s(?:the\s)?$", re.IGNORECASE),
    "sponsor": re.compile(r"\b(?:by|from|sponsor\w*|of)\s(?:the\s)?$", re.IGNORECASE),
    "intervention": re.compile(
        r"\b(?:with|of|using|giving|give|plus|named|called|containing|receiv\w+)\s$", re.IGNORECASE
    ),
}
_LEAD = 100
"""Characters before a name that can lead to it; a look at all of them for each word would cost the square."""
_LONG_NAME = re.compile(r"\b[A-Z][\w&'’-]{0,60}(?:\s(?:of\s|and\s|the\s){0,3}[A-Z][\w&'’-]{0,60}){1,12}")
_MADE_NAME = re.compile(r"(?:\d|mab|nib|leucel|mide|bine|sone|tinib|platin|parin|statin)\Z", re.IGNORECASE)

_FIGURE = re.compile(
    r"\d[\d.,]*(?:\s?[x×*]\s?10.*)?|[\d.]*\s?(?:[mµ]?[gl]|cells|IU|Gy)/\w+|.*\bcells/kg", re.IGNORECASE
)
"""Doses are no names: an intervention that is called by its dose is not all that gives it."""


_MAX_LOOKUPS = 20
"""Look-ups for the unknown words of one question."""


class GraphNames:
    """Looks names up in a graph, by stored queries."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._left = _MAX_LOOKUPS

    def find(self, name: str, before: str) -> str | None:
        """The concept that a name stands for in this graph, by the words before it; None where the graph has none.

        A word in small letters is only looked up where it is led by "in", "by", "with" …: most are no names.
        """
        is_name = name[:1].isupper() or _MADE_NAME.search(name) is not None
        led = [concept for concept, pattern in _LED_BY.items() if pattern.search(before[-_LEAD:])]
        others = [concept for concept in ("intervention", "sponsor", "site") if is_name and concept not in led]
        if not 3 <= len(name) <= 200 or _FIGURE.fullmatch(name) or not any(letter.isalpha() for letter in name):
            return None
        return next((concept for concept in (*led, *others) if self._has(concept, name)), None)

    def _has(self, concept: str, name: str) -> bool:
        self._left -= 1
        return self._left >= 0 and self.is_known(concept, name)

    def is_known(self, concept: str, name: str) -> bool:
        """Whether any record has this name, or one that holds it as whole words."""
        query, parameter, column = _QUERIES[concept]
        rows = run_query(self._engine, load_queries()[query], {parameter: name}).rows
        return any(has_words(row[column], name) for row in rows)

    def list_near(self, concept: str, name: str) -> list[str]:
        """Names of the graph that look like one that it has not."""
        from rapidfuzz import fuzz, process, utils

        query, column = {"site": ("cities_by_trials", "city"), "sponsor": ("sponsors_by_trials", "sponsor")}[concept]
        known = {str(row[column]) for row in run_query(self._engine, load_queries()[query], {}).rows}
        words = {word for one in known for word in re.findall(r"[^\W\d_]{4,}", one)}
        found = process.extract(
            name, sorted(known | words), scorer=fuzz.ratio, processor=utils.default_process, limit=3, score_cutoff=80
        )
        return [one for one, *_ in found]


def add_names(reading: Reading, unknown: tuple[str, ...], names: GraphNames) -> Reading:
    """The reading with the names of the graph among its unknown words."""
    left = set(unknown) - SOFT
    words = [found for found in WORD.finditer(reading.text) if found[0].strip(".'’/-+*") in left]
    houses = list(_find_long_names(reading.text, words, names))
    words = [word for word in words if not any(one.start <= word.start() < one.end for one in houses)]
    kept = [one for one in reading.mentions if not any(overlap(one, house) for house in houses)]
    mentions = (*kept, *houses, *_find_short_names(reading.text, words, names))
    return msgspec.structs.replace(reading, mentions=tuple(sorted(mentions, key=lambda one: one.start)))


def _find_long_names(text: str, words: list[re.Match[str]], names: GraphNames) -> Iterator[Mention]:
    """Names in capitals of which only a part is unknown: a house may be called "Chinese PLA General Hospital"."""
    for found in _LONG_NAME.finditer(text):
        inside = [word for word in words if found.start() <= word.start() < found.end()]
        if 0 < len(inside) < len(found[0].split()):
            concept = names.find(found[0], text[: found.start()])
            if concept is not None:
                yield Mention(*found.span(), {concept: found[0]})


def _find_short_names(text: str, words: list[re.Match[str]], names: GraphNames) -> Iterator[Mention]:
    """Names of unknown words alone; neighbours are one name if the graph has it."""
    while words:
        size = 1
        while size < min(len(words), 6) and words[size].start() - words[size - 1].end() == 1:
            size += 1
        for taken in range(size, 0, -1):
            start, end = words[0].start(), words[taken - 1].end()
            name = text[start:end].strip(".'’/-+*")
            concept = names.find(name, text[:start])
            if concept is not None:
                yield Mention(start, start + len(name), {concept: name})
                break
        words = words[taken:]
