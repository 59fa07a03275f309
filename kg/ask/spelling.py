"""Misspelt words, and the known word that each of them means."""

from __future__ import annotations

import re
from collections.abc import Container
from functools import cache

from kg.ask.mentions import SCHEMES, Mention, show_term
from kg.ask.words import NOISE, WORD
from kg.lexicon import fold, fold_width
from kg.queries import load_queries
from kg.vocabularies import load_vocabularies


@cache
def _known_words() -> frozenset[str]:
    """Words of all names, and of what stored queries are about."""
    names = [
        name
        for scheme in SCHEMES
        for term in load_vocabularies().scheme(scheme).values()
        for name in (term.label, *term.alt_labels, *term.forms, *term.case_forms, *term.context_forms)
    ]
    asked = [text for query in load_queries().values() for text in (query.question, query.title, *query.keywords)]
    words = set(re.findall(r"[^\W\d_][\w-]*[^\W_]", fold_width("\n".join((*names, *asked, *NOISE)))))
    return frozenset(part for word in words for part in (word, *word.split("-")) if len(part) > 3)


@cache
def _folded_words() -> dict[str, str]:
    return {fold(word): word for word in sorted(_known_words())}


@cache
def _country_words() -> dict[str, str]:
    """Countries of one word: "Chna" is one of them, and no other word of four letters is made a country."""
    labels = (term.label for term in load_vocabularies().scheme("country").values())
    return {fold(label): label for label in labels if label.isalpha() and len(label) > 3}


def is_country(word: str) -> bool:
    """Whether a word is the name of a country."""
    return fold(word) in _country_words()


def correct_words(
    text: str, mentions: tuple[Mention, ...], spared: re.Pattern[str] | None, kept: Container[str] = ()
) -> tuple[str, dict[str, str]]:
    """The text with misspelt words put right, and which.

    :param spared: Words that are no misspelt names.
    :param kept: Words to leave as they are.
    """
    covered = [span for mention in mentions for span in ((mention.start, mention.end), mention.word)]
    words: dict[str, str] = {}
    pieces, last = [], 0
    for found in WORD.finditer(text):
        word = found[0].strip(".'’/-+*")
        is_read = (
            word in kept
            or (spared is not None and spared.search(word))
            or any(start < found.end() and found.start() < end for start, end in covered)
        )
        right = None if is_read else find_near_word(word)
        if right is not None and len(words) < 8:
            words[word] = right
            pieces += [text[last : found.start()], right]
            last = found.start() + len(word)
    return "".join((*pieces, text[last:])), words


def find_near_word(word: str) -> str | None:
    """The known word that this one misspells; None where it is known, too short, or no single word is near.

    Digits are never corrected ("CD999" is not CD99), and a word in small letters is never made a symbol.

    >>> find_near_word("autologus"), find_near_word("BCMAA"), find_near_word("CD999"), find_near_word("recruiting")
    ('autologous', 'BCMA', None, None)
    """
    low, is_symbol = fold(word), word.isupper()
    is_short_name = len(low) == 4 and word[0].isupper() and not is_symbol
    if len(low) < (4 if is_symbol or is_short_name else 5) or len(low) > 40 or low in NOISE:
        return None
    known = _country_words() if is_short_name else _folded_words()
    if low in known:
        return None
    from rapidfuzz.distance import OSA

    plain = [name for name in NOISE if name[0] == low[0] and len(name) > 4 and OSA.distance(low, name) == 1]
    if plain or low.rstrip("s") in known:
        return min(plain, key=lambda name: (-len(name), name), default=None)
    digits = re.sub(r"\D", "", low)
    limit = 1 if is_symbol or len(low) < 10 else 2
    near: dict[int, list[str]] = {}
    for name, written in known.items():
        is_alike = written.isupper() == is_symbol or (len(low) > 6 and not written.isupper())
        if is_alike and name[0] == low[0] and abs(len(name) - len(low)) <= limit and re.sub(r"\D", "", name) == digits:
            near.setdefault(OSA.distance(low, name), []).append(written)
    best = near[min(near)] if near and min(near) <= limit else []
    is_single = len({fold(name).removesuffix("s") for name in best}) == 1
    return min(best, key=lambda name: (len(name), name)) if is_single else None


def list_near_words(word: str, limit: int = 2) -> list[str]:
    """Known words that a word looks like, to choose from."""
    from rapidfuzz import process

    low = fold(word[:60])
    if len(low) < 4:
        return []
    known = {name: written for name, written in _folded_words().items() if name != low}
    return [known[name] for name, *_ in process.extract(low, list(known), limit=limit, score_cutoff=80)]


def list_near_names(word: str, limit: int = 3) -> list[str]:
    """Antigens whose names look like a word, to choose from."""
    from rapidfuzz import process

    names = {
        name: notation
        for notation, term in load_vocabularies().scheme("antigen").items()
        for name in (term.label, notation, *term.forms)
        if len(name) < 12
    }
    found = process.extract(word.upper(), sorted(names), limit=limit * 3, score_cutoff=70)
    return list(dict.fromkeys(show_term("antigen", names[name]) for name, *_ in found))[:limit]
