"""Single facts of one trial: the words that ask for each, and what a name in a question is a fact about.

Facts are called as the ontology labels them; ``facts_of_trial`` takes them so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from kg.ask.kinds import COSTIMULATION
from kg.ask.mentions import Mention

_PEOPLE = r"(?:patients?|people|participants?|subjects?|volunteers?)"
_WORDS: dict[str, tuple[str, ...]] = {
    r"\bsponsor\w*|\bwho(?:'s| is)? (?:runs?|funds?|leads?|running|funding|leading|behind)\b|\bcompany\b": ("sponsor",),
    r"\bphases?\b": ("phase",),
    r"\b(?:recruitment )?status\b|\bongoing\b": ("recruitment status",),
    rf"\b(?:how many|number of)\s(?:\w{{1,40}}\s){{0,2}}?{_PEOPLE}\b(?:[^?.]{{0,200}}\benroll?\w*)?"
    r"|\benroll?\w*|\bsample size\b|\bhow (?:big|large)\b": ("enrolment",),
    r"\bprimary completion(?: dates?)?\b": ("primary completion date",),
    r"\bcompletion(?: dates?)?\b|\b(?:end|ends|ended|ending|finish\w*|complete)\b(?: dates?\b)?": ("completion date",),
    r"\bstart\w*(?: dates?)?\b|\bbeg[aiu]n\w*\b|\bcommenc\w+|\blaunch\w*": ("start date",),
    r"\b(?:first )?(?:posted|registered)\b|\bregistration date\b": ("first post date",),
    r"\bage(?:s|d)?(?: (?:range|limits?))?\b|\bhow old\b": ("minimum age", "maximum age"),
    r"\bsex(?:es)?\b|\bgenders?\b": ("sex",),
    r"\bmask(?:ing|ed)\b|\bblind(?:ing|ed)\b": ("masking",),
    r"\ballocat\w+\b": ("allocation",),
    r"\bpurpose\b": ("primary purpose",),
    r"\bstudy type\b|\btype of study\b": ("study type",),
    r"\bconditions?\b|\bdiseases?\b|\bindications?\b": ("condition as written",),
    r"\b(?:how many|number of) arms\b": ("number of arms",),
    r"\btitles?\b": ("title",),
    r"\bresults\b": ("has results",),
    r"\bcontacts?\b|\binvestigators?\b": ("contact",),
    r"\blympho-?deplet\w+|\b(?:pre-?)?conditioning\b": ("lymphodepletion",),
    rf"{COSTIMULATION}(?: domains?\b)?": ("co-stimulation",),
    r"\bsafety switch\w*|\bsuicide (?:genes?|switch\w*)": ("safety switch",),
    r"\bgene[- ]?edit\w*|\bknock(?:ed)?-?\s?outs?\b": ("gene edit",),
    r"\bdonors?\b|\b(?:cell )?sources?\b|\bwhose cells\b": ("cell source",),
    r"\bmodality\b|\b(?:kind|type) of (?:cell therapy|therapy|product|cells)\b": ("modality",),
}
"""The facts that words (a pattern) ask for, in a question that names a trial."""

_CONCEPTS = {
    "cell-source": "cell source",
    "modality": "modality",
    "cell-type": "cell type",
    "phase": "phase",
    "status": "recruitment status",
    "condition": "condition as written",
    "disease-setting": "disease setting",
    "study-type": "study type",
    "sponsor": "sponsor",
    "sex": "sex",
    "age": "minimum age",
    "allocation": "allocation",
    "masking": "masking",
    "healthy_volunteers": "healthy volunteers",
    "has_results": "has results",
    "costimulation": "co-stimulation",
    "safety-switch": "safety switch",
    "gene": "gene edit",
    "drug": "lymphodepletion",
    "product": "named product",
    "since": "first post date",
    "until": "first post date",
    **{f"started_{limit}": "start date" for limit in ("since", "until")},
    **{f"completed_{limit}": "completion date" for limit in ("since", "until")},
}
"""The fact that a concept is a value of: "is it allogeneic" asks for the cell source."""


def find_fact_words(text: str) -> Iterator[Mention]:
    """Words that ask for facts; where one word asks for two, each takes a share of the place.

    >>> [one.readings for one in find_fact_words("who sponsors it?")]
    [{'fact': 'sponsor'}]
    """
    for pattern, facts in _WORDS.items():
        for found in re.finditer(pattern, text, re.IGNORECASE):
            for number, fact in enumerate(facts):
                end = found.end() if number == len(facts) - 1 else found.start() + number + 1
                yield Mention(found.start() + number, end, {"fact": fact})


def add_facts(mentions: Iterable[Mention]) -> Iterator[Mention]:
    """The mentions, each with the fact that it is a value of as one more reading.

    An age asks for both limits, so the second one gets a mention without words.
    """
    for mention in mentions:
        fact = next((_CONCEPTS[concept] for concept in mention.readings if concept in _CONCEPTS), None)
        readings = mention.readings | ({"fact": fact} if fact else {})
        yield msgspec.structs.replace(mention, readings=readings)
        if "age" in mention.readings:
            yield Mention(mention.end, mention.end, {"fact": "maximum age"})
