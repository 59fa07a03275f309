"""What a question means: the stored query it asks for, with its parameters, or why it cannot be answered.

Nothing that changes the meaning is dropped in silence: what was not understood is named, and what cannot be asked is
refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date

import msgspec

from kg.ask.filters import Filter, make_filters, put_values, split_values
from kg.ask.graph_names import GraphNames, add_names
from kg.ask.hints import EXAMPLES, hint_at
from kg.ask.intents import own_words
from kg.ask.joint_filters import join_status_and_place
from kg.ask.mentions import Mention
from kg.ask.plans import Plan, Used, choose_plan
from kg.ask.readings import MAX_LENGTH, Reading, list_leftovers, read_question
from kg.ask.sentences import is_turned, list_notes, list_unknown, put_mention, put_plan, show_mention
from kg.ask.words import SOFT
from kg.lexicon import fold
from kg.queries import load_queries

_MAX_RUNS = 16
_MAX_UNKNOWN = 12
"""More unknown words are no question, and each would be looked up in the graph."""
_TURNING = re.compile(
    r"not|non|no|none|nor|neither|never|without|negative|except|exclud\w*|lack\w*|unless|"
    r"rather|instead|\w{1,40}n't",
    re.IGNORECASE,
)
"""Words that, left over, would turn the answer round."""
_JUDGED = frozenset({"antigen", "country", "region", "site", "endpoint-kind"})
"""Concepts that a trial has or has not, beside those that are values of its single facts."""
_TOP = re.compile(r"\btop\s(?:the\s)?([1-9]\d{0,3})\b", re.IGNORECASE)
_COUNTED = re.compile(r"\bhow many\b|\bnumber of\b|\bcount\b", re.IGNORECASE)


class Understanding(msgspec.Struct, frozen=True):
    """What a question means. ``query`` is empty where it was not understood, and ``hint`` says why.

    :ivar parameters: As the query takes them; several values of one are joined by "and" or "or".
    :ivar unknown: Words that were not understood.
    :ivar filters: Conditions that the query does not take, each asked by itself.
    :ivar uses: Every condition, of the query and of the filters that keep.
    :ivar limit: How many rows of a ranking to keep; 0 keeps all.
    :ivar checks: Conditions on the one trial asked about, each to be judged.
    :ivar answers: Three-valued answers to keep; all when empty.
    :ivar keeps: Columns and values of the only rows to keep: those that have one of them.
    """

    query: str
    parameters: dict[str, str]
    unknown: tuple[str, ...]
    sentence: str
    hint: str = ""
    filters: tuple[Filter, ...] = ()
    uses: Used = ()
    checks: tuple[Filter, ...] = ()
    answers: tuple[str, ...] = ()
    keeps: tuple[tuple[str, str | bool], ...] = ()
    is_count: bool = False
    limit: int = 0


def understand_question(question: str, today: date | None = None, names: GraphNames | None = None) -> Understanding:
    """Find the stored query that a question asks for, and its parameters. Needs no graph.

    :param names: Names of a graph, for those that no vocabulary has.

    >>> understand_question("who targets CD123?").sentence
    'trials binding IL3RA (CD123) [trials_by_target_and_source target=IL3RA]'
    """
    if not question.strip():
        return _refuse("nothing", "The question is empty. " + EXAMPLES)
    if len(question) > MAX_LENGTH:
        return _refuse("nothing", f"The question has {len(question):,} characters; ask in at most {MAX_LENGTH:,}")
    if re.search(r"[{}]", question):
        return _refuse("nothing", "That looks like SPARQL. Ask in words, or name a stored query: `kg query --list`")
    reading = read_question(question, today, own_words())
    plan, unknown = _lay_out(reading)
    in_vain = [wrong for wrong, right in reading.corrected.items() if right in unknown]
    if in_vain:  # a word that means nothing either way is named as it was typed
        reading = read_question(question, today, own_words(), in_vain)
        plan, unknown = _lay_out(reading)
    if names is not None and 0 < len(unknown) <= _MAX_UNKNOWN:
        reading = add_names(reading, unknown, names)
        plan, unknown = _lay_out(reading)
    return _refuse_unknown(reading, plan, unknown) or _explain(reading, plan, unknown)


def _lay_out(reading: Reading) -> tuple[Plan | None, tuple[str, ...]]:
    plan = choose_plan(reading)
    return plan, list_leftovers(reading, plan.spans if plan else ())


def _refuse(sentence: str, hint: str, unknown: tuple[str, ...] = ()) -> Understanding:
    return Understanding("", {}, unknown, sentence, hint)


def _refuse_unknown(reading: Reading, plan: Plan | None, unknown: tuple[str, ...]) -> Understanding | None:
    """Why the question cannot be answered, where words with a meaning are left or nothing is asked; else None.

    The card of a trial shows all there is: what of it a question asks for may stay open.
    """
    limit = _read_limit(reading, plan)
    hard = tuple(word for word in unknown if fold(word) not in SOFT and not (limit and word == str(limit)))
    is_card = plan is not None and plan.intent.query == "trial_card"
    if plan is not None and (not hard or is_card):
        return None
    known = ", ".join(put_mention(mention, reading.text) for mention in reading.mentions)
    understood = [f"only: {known}"] if known else []
    understood += [list_unknown(hard)] if hard else []
    turning = next((word for word in hard if _TURNING.fullmatch(word)), None)
    hint = EXAMPLES
    if hard and not (turning and plan):
        hint = hint_at(reading, hard, is_clear=plan is not None)
    elif turning:
        hint = f"'{turning}' turns the meaning, and kg cannot tell what of"
    return _refuse("; ".join(understood) or "nothing that kg can ask for", hint, unknown)


def _read_limit(reading: Reading, plan: Plan | None) -> int:
    """The number of "top 10", of what comes ranked: a list of trials does not."""
    found = _TOP.search(reading.text)
    is_ranked = plan is not None and "trials" in (
        load_queries()[plan.intent.query].columns if plan.intent.query else {}
    )
    return int(found[1]) if found is not None and is_ranked else 0


def _list_kept(filters: list[Filter]) -> list[Used]:
    return [one.uses for one in filters if not one.is_negated]


def _explain(reading: Reading, plan: Plan | None, unknown: tuple[str, ...]) -> Understanding:
    """The plan with its parameters and filters, in words; a refusal where part of it cannot be asked."""
    if plan is None:
        return _refuse("nothing that kg can ask for", EXAMPLES)
    if plan.intent.refuses:
        return _refuse_intent(reading, plan)
    parameters = {name: put_values(used, reading) for name, used in plan.values.items()}
    rest = [one for one in reading.mentions if not plan.covers(one)]
    is_card = "trial" in plan.values and not plan.negated  # what of one trial a question names stands on its card
    checks = list(_make_checks(reading, plan)) if is_card else []
    filters = [] if is_card else make_filters(rest, reading, plan.negated)
    if isinstance(filters, Mention):
        said = put_mention(filters, reading.text)
        hint = f"kg cannot narrow this question to what is {said}"
        return _refuse(f"a condition that cannot be asked here: {said}", hint)
    uses = tuple(one for used in (*plan.values.values(), *_list_kept(filters)) for one in used)
    filters = join_status_and_place(plan.values, filters, reading)
    checks = join_status_and_place(plan.values, checks, reading) if checks else []
    refusal = _refuse_plan(reading, plan, filters)
    if refusal is not None:
        return refusal
    if math.prod(map(len, split_values(parameters).values())) > _MAX_RUNS:
        return _refuse("too many names at once", "Ask about fewer names in one question")
    limit = _read_limit(reading, plan)
    judged = {id(mention) for one in checks for _, mention in one.uses}
    on_card = [one for one in rest if is_card and id(one) not in judged]
    notes = _list_remarks(reading, on_card, unknown, limit)
    return Understanding(
        plan.intent.query,
        parameters,
        unknown,
        "; ".join((put_plan(plan, reading, parameters, filters), *reading.notes, *list_notes(plan, filters), *notes)),
        filters=tuple(filters),
        uses=uses,
        checks=tuple(checks),
        keeps=plan.intent.keeps,
        answers=("no", "not stated") if is_turned(plan) else (),
        limit=limit,
        is_count=plan.intent.query != "facts_of_trial" and _COUNTED.search(reading.text) is not None,
    )


def _make_checks(reading: Reading, plan: Plan) -> Iterator[Filter]:
    """A filter for each condition that a question about one trial names: "is it allogeneic?" is to be judged."""
    taken = {id(mention) for used in plan.values.values() for concept, mention in used if concept != "fact"}
    ends = [mention for mention in reading.mentions if mention.concept == "up_to"]
    for mention in reading.mentions:
        is_condition = "fact" in mention.readings or (mention.concept in _JUDGED and not plan.covers(mention))
        is_asked = is_condition and id(mention) not in taken
        span = [mention, *(one for one in ends if one.start == mention.end)]  # an age range is one condition
        made = make_filters(span, reading, ()) if is_asked else mention
        if not isinstance(made, Mention):
            yield from made


def _refuse_intent(reading: Reading, plan: Plan) -> Understanding:
    """Why the graph cannot answer this kind of question."""
    needs = set(plan.intent.needs)
    about = next(one for one in reading.mentions if needs & set(one.readings))
    shown = show_mention(about, next(iter(needs & set(about.readings))))
    return _refuse(f"{plan.intent.head}: {shown}", plan.intent.refuses.format(shown))


def _refuse_plan(reading: Reading, plan: Plan, filters: list[Filter]) -> Understanding | None:
    """Why the stored query cannot take what the question asks of it; None where it can."""
    query = load_queries()[plan.intent.query]
    if filters and "trial" not in query.columns:
        said = ", ".join(put_mention(mention, reading.text) for one in filters for _, mention in one.uses)
        taken = ", ".join(name.replace("_", " ") for name in query.parameters) or "nothing"
        return _refuse(
            f"{plan.intent.head}, but not {said}",
            f"kg cannot narrow '{query.title}' to what is {said}; it can by {taken}. Ask for the trials instead",
        )
    measures = {mention.readings["measure"] for _, mention in plan.values.get("measure", ())}
    if len(measures) > 1 and plan.values.keys() & {"at_least", "at_most"}:
        return _refuse(
            f"limits of several measures at once: {', '.join(sorted(measures))}",
            f"Ask for one measure at a time, as in 'trials that require {min(measures)} …'",
        )
    if plan.is_silent and "answer" not in query.columns:
        return _refuse(f"what has no {plan.intent.head}", "'not' turns the meaning, and kg cannot tell what of")
    return None


def _list_remarks(reading: Reading, on_card: list[Mention], unknown: tuple[str, ...], limit: int) -> list[str]:
    """What is to be looked for in the answer, how much of it is kept, and which words were not used."""
    look = ", ".join(put_mention(one, reading.text) for one in on_card)
    left = ", ".join([word[:40] for word in unknown if not (limit and word == str(limit))][:8])
    remarks = {"look there for: ": look, "the first ": str(limit or ""), "not used: ": left}
    return [head + text for head, text in remarks.items() if text]
