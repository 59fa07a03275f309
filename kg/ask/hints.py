"""How to ask instead, where a question was not understood."""

from __future__ import annotations

import re
from datetime import date

from kg.ask.intents import own_words
from kg.ask.readings import Reading, find_mentions
from kg.ask.spelling import list_near_names, list_near_words
from kg.ask.values import looks_like_antigen
from kg.ask.words import HINTS
from kg.errors import cut

EXAMPLES = (
    "Ask for example 'allogeneic CD123 trials', 'recruiting phase 1 CAR-NK studies in China' or 'synonyms of "
    "BCMA'; `kg query --list` names every question"
)
_BINDING = r"(?:\btarget(?:s|ing)|\banti-?|\bagainst|\bbind(?:s|ing)|\b(?:synonym|name)s? (?:of|for))\s?"


def hint_at(reading: Reading, unknown: tuple[str, ...], *, is_clear: bool) -> str:
    """What the unknown words may have meant.

    :param is_clear: Whether the question is understood without them.
    """
    strange = _find_strange_antigen(reading, unknown)
    if strange is not None:
        near = list_near_names(strange)
        return f"{cut(strange)[1:-1]} is no antigen that kg knows" + (
            f". Did you mean {' or '.join(near)}?" if near else ""
        )
    told = next((hint for word in unknown for words, hint in HINTS.items() if re.fullmatch(words, word, re.I)), "")
    named = () if told else (name for word in unknown[:4] for name in list_near_words(word) if _is_asked_by(name))
    near = list(dict.fromkeys(named))[:4]
    means = (
        f"{', '.join(cut(word, 40) for word in unknown[:4])} {'means' if len(unknown) == 1 else 'mean'} nothing to kg"
    )
    parts = [means, told, f"Did you mean {' or '.join(near)}?" if near else ""]
    if is_clear and len(unknown) < 3:
        parts.append(f"Leave {'it' if len(unknown) == 1 else 'them'} out, or name a stored query: `kg query --list`")
    elif not told:
        parts.append(EXAMPLES)
    return ". ".join(part.rstrip(".") for part in parts if part).replace("?. ", "? ")


def _is_asked_by(word: str) -> bool:
    """Whether a question can be put with this word: a part of a longer name means nothing by itself."""
    return bool(own_words().search(word) or find_mentions(word, date.today()))


def _find_strange_antigen(reading: Reading, unknown: tuple[str, ...]) -> str | None:
    """An unknown word that is written as antigens are, or stands where one must ("who targets FOO?")."""
    for word in unknown:
        pattern = rf"{_BINDING}{re.escape(word)}(?![\w-])"
        if looks_like_antigen(word) or re.search(pattern, reading.text, re.IGNORECASE):
            return word
    return None
