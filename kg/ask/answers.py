"""Answer a question in words from a graph."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date

import msgspec
from pyoxigraph import Store as Engine

from kg.ask.filters import FILTERS, Filter, is_named, list_trials, split_values
from kg.ask.graph_names import GraphNames
from kg.ask.judgements import CardReader, judge_check, quote_copied
from kg.ask.sentences import put_mention
from kg.ask.understanding import Understanding, understand_question
from kg.errors import count, cut
from kg.queries import Answer, StoredQuery, list_answers, load_queries, run_query

_DATES = {
    "first posted": ({"since", "until", "date"}, "since"),
    "started": ({"started_since", "started_until"}, "started_since"),
    "completed": ({"completed_since", "completed_until"}, "completed_since"),
    "last updated": ({"updated_since", "updated_until", "before"}, "updated_since"),
}
"""Per date the parameters that limit it, and one of ``trials`` that finds whoever states it."""


class Reply(msgspec.Struct, frozen=True):
    """How a question was understood, and its answer; None where it was not understood, with a hint."""

    query: str
    parameters: dict[str, str]
    understood: str
    answer: Answer | None
    hint: str


def answer_question(engine: Engine, question: str, read_card: CardReader | None = None) -> Reply:
    """Answer a question in words.

    :param read_card: Gives the card of a trial (its IRI), for the words behind values copied from a field.
    :raises LimitReached: the answer has more rows than anybody can use.
    """
    names = GraphNames(engine)
    found = understand_question(question, names=names)
    if not found.query:
        return Reply("", {}, found.sentence, None, found.hint)
    answer = _filter(engine, _run(engine, load_queries()[found.query], found), found)
    if found.limit:
        answer = Answer(answer.columns, answer.rows[: found.limit])
    if found.query == "facts_of_trial" and read_card is not None:
        answer = quote_copied(answer, read_card)
    sentence = found.sentence + (_count(answer, found) if found.is_count else "")
    sentence += "".join(f"; {judge_check(engine, found, answer, one)}" for one in found.checks)
    for what, stating in _list_dates(engine, found):
        if not stating:
            hint = f"No record read tells when a trial was {what}. Ask for another date, as in 'started after 2020'"
            return Reply("", {}, found.sentence, None, hint)
        sentence += f"; {stating:,} trials tell when they were {what}"
    for concept, name in _list_free_names(found) if not answer.rows else ():
        if not names.is_known(concept, name):
            near = names.list_near(concept, name)
            if near:
                hint = f"No record names a {concept} like {cut(name)}. Did you mean {' or '.join(near)}?"
                return Reply("", {}, found.sentence, None, hint)
            sentence += f"; no record names a {concept} like {cut(name)}"
    trial = found.parameters.get("trial")
    if not answer.rows and trial and not run_query(engine, load_queries()["trial_card"], {"trial": trial}).rows:
        sentence += f"; no record read describes {trial}"
    unstated = [] if answer.rows else list(_list_unstated(engine, found))
    sentence += f"; no record read says: {', '.join(unstated)}" if unstated else ""
    return Reply(found.query, found.parameters, sentence, answer, found.hint)


def _list_dates(engine: Engine, found: Understanding) -> Iterator[tuple[str, int]]:
    """The dates that a question asks for, each with the number of trials whose record states it."""
    asked = {name for given in (found.parameters, *(one.parameters for one in found.filters)) for name in given}
    for what, (names, since) in _DATES.items():
        if asked & names:
            yield what, len(run_query(engine, load_queries()["trials"], {since: date.min.isoformat()}).rows)


def _list_unstated(engine: Engine, found: Understanding) -> Iterator[str]:
    """Conditions that no trial meets even alone: nothing was read that says so, whatever else is asked."""
    for concept, mention in found.uses:
        query, name = FILTERS.get(concept, ("", ""))
        if (
            query
            and name
            and concept not in ("site", "sponsor")  # told by name already
            and concept != "up_to"  # nothing without the age it ends
            and not list_trials(engine, Filter(query, {name: mention.readings[concept]}, ()))
        ):
            yield put_mention(mention, "", concept)


def _list_free_names(found: Understanding) -> list[tuple[str, str]]:
    """Sites and sponsors that the question asks for."""
    asked = (found.parameters, *(one.parameters for one in found.filters if not one.is_negated))
    return [
        (name, value)
        for given in asked
        for name, values in split_values(given).items()
        for value in values
        if name in ("sponsor", "site")
    ]


def _filter(engine: Engine, answer: Answer, found: Understanding) -> Answer:
    """The rows of the trials that meet every filter."""
    rows = answer.rows
    for one in found.filters if rows else ():
        trials = list_trials(engine, one)
        rows = tuple(row for row in rows if (row["trial"] in trials) != one.is_negated)
    return Answer(answer.columns, rows)


def _run(engine: Engine, query: StoredQuery, found: Understanding) -> Answer:
    """Run the query for each combination of values. "and" keeps the trials that every one of its values gives."""
    values = split_values(found.parameters)
    rows: dict[str, dict[str, object]] = {}
    trials: dict[tuple[str, str], set[object]] = {}
    for chosen in itertools.product(*values.values()):
        given = dict(zip(values, chosen, strict=True))
        for row in run_query(engine, query, given).rows:
            if is_named(row, given) and (not found.answers or row.get("answer") in found.answers):
                rows.setdefault(repr(row), row)
                for name, value in given.items():
                    if name != "age" or row.get("answer") != "no":
                        trials.setdefault((name, value), set()).add(row.get("trial"))
    kept = list(rows.values())
    for name, several in values.items():
        if len(several) > 1 and " and " in found.parameters[name] and "trial" in query.columns:
            shared = set.intersection(*(trials.get((name, value), set()) for value in several))
            kept = [row for row in kept if row["trial"] in shared]
    if found.keeps:
        kept = [row for row in kept if any(row[column] == value for column, value in found.keeps)]
    return Answer(tuple(query.columns), tuple(kept))


def _count(answer: Answer, found: Understanding) -> str:
    """The number of trials, by answer where the question has three."""
    if "trial" not in answer.columns or "trial" in found.parameters:
        return f": {count(len(answer.rows), 'row')}"
    answers = list_answers(load_queries()[found.query], found.parameters, answer.rows)
    by_answer = {kind: len({row["trial"] for row in answer.rows if row["answer"] == kind}) for kind in answers}
    told = ", ".join(f"{number} {kind}" for kind, number in by_answer.items() if kind != "yes" or found.answers)
    number = by_answer.get("yes", 0) if by_answer and not found.answers else len({row["trial"] for row in answer.rows})
    told += "" if found.answers or not told else " beside"
    told = "; ".join(part for part in (told, _count_each(answer, found)) if part)
    return f": {count(number, 'trial')}" + (f" ({told})" if told else "")


def _count_each(answer: Answer, found: Understanding) -> str:
    """The number of trials for each of several values that are compared."""
    several = ((name, values) for name, values in split_values(found.parameters).items() if len(values) > 1)
    return ", ".join(
        f"{len({row['trial'] for row in answer.rows if row[name] == value})} {value}"
        for name, values in several
        if name in answer.columns and " or " in found.parameters[name]
        for value in values
    )
