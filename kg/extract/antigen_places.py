"""Where antigens are named: forms of the vocabulary, abbreviated lists ("CD19/20/22"), codes ("CART-19", "19-28z")."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

import msgspec

from kg.lexicon import Match, fold, fold_width, open_lexicon
from kg.vocabularies import load_vocabularies

_BINDER_AFTER = re.compile(
    r"[)\]]?[- .]?(?:(?:based|derived|receptor|ligand)[- ])?(?:CAR|[Cc]himeric|UCAR|T[- ]?cells?\b|NK\b)"
)
_SHORT_LIST = re.compile(
    r"CD(?<![A-Za-z]CD) ?(\d{1,3}[a-z]?)((?:(?:\s?[/&+,-]\s?|\.(?=\d\d))(?:CD)?\d{1,3}[a-z]?){1,6})(?![A-Za-z\d.]|"
    r"[x×*]\d)",
    re.IGNORECASE,
)
_CROSS = re.compile(r"(CD(?<![A-Za-z]CD)\d{1,3}[a-z]?)(?:x(?:CD)?|CD)(\d{1,3}[a-z]?)(?![A-Za-z\d])", re.IGNORECASE)
_CLUSTER = re.compile(r"\bcluster of differentiation (?:antigen )?(?:\(CD\)[ -]?)?(\d{1,3}[a-z]?)\b", re.IGNORECASE)
_CODE = re.compile(
    r"(?<![A-Za-z])(?:(?:[A-Za-z][a-z]{1,8})?U?CAR-?T?|[45]?SCAR|[hH][uU]?CART|fh?CAR|"
    r"CTL)[- .]?(\d{2,3}[ab]?)(?![\d%.]|[A-Za-z]{2}|"
    r" ?(?:days?|months?|years?|weeks?))"
)
_CONSTRUCT = re.compile(r"C(?:AR-?T?|TL)[- .]?\d\d")
"""What every text with a `_CODE` holds; quickly sought."""
_CODE_CHAIN = re.compile(r"(?:CAR(?<![A-Za-z]CAR)T?|LV(?<![A-Za-z]LV))-?(\d\d(?:[./-]\d\d){1,3})(?!\d)")
"""Numbers after a construct's name: "CAR20.19.22", "LV20.19"."""
_UCAR = r"CAR(?:(?<![A-Za-z]CAR)|(?<=UCAR)(?<![A-Za-z]UCAR))"
"""CAR or UCAR where a word begins: sought by its letters, which is faster than by what comes before."""
_CODE_DIGIT = re.compile(rf"{_UCAR}T?([57])(?![\d.%A-Za-z]|-\d)")
_CODE_TAIL = re.compile(rf"{_UCAR}-?T-[A-Za-z]{{2,12}}-(\d\d)(?![\d%.])")
"""A number after a name in a construct's code: "CART-meso-19"."""
_CODE_LIST = re.compile(r"(?<![A-Za-z])[45]?SCAR[- ]?((?:[A-Za-z\d]{2,6}[/,]){1,10}[A-Za-z\d]{2,6})")
_CHAIN = re.compile(r"(?<![A-Za-z\d.])(\d{2,3})(?:-\d{2,3})?[.-]?(?:28|BB)[.-]?(?:z|ζ|zeta)", re.IGNORECASE)
_DOMAINS = re.compile(r"(?:28|bb)[.-]?z")
"""What every folded text with a `_CHAIN` holds."""


class Place(msgspec.Struct, frozen=True):
    """A name of an antigen in a passage, before it is judged.

    :ivar is_contextual: The form means the antigen only beside a binder word.
    :ivar is_code: A construct's code implies the antigen ("CART-19").
    :ivar is_switch: The name is part of a marker or safety switch ("truncated EGFR").
    """

    start: int
    end: int
    antigen: str
    is_contextual: bool = False
    is_code: bool = False
    is_switch: bool = False


def find_places(text: str) -> tuple[Place, ...]:
    """Names of antigens in a text, with abbreviated lists and codes written out.

    >>> [place.antigen for place in find_places("CD19/20/22 CAR-T")]
    ['CD19', 'MS4A1', 'CD22']
    >>> [place.antigen for place in find_places("CART-19 and 4SCAR20/22/PSMA")]
    ['CD19', 'MS4A1', 'CD22', 'FOLH1']
    """
    folded = fold_width(text)
    named = list(map(_place, open_lexicon("antigen").find(text)))
    if "CD" in folded or "cd" in folded:
        named += (*_expand_crosses(folded), *_expand_lists(folded))
    named += _expand_codes(folded)
    if not named:
        return ()
    found, switches, binders = _Spans(), _Spans(), _Spans()
    for place in named:
        found.add(place)
    for match in open_lexicon("safety-switch").find(text):
        switches.add(_place(match))
    for match in open_lexicon("ligand").find(text):
        if not match.is_contextual:
            binders.add(_place(match))
    return tuple(
        msgspec.structs.replace(place, is_switch=True) if switches.overlaps(place) else place
        for place in found.places
        if not _is_binder(folded, place, binders)
    )


class _Spans:
    """Places in text order that do not overlap: the first to come stays."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self._starts: list[int] = []

    def find(self, place: Place) -> Place | None:
        """A held place that overlaps this one."""
        at = bisect_right(self._starts, place.start)
        near = (*self.places[max(0, at - 1) : at], *self.places[at : at + 1])
        return next((other for other in near if other.start < place.end and place.start < other.end), None)

    def overlaps(self, place: Place) -> bool:
        """Whether a held place overlaps this one."""
        return self.find(place) is not None

    def add(self, place: Place) -> None:
        """Hold the place unless another is there."""
        if not self.overlaps(place):
            at = bisect_right(self._starts, place.start)
            self._starts.insert(at, place.start)
            self.places.insert(at, place)


def _is_binder(text: str, place: Place, binders: _Spans) -> bool:
    """Whether the name is that of a natural binder, which binds another antigen ("APRIL CAR-T" binds BCMA)."""
    other = binders.find(place)
    if other is None or not _BINDER_AFTER.match(text, place.end):
        return False
    vocabularies = load_vocabularies()
    bound = vocabularies.scheme("ligand")[other.antigen].extra.get("bindsAntigen", ())
    return place.antigen not in {vocabularies.refer(iri).notation for iri in bound}


def _place(match: Match) -> Place:
    return Place(match.start, match.end, match.term.notation, match.is_contextual)


def _lookup(name: str) -> str | None:
    """Antigen that a bare code names: "19" is CD19."""
    for form in (f"CD{name}",) if name[:1].isdigit() else (name,):
        matches = open_lexicon("antigen").find(form)
        if len(matches) == 1 and matches[0].end - matches[0].start == len(form):
            return matches[0].term.notation
    return None


def _expand_crosses(text: str) -> Iterator[Place]:
    """ "CD19xCD20" names both."""
    for found in _CROSS.finditer(text):
        for group in (1, 2):
            antigen = _lookup(found[group])
            if antigen:
                yield Place(found.start(group), found.end(group), antigen)


def _expand_lists(text: str) -> Iterator[Place]:
    for found in _SHORT_LIST.finditer(text):
        for number in re.finditer(r"\d{1,3}[a-z]?", found[2], re.IGNORECASE):
            antigen = _lookup(number[0])
            if antigen:
                start = found.start(2) + number.start()
                yield Place(start, start + len(number[0]), antigen)


def _list_codes(text: str) -> Iterator[re.Pattern[str]]:
    """Expressions for codes with one number, less those that the text cannot hold for lack of a few letters."""
    low = fold(text)
    if ("CAR" in text or "CTL" in text) and _CONSTRUCT.search(text):
        yield _CODE
    if ("28" in low or "bb" in low) and _DOMAINS.search(low):
        yield _CHAIN
    if "CAR" in text:
        yield from (_CODE_DIGIT, _CODE_TAIL)
    if "cluster of diff" in low:
        yield _CLUSTER


def _expand_codes(text: str) -> Iterator[Place]:
    for found in _CODE_LIST.finditer(text) if "SCAR" in text else ():
        for name in re.finditer(r"[A-Za-z\d]{2,6}", found[1]):
            antigen = _lookup(name[0])
            if antigen:
                start = found.start(1) + name.start()
                yield Place(start, start + len(name[0]), antigen, is_code=True)
    for found in _CODE_CHAIN.finditer(text) if "CAR" in text or "LV" in text else ():
        for number in re.finditer(r"\d\d", found[1]):
            antigen = _lookup(number[0])
            if antigen:
                start = found.start(1) + number.start()
                yield Place(start, start + 2, antigen, is_code=True)
    for pattern in _list_codes(text):
        for found in pattern.finditer(text):
            antigen = _lookup(found[1])
            if antigen:
                yield Place(found.start(1), found.end(1), antigen, is_code=pattern is not _CLUSTER)
