"""Find the names of vocabulary terms in text: one pass, exact offsets, whole words.

Registries spell one name many ways ("IL-13Rα2", "IL13Ra2", "IL‑13 R alpha 2"). Text is folded character by
character, so
offsets stay valid; a form is expanded once into the spellings it stands for, and an Aho–Corasick automaton
(Aho & Corasick 1975, https://doi.org/10.1145/360825.360855) finds all of them together.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from functools import cache, cached_property, lru_cache

import msgspec
from ahocorasick_rs import AhoCorasick

from kg.vocabularies import Term, load_vocabularies

_GREEK = {
    "α": ("a", "alpha"),
    "β": ("b", "beta"),
    "γ": ("g", "gamma"),
    "δ": ("d", "delta"),
    "ε": ("e", "epsilon"),
    "ζ": ("z", "zeta"),
    "κ": ("k", "kappa"),
    "λ": ("l", "lambda"),
    "μ": ("u", "mu"),
    "µ": ("u", "mu"),
}
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u00ad"
_SPACES = "\u00a0\u2002\u2003\u2009\u200a\u202f\u3000\t\n\r\x0b\x0c"
_FOLD = {
    **{ord(greek): latin for greek, (latin, _) in _GREEK.items()},
    **{ord(greek.upper()): latin for greek, (latin, _) in _GREEK.items() if len(greek.upper()) == 1},
    **dict.fromkeys(map(ord, _DASHES), "-"),
    **dict.fromkeys(map(ord, _SPACES), " "),
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if code != 0xFF0D},
    ord("\u2019"): "'",
    ord("\u2018"): "'",
    ord("\u2032"): "'",
}
_FOLD_CHARS = {chr(code): char for code, char in _FOLD.items()}
_NO_CHAR = "\ufffd"
"""What a lone surrogate is read as: the matcher's UTF-8 has none."""
_ODD = re.compile(f"[{re.escape(''.join(_FOLD_CHARS))}\ud800-\udfff]")
_BLANKS = "\t\n\r\x0b\x0c"
_SHORT_GREEK = re.compile(r"(?<=[A-Z])([abgd])(?![a-z])")
_BREAK = re.compile(r"[-\s]+|(?<=[A-Za-z])(?=\d)")
_PART = re.compile(r"[-\s\x00]+|(?<=[A-Za-z])(?=\d)")
_MAX_BREAKS = 4
_MAX_GREEK = 3
_SHORT_TO_GREEK = {"a": "α", "b": "β", "g": "γ", "d": "δ"}


@lru_cache(maxsize=512)
def fold_width(text: str) -> str:
    """Fold dashes, spaces, full-width and Greek characters, one for one.

    Several rules read each passage in turn; the last results are kept for them.

    >>> fold_width("CD19‑CAR γδ")
    'CD19-CAR gd'
    """
    # One replacement for each odd character that is there: `str.translate` looks at every letter by itself.
    for char in filter(text.__contains__, _BLANKS) if text.isascii() else set(_ODD.findall(text)):
        text = text.replace(char, _FOLD_CHARS.get(char, _NO_CHAR))
    return text


def fold(text: str) -> str:
    """Fold width and ASCII case; the length never changes.

    >>> fold("IL‑13Rα2")
    'il-13ra2'
    """
    return _lower(fold_width(text))


@lru_cache(maxsize=512)
def _lower(text: str) -> str:
    """Fold ASCII case, once for the rules that read a passage in turn."""
    return _fold_case(text)


def _fold_case(text: str) -> str:
    """Fold ASCII case only: ``str.lower`` may change the length of other text, ``bytes.lower`` leaves it alone."""
    return text.lower() if text.isascii() else text.encode().lower().decode()


def expand_form(form: str) -> frozenset[str]:
    """Every folded-width spelling that a form stands for.

    Hyphen, space and nothing are alike where the form has one of them and between letters and the digits that follow.

    >>> sorted(expand_form("CD-7"))
    ['CD 7', 'CD-7', 'CD7']
    >>> "IL-13R alpha 2" in expand_form("IL-13Ra2")
    True
    """
    text = _SHORT_GREEK.sub(lambda found: _SHORT_TO_GREEK[found[1]], form)
    if text.isascii():
        return frozenset(_expand_breaks(fold_width(text)))
    spelled: list[str] = [""]
    is_single = sum(char in _GREEK for char in text) > _MAX_GREEK
    for char in text:
        if char in _GREEK:
            latin, name = _GREEK[char]
            # A separator may stand before a Greek letter written out, and after it ("IL-13R alpha 2").
            tails = (latin,) if is_single else (latin, f"\x00{name}\x00", f"\x00{latin}")
            spelled = [head + tail for head in spelled for tail in tails]
        else:
            spelled = [head + char for head in spelled]
    return frozenset(itertools.chain.from_iterable(_expand_breaks(fold_width(one)) for one in spelled))


def _expand_breaks(text: str) -> Iterator[str]:
    if "\x00" in text:
        text = text.strip("\x00").replace("\x00\x00", "\x00")
        text = text.replace("-\x00", "-").replace("\x00-", "-").replace("\x00 ", " ")
    parts = _PART.split(text)
    breaks = len(parts) - 1
    if breaks > _MAX_BREAKS:
        written = _BREAK.sub(lambda found: found[0][:1] and " ", text.replace("\x00", " "))
        yield written
        yield text.replace("\x00", "-")
        return
    spelled = parts[:1]
    for part in parts[1:]:
        spelled = [head + sep + part for head in spelled for sep in ("", "-", " ")]
    yield from spelled


class Match(msgspec.Struct, frozen=True, gc=False):
    """A term's name in a text: ``text[start:end]``.

    :ivar is_contextual: True when the form means the term only beside a binder word.
    """

    start: int
    end: int
    term: Term
    is_contextual: bool = False


Entry = tuple[Term, str | None, bool]
"""What a spelling names: the term, the case it must have if that tells, and whether the form needs a context."""


class Lexicon:
    """A matcher over the forms of some vocabularies.

    :param terms: The terms to find.
    :param glued_before: Folded words that may touch a name from the left ("anti" in "antiCD19").
    :param glued_after: Folded words that may touch it from the right ("car" in "CD19CAR").
    :param digits_after: Whether a digit may follow ("CART19" names the modality).
    """

    def __init__(
        self,
        terms: Iterable[Term],
        *,
        glued_before: tuple[str, ...] = (),
        glued_after: tuple[str, ...] = (),
        digits_after: bool = False,
    ) -> None:
        self._before, self._after, self._digits = glued_before, (*glued_after, "s"), digits_after
        entries: dict[str, list[Entry]] = {}
        for term in terms:
            for forms, is_cased, is_contextual in (
                (term.forms, False, False),
                (term.case_forms, True, False),
                (term.context_forms, False, True),
            ):
                plain = (term, None, is_contextual)
                for spelling in set().union(*map(expand_form, forms)):
                    entry = (term, spelling, is_contextual) if is_cased else plain
                    entries.setdefault(_fold_case(spelling), []).append(entry)
        self.entries = entries
        self._listed = tuple(entries.values())

    @cached_property
    def _automaton(self) -> AhoCorasick:
        return AhoCorasick(self.entries)

    def find(self, text: str) -> list[Match]:
        """Names in ``text``, in order, longest first where they overlap.

        >>> [text.notation for text in (match.term for match in open_lexicon("antigen").find("anti-CD123 CAR-T"))]
        ['IL3RA']
        """
        width = fold_width(text)
        low = _lower(width)
        found: list[Match] = []
        for key, start, end in self._automaton.find_matches_as_indexes(low, overlapping=True):
            if self.is_word(low, start, end):
                found.extend(_match_case(self._listed[key], width, start, end))
        return _keep_longest(found) if len(found) > 1 else found

    def is_word(self, low: str, start: int, end: int) -> bool:
        """Whether ``low[start:end]`` stands alone, or beside what may touch it."""
        if start and low[start - 1].isalnum():
            if not low.endswith(self._before, 0, start):
                return False
            glued = next(word for word in self._before if low.endswith(word, 0, start))
            if start > len(glued) and low[start - len(glued) - 1].isalnum():
                return False
        if end < len(low) and low[end].isalnum():
            if self._digits and low[end].isdigit():
                return True
            if not low.startswith(self._after, end):
                return False
            glued = next(word for word in self._after if low.startswith(word, end))
            after = end + len(glued)
            return glued != "s" or after >= len(low) or not low[after].isalnum()
        return True


class JointLexicon:
    """Lexicons that one pass over a text searches together."""

    def __init__(self, *lexicons: Lexicon) -> None:
        held: dict[str, list[tuple[int, Lexicon, list[Entry]]]] = {}
        for at, lexicon in enumerate(lexicons):
            for key, entries in lexicon.entries.items():
                held.setdefault(key, []).append((at, lexicon, entries))
        self._automaton = AhoCorasick(held)
        self._held = tuple(held.values())
        self._count = len(lexicons)

    def find(self, text: str) -> tuple[list[Match], ...]:
        """What each lexicon finds in ``text``, as `Lexicon.find` tells it."""
        width = fold_width(text)
        low = _lower(width)
        found: tuple[list[Match], ...] = tuple([] for _ in range(self._count))
        for key, start, end in self._automaton.find_matches_as_indexes(low, overlapping=True):
            for at, lexicon, entries in self._held[key]:
                if lexicon.is_word(low, start, end):
                    found[at].extend(_match_case(entries, width, start, end))
        return tuple(map(_keep_longest, found))


def _match_case(entries: list[Entry], width: str, start: int, end: int) -> list[Match]:
    return [
        Match(start, end, term, is_contextual)
        for term, cased, is_contextual in entries
        if cased is None or width[start:end] == cased
    ]


def _keep_longest(found: list[Match]) -> list[Match]:
    """Drop matches that lie inside, or overlap, a longer one; of equals, prefer a form that needs no context."""
    kept: list[Match] = []
    taken_to = -1
    for match in sorted(found, key=lambda one: (one.start, -one.end, one.is_contextual, one.term.notation)):
        if match.start >= taken_to:
            kept.append(match)
            taken_to = match.end
        elif (
            kept
            and match.start == kept[-1].start
            and match.end == kept[-1].end
            and match.term is not kept[-1].term
            and match.is_contextual == kept[-1].is_contextual
            and match.term.scheme != kept[-1].term.scheme
        ):
            kept.append(match)
    return kept


@cache
def open_lexicon(*schemes: str) -> Lexicon:
    """The matcher over the named vocabularies, built once.

    Glue words fit how constructs are written: "antiCD19", "CD19CAR", "CART19".
    """
    vocabularies = load_vocabularies()
    terms = [term for scheme in schemes for term in vocabularies.scheme(scheme).values()]
    if "antigen" in schemes:
        return Lexicon(
            terms,
            glued_before=("anti", "ucart", "cart", "car", "scar"),
            glued_after=("car", "ucar", "bite", "pos", "neg"),
        )
    return Lexicon(terms, digits_after="modality" in schemes)
