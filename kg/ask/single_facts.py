"""Single facts of one trial: the words that ask for each, and what a name in a question is a fact about.

Facts are called as the ontology labels them; ``facts_of_trial`` takes them so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

import msgspec

from kg.ask.mentions import Mention
from kg.fields import Field, load_fields

_ANY_END = r"\w{0,40}"
_CONCEPTS = {
    "age": "minimum age",
    "gene": "gene edit",
    "drug": "lymphodepletion",
    "condition": "condition as written",
    "since": "first post date",
    "until": "first post date",
    **{f"started_{limit}": "start date" for limit in ("since", "until")},
    **{f"completed_{limit}": "completion date" for limit in ("since", "until")},
}
"""The fact that a concept is a value of, where no field has the concept's vocabulary."""


@cache
def _list_words() -> dict[re.Pattern[str], tuple[str, ...]]:
    """Words of questions, and the facts that they ask for, as the fields declare them."""
    found: dict[str, tuple[str, ...]] = {}
    for field in load_fields().all:
        for words in field.asked_as:
            found[words] = (*found.get(words, ()), _name_fact(field))
    patterns = {words: words.replace("…", _ANY_END) for words in found}
    return {re.compile(rf"\b(?:{patterns[words]})(?!\w)", re.IGNORECASE): facts for words, facts in found.items()}


def _name_fact(field: Field) -> str:
    """What ``facts_of_trial`` calls a fact: its label, or that of the span of which it is an end."""
    is_end = len(load_fields().of_group(field.group)[field.key]) > 1
    return field.shown_as if is_end else field.label


@cache
def _list_concepts() -> dict[str, str]:
    """The fact that a concept is a value of: "is it allogeneic" asks for the cell source."""
    fields = [one for one in reversed(load_fields().all) if one.group in ("", "interventions")]
    by_scheme = {one.scheme: one.label for one in fields if one.scheme}
    by_key = {one.key: one.label for one in load_fields().of_class("Trial")}
    return {**by_key, **by_scheme, **_CONCEPTS}


def find_fact_words(text: str) -> Iterator[Mention]:
    """Words that ask for facts; where one word asks for two, each takes a share of the place.

    >>> [one.readings for one in find_fact_words("who sponsors it?")]
    [{'fact': 'sponsor'}]
    """
    taken: list[tuple[int, int, tuple[str, ...]]] = []
    for pattern, facts in _list_words().items():
        for found in pattern.finditer(text):
            if any(found.start() < end and start < found.end() and same == facts for start, end, same in taken):
                continue  # inside longer words for the same
            taken.append((*found.span(), facts))
            for number, fact in enumerate(facts):
                end = found.end() if number == len(facts) - 1 else found.start() + number + 1
                yield Mention(found.start() + number, end, {"fact": fact})


def add_facts(mentions: Iterable[Mention]) -> Iterator[Mention]:
    """The mentions, each with the fact that it is a value of as one more reading.

    An age asks for both limits, so the second one gets a mention without words.
    """
    concepts = _list_concepts()
    for mention in mentions:
        fact = next((concepts[concept] for concept in mention.readings if concept in concepts), None)
        readings = mention.readings | ({"fact": fact} if fact else {})
        yield msgspec.structs.replace(mention, readings=readings)
        if "age" in mention.readings:
            yield Mention(mention.end, mention.end, {"fact": "maximum age"})
