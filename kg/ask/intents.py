"""What a question can be about: all kinds of questions, in order of preference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from kg.ask.facts import FACTS_ASKED
from kg.ask.kinds import Intent
from kg.ask.listings import LISTINGS
from kg.ask.words import NOISE
from kg.queries import load_queries

INTENTS = (*FACTS_ASKED, *LISTINGS)
"""In order of preference: among intents that explain as much of a question, the first is taken."""


def list_other_intents() -> Iterator[Intent]:
    """Queries that no intent names are asked for by the keywords of their header."""
    named = {intent.query for intent in INTENTS}
    for name, query in load_queries().items():
        special = [re.escape(word) for word in query.keywords if word.casefold() not in NOISE and len(word) > 3]
        if special and name not in named and not query.must_be_empty:
            words = rf"\b(?:{'|'.join(special)})s?\b"
            yield Intent(name, query.title[0].lower() + query.title[1:], words)


@cache
def own_words() -> re.Pattern[str]:
    """Words that the table itself knows, so that they are not taken for misspelt names."""
    patterns = [pattern for intent in INTENTS for pattern in (intent.says, intent.also) if pattern]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
