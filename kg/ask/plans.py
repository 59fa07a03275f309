"""Lay a kind of question over what a question names: which value each parameter of its query gets."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec

from kg.ask.intents import INTENTS, list_other_intents
from kg.ask.kinds import Intent
from kg.ask.mentions import Mention
from kg.ask.readings import Reading, list_leftovers
from kg.queries import StoredQuery, load_queries

_MARKS = {"cell-source": "¤", "condition": "¶"}
_NAMED = {
    "since": ("since", "date"),
    "updated_since": ("updated_since", "before"),
    "updated_until": ("updated_until", "before"),
    "min_days": ("min_days", "days"),
    "intervention": ("name",),
}
"""Names of parameters that take a concept, where they are not its own. Terms go to the parameter of their scheme."""

_NEGATION = re.compile(
    r"(?:\b(?:not|non|without|no|never|except|excluding|neither|nor|other than|apart from|outside|lack(?:s|ing)?)\b"
    r"|n't\b)[\s-]{0,5}(?:(?!and\b|but\b)[\w'-]{1,60}\s){0,3}$",
    re.IGNORECASE,
)
_NEXT_NEGATED = re.compile(r"\s{0,5}(?:,|/|,?\s?(?:or|nor|and))\s{0,5}(?:in\s|the\s)?", re.IGNORECASE)
_SILENCE = re.compile(
    r"\b(?:without|no|not|lack(?:s|ing)?|never|non|n't)[\s-](?:(?:an?|any|the|stated|being|using|giving|have|has|carry|"
    r"mention\w*|use|give|state)\s)*$",
    re.IGNORECASE,
)

Used = tuple[tuple[str, Mention], ...]
"""Mentions that give a parameter its values, each with the concept it is read as."""


class Plan(msgspec.Struct, frozen=True):
    """An intent laid over a question: which value each parameter gets, and what of the question it explains.

    :ivar negated: Mentions that the question turns round.
    :ivar is_silent: The question asks for what does *not* have what the intent is about.
    """

    intent: Intent
    values: dict[str, Used]
    spans: tuple[tuple[int, int], ...]
    negated: tuple[Mention, ...] = ()
    is_silent: bool = False
    score: int = 0

    def covers(self, mention: Mention) -> bool:
        """Whether the plan uses a mention, as a value or among its own words."""
        return (
            self.takes(mention)
            or self.intent.implies in mention.readings.values()
            or any(start <= mention.start and mention.end <= end for start, end in self.spans)
        )

    def takes(self, mention: Mention) -> bool:
        """Whether a mention gives a parameter its value."""
        return any(mention is used for values in self.values.values() for _, used in values)


def choose_plan(reading: Reading) -> Plan | None:
    """The plan that leaves fewest words unexplained, and of those the one that takes most of the question itself.

    Of equals, the first in the table.
    """
    masked = _mask(reading)
    plans = [plan for intent in (*INTENTS, *list_other_intents()) if (plan := _lay(intent, reading, masked))]
    return max(plans, key=lambda plan: (-len(list_leftovers(reading, plan.spans)), plan.score), default=None)


def _mask(reading: Reading) -> str:
    """The text with a mark for each character of a name, so that places stay."""
    text = list(reading.text)
    for mention in reading.mentions:
        text[mention.start : mention.end] = _MARKS.get(mention.concept, "§") * (mention.end - mention.start)
    return "".join(text)


def _find_spans(pattern: str, text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(pattern, text, re.IGNORECASE)] if pattern else []


def _lay(intent: Intent, reading: Reading, masked: str) -> Plan | None:
    """The intent over a question; None where the question does not ask for it."""
    query = load_queries().get(intent.query)
    readable: set[str] = {concept for mention in reading.mentions for concept in mention.readings}
    plainest = {mention.concept for mention in reading.mentions} | ({"ligand"} & readable)
    said = _find_spans(intent.says, masked)
    is_asked = said or plainest & set(intent.has) or not (intent.says or intent.has)
    if intent.refuses and readable & {"at_least", "at_most"}:
        return None  # a limit is no permission: "accept ECOG 2 or less"
    if not is_asked or (intent.is_alone and reading.mentions) or not set(intent.needs) <= readable:
        return None
    spans = (*said, *_find_spans(intent.also, masked))
    if sum("antigen" in mention.readings for mention in reading.mentions) > 1:
        spans = (*spans, *_find_spans(intent.joins, masked))
    negated, around = _find_negated(reading, spans)
    # What holds of one trial is judged, which answers "is it not …" too.
    negated = [mention for mention in negated if "fact" not in mention.readings]
    upright = {concept for mention in reading.mentions if mention not in negated for concept in mention.readings}
    if not set(intent.needs) <= upright:
        return None
    if query is None:
        return Plan(
            intent, {}, spans, score=sum(1 for one in reading.mentions if set(intent.needs) & set(one.readings)) + 2
        )
    own = [
        one
        for one in negated
        if "cell_source" in query.parameters and "answer" in query.columns and one.concept == "cell-source"
    ]
    kept = [mention for mention in reading.mentions if mention in own or mention not in negated]
    values = _fill(intent, query, kept, said)
    if intent.defaults and not any(name in values for name in ("km", "before", "status")):
        values |= _fill(intent, query, _add_defaults(intent, reading), said)
    if any(parameter.required and name not in values for name, parameter in query.parameters.items()):
        return None
    is_opposite = any(intent.implies in one.readings.values() for one in negated)
    silence = [found for start, _ in said if (found := _SILENCE.search(reading.text[:start]))]
    plan = Plan(
        intent,
        values,
        (*spans, *around, *(found.span() for found in silence)),
        tuple(negated),
        bool(silence) or is_opposite,
    )
    weights = (3 if "trial" in mention.readings else 1 for mention in reading.mentions if plan.covers(mention))
    return msgspec.structs.replace(plan, score=sum(weights) + bool(said))


def _add_defaults(intent: Intent, reading: Reading) -> list[Mention]:
    """What the question names, with what the intent takes where nothing is said."""
    end, mentions = len(reading.text), list(reading.mentions)
    for concept, value in intent.defaults:
        said = (reading.today + timedelta(days=int(value))).isoformat() if value.startswith("-") else value
        mentions.append(Mention(end, end, {concept: said}))
    return mentions


def _fill(intent: Intent, query: StoredQuery, mentions: list[Mention], said: list[tuple[int, int]]) -> dict[str, Used]:
    """Values of the query's parameters. A name inside the intent's words ("without stated donor") is part of them."""
    values: dict[str, Used] = {}
    for mention in mentions:
        if any(start <= mention.start and mention.end <= end for start, end in said):
            continue
        for concept in sorted(mention.readings, key=lambda one: one != intent.first):
            takes = [
                name
                for name, parameter in query.parameters.items()
                if parameter.scheme == concept or name in _NAMED.get(concept, (concept,))
            ]
            if takes:
                name = next((one for one in takes if one not in values), takes[0])
                values[name] = (*values.get(name, ()), (concept, mention))
                break
    return {name: values[name] for name in query.parameters if name in values}


def _find_negated(reading: Reading, spans: tuple[tuple[int, int], ...]) -> tuple[list[Mention], list[tuple[int, int]]]:
    """Names right behind a negation that is not part of the intent's own words, and where the negations stand.

    The negation reaches over a list: "not in China or Japan" turns both.
    """
    text = reading.text
    for start, end in (*spans, *((mention.start, mention.end) for mention in reading.mentions)):
        text = text[:start] + "§" * (end - start) + text[end:]
    negated: list[Mention] = []
    around: list[tuple[int, int]] = []
    for mention in reading.mentions:
        if any(start <= mention.start < end for start, end in spans) or mention.concept == "has_results":
            continue
        found = _NEGATION.search(text[: mention.start])
        last = negated[-1] if negated else None
        if last is not None and mention.start == last.end:
            negated.append(mention)  # two values that share one word ("children")
        elif found is not None:
            negated.append(mention)
            around.append((found.start(), mention.start))
        elif (
            last is not None
            and last.concept == mention.concept
            and _NEXT_NEGATED.fullmatch(reading.text[last.end : mention.start])
        ):
            negated.append(mention)
    return negated, around
