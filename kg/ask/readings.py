"""Read a question in words: the names, times, dates and places in it, and what is left over.

Names come from the vocabularies that the extraction reads records with, so a new term is understood here too. Nothing
is guessed in silence: a corrected spelling is noted, and what has no meaning stays in view as a leftover.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from datetime import date

import msgspec

from kg.ask.ages import find_ages
from kg.ask.mentions import SCHEMES, Mention, overlap, show_term
from kg.ask.names import find_names, find_plain_names, keep_longest
from kg.ask.places import find_places, find_points
from kg.ask.single_facts import add_facts, find_fact_words
from kg.ask.spelling import correct_words
from kg.ask.times import find_dates, find_times
from kg.ask.values import find_limits, find_phrases, find_ranges, find_trials
from kg.ask.words import NOISE, list_words
from kg.lexicon import fold

MAX_LENGTH = 1000
_PHASES = re.compile(
    r"\bphases?\s(\d|i{1,3}v?|iv)([ab]?\s?(?:/|-|–|and|or|to|&|,)\s?)(?:phase\s)?"
    r"(?=(?:\d|i{1,3}|iv)[ab]?\b)",
    re.IGNORECASE,
)


_PHASE_RANGE = re.compile(
    r"\bphases?\s(?P<low>[1-4]|i{1,3}|iv)\s?(?P<joint>to|through|-|–)\s?(?:phase\s)?(?P<high>[1-4]|i{1,3}|iv)\b",
    re.IGNORECASE,
)
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4}


class Reading(msgspec.Struct, frozen=True):
    """A question that has been read. ``text`` has its spelling corrected, ``corrected`` says which words."""

    text: str
    mentions: tuple[Mention, ...]
    today: date
    corrected: dict[str, str] = {}

    @property
    def notes(self) -> Iterator[str]:
        """What the corrected words were read as."""
        for wrong, right in self.corrected.items():
            yield f"read '{wrong}' as {_name_at(self.text, right, self.mentions)}"


def read_question(
    question: str, today: date | None = None, spared: re.Pattern[str] | None = None, kept: Container[str] = ()
) -> Reading:
    """Find what a question names; names that are nearly known are corrected and noted.

    :param today: What "the last 6 months" counts from.
    :param spared: Words that are no misspelt names.
    :param kept: Words to leave as they are.

    >>> [mention.readings for mention in read_question("alogenic CD123 trials").mentions]
    [{'cell-source': 'allogeneic'}, {'antigen': 'IL3RA'}]
    """
    today = today or date.today()
    text = _spell_phases(" ".join(question.encode("utf-8", "replace").decode().split()))
    text = text.lower() if text.isupper() and len(text.split()) > 3 else text
    mentions = find_mentions(text, today)
    corrected, words = correct_words(text, mentions, spared, kept)
    return Reading(corrected, find_mentions(corrected, today) if words else mentions, today, words)


def _name_at(text: str, word: str, mentions: tuple[Mention, ...]) -> str:
    """The term whose name in the text is this word, else the word."""
    for mention in mentions:
        if text[mention.start : mention.end] == word and mention.concept in SCHEMES:
            return show_term(mention.concept, mention.readings[mention.concept])
    return word


def _spell_range(found: re.Match[str]) -> str:
    """Each phase of a range; a dash between neighbours ("phase I-II") is one trial of both."""
    low, high = (_ROMAN.get(found[name].lower()) or int(found[name]) for name in ("low", "high"))
    if high <= low or (found["joint"] in "-–" and high - low == 1):
        return found[0]
    return " or ".join(f"phase {number}" for number in range(low, high + 1))


def _spell_phases(text: str) -> str:
    """Write "phase I/II" out, so that each phase has its name.

    >>> _spell_phases("phase I/II trials"), _spell_phases("phases 1 and 2"), _spell_phases("phase 1 to 3")
    ('phase I/phase II trials', 'phase 1 and phase 2', 'phase 1 or phase 2 or phase 3')
    """
    text = _PHASE_RANGE.sub(_spell_range, text)
    for _ in range(3):
        text = _PHASES.sub(r"phase \1\2phase ", text)
    return re.sub(r"\bphases\s(?=\d|i)", "phase ", text, flags=re.IGNORECASE)


def find_mentions(text: str, today: date) -> tuple[Mention, ...]:
    """All that a text names, in text order; of what overlaps, the longer."""
    fixed: list[Mention] = []
    for found in (
        find_trials(text),
        find_phrases(text),
        find_ages(text),
        find_dates(text, today),
        find_points(text),
        find_times(text),
        find_limits(text),
    ):
        fixed += [mention for mention in list(found) if not any(overlap(mention, other) for other in fixed)]
    names = keep_longest(text, [*find_names(text), *find_plain_names(text)], fixed)
    measures = [mention for mention in names if "measure" in mention.readings]
    fixed += [one for one in find_ranges(text, measures) if not any(overlap(one, other) for other in (*fixed, *names))]
    places = [mention for mention in find_places(text) if not any(overlap(mention, other) for other in fixed)]
    free = [mention for mention in names if not any(overlap(mention, place) for place in places)]
    mentions = [*fixed, *places, *free]
    if any("trial" in mention.readings for mention in mentions):
        mentions = list(add_facts(mentions))
        for one in find_fact_words(text):
            mentions += [] if any(overlap(one, other) for other in mentions) else [one]
    return tuple(sorted(mentions, key=lambda mention: mention.start))


def list_leftovers(reading: Reading, spans: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    """Words with a meaning of their own that neither a mention nor one of ``spans`` covers."""
    left = list(reading.text)
    named = (span for mention in reading.mentions for span in ((mention.start, mention.end), mention.word))
    for start, end in (*named, *spans):
        left[start:end] = " " * (end - start)
    words = list_words("".join(left))
    return tuple(dict.fromkeys(word for word in words if fold(word).removesuffix("'s") not in NOISE))
