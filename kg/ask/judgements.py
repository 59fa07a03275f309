"""What a question asks of one trial: whether a condition holds of it, and the words behind its facts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pyoxigraph import Store as Engine

from kg.ask.filters import Filter, list_trials
from kg.ask.sentences import put_mention
from kg.ask.understanding import Understanding
from kg.queries import Answer, list_answers, load_queries

CardReader = Callable[[str], dict[str, Any]]
"""Gives the card of a trial."""


def judge_check(engine: Engine, found: Understanding, answer: Answer, check: Filter) -> str:
    """Whether the trial asked about meets a condition: yes, or no where another value stands among the rows.

    Of several trials, those that meet it.
    """
    said = " ".join(put_mention(mention, "", concept) for concept, mention in check.uses)
    fact = check.uses[0][1].readings.get("fact")
    trials = {row["trial"]: str(row.get("registry_id")) for row in answer.rows}
    held = trials.keys() & list_trials(engine, check)
    about = [row for row in answer.rows if row.get("fact") == fact]
    answers = list_answers(load_queries()[found.query], found.parameters, about)
    verdict = "no" if about and "yes" in (answers or ("yes",)) else "not stated"
    if held:
        verdict = "yes" if len(held) == len(trials) else "only " + ", ".join(sorted(trials[one] for one in held))
    return f"{said}: {verdict}"


def quote_copied(answer: Answer, read_card: CardReader) -> Answer:
    """The answer with the words behind values that were copied from a field: the graph has none for those.

    Only the card, which reads the record again, has them.
    """
    cards = {row["trial"]: read_card(row["trial"]) for row in answer.rows if row["value"] and not row["quote"]}
    words = {
        (trial, re.sub(r"\.\d+", "", one["about"]), str(one["value"])): one["quote"]
        for trial, card in cards.items()
        for one in card["evidence"]
    }
    return Answer(
        answer.columns,
        tuple(
            {**row, "quote": row["quote"] or words.get((row["trial"], row["key"], row["value"]))}
            for row in answer.rows
        ),
    )
