"""Cell source: whose cells a product is made from.

A source word counts only where it speaks of the product: "autologous" before a transplant, a donor kept as back-up and
anything in the history of patients say nothing about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from kg.extract.implied_sources import find_implied, make_source
from kg.extract.memories import remember
from kg.extract.rules import Rule
from kg.extract.source_contexts import has_cells_beside, is_about_product, is_beside_the_product, is_negated
from kg.lexicon import fold_width, open_lexicon
from kg.model import Fact, Passage
from kg.vocabularies import load_vocabularies

SEARCHED = (
    "title",
    "official title",
    "intervention",
    "other name",
    "intervention description",
    "arm",
    "arm description",
    "summary",
    "description",
    "keyword",
)
"""Parts that may tell the source; eligibility and outcomes speak of patients."""
_DONOR = re.compile(
    r"\b(?:from|of|by|using|obtained from|collected from|derived from|isolated from|donated by|"
    r"with)\s(?:\w{1,14}\s){0,4}?"
    r"(?P<kind>healthy|normal|related|unrelated|haploidentical|sibling|third[- ]party|HLA[- ]matched|matched|"
    r"partially matched|"
    r"transplant|stem cell|HSCT|original|same|prior|previous|universal|adult|family|suitable|allogen\w{2,4})?[ -]?"
    r"(?:(?:adult|human|volunteer|cell|blood|HLA[- ]matched|HSCT|transplant|transplantation|"
    r"allogen\w{2,4})\s){0,2}donors?\b"
    r"|\bdonor'?s?['’]? (?:T|NK|CAR|lymphocytes?|peripheral blood|PBMCs?|leuk|cells|blood|apheresis)\b|\bdonor CAR",
    re.IGNORECASE,
)
_EITHER = re.compile(
    r"\b(?:the |their )?(?:patients?|subjects?|participants?|recipients?)(?:'s? own| themselves)?,? or\b", re.IGNORECASE
)
_IN_VIVO = re.compile(
    r"\bin[- ]vivo (?:(?!(?:and|or|of|with|in|the|by|after|stud|model|mouse|mice|kinetic|preclinical|persist|"
    r"expan|surviv|distribut|fate)\w{0,9}\b)\w{1,14}[ -]){0,4}?(?:CAR\b|CAR-|chimeric|"
    r"gene[- ]engineer|engineered|generat\w{2,4}|"
    r"gene transfer|transduction|programm\w{2,4})"
    r"|\bin[- ]vivo (?:(?!(?:and|of|with|stud\w+|model\w*)\b)[\w()-]{1,16} ){0,5}?[\w()-]{0,16}(?:targeted|"
    r"targeting|directed|specific)[ -]CAR\b"
    r"|\b(?:LNPs?|nanoparticles?)\b[^.;\n]{0,60}\b(?:encod|encapsul|deliver|carr|contain|"
    r"with )[^.;\n]{0,60}\b(?:CAR\b|chimeric)"
    r"|\bgenerate (?:CAR|chimeric)[^.;\n]{0,50}\b(?:inside|within|in) the (?:body|patient)"
    r"|\bin situ (?:\w{1,14}[ -]){0,3}?CAR\b|\bCAR[^.;\n]{0,30}\b(?:generated|produced|engineered) in[- ]vivo\b",
    re.IGNORECASE,
)
_OFF_SHELF = re.compile(r"\boff[- ]the[- ]shelf\b|\bready[- ](?:to|for)[- ]use\b", re.IGNORECASE)
_DONOR_KINDS = {
    "healthy": "healthy donor",
    "normal": "healthy donor",
    "related": "related donor",
    "sibling": "related donor",
    "family": "related donor",
    "unrelated": "unrelated donor",
    "third": "unrelated donor",
    "haploidentical": "haploidentical donor",
    "transplant": "transplant donor",
    "stem": "transplant donor",
    "hsct": "transplant donor",
    "original": "transplant donor",
    "same": "transplant donor",
    "prior": "transplant donor",
    "previous": "transplant donor",
}


def find_sources(passages: Sequence[Passage]) -> tuple[Fact, ...]:
    """What the passages say of whose cells the product is made from, each value once, the surest first.

    >>> [fact.value for fact in find_sources([Passage("title", "text", 0, "Donor Derived CD117 CAR-T Cell")])]
    ['donor', 'allogeneic']
    """
    searched = [passage for passage in passages if passage.part in SEARCHED]
    stated = _collect(fact for passage in searched for fact in _find_stated(passage))
    if stated:
        return stated
    return _collect(fact for passage in searched for fact in _find_implied(passage))


_find_implied = remember(find_implied)


def _collect(facts: Iterator[Fact]) -> tuple[Fact, ...]:
    """Each value once, and after a detail the wider value that it means."""
    vocabularies = load_vocabularies()
    found: dict[str, Fact] = {}
    for fact in facts:
        term = vocabularies.scheme("cell-source")[str(fact.value)]
        for wider in vocabularies.widen(term):
            found.setdefault(wider.notation, msgspec.structs.replace(fact, value=wider.notation))
    return tuple(found.values())


@remember
def _find_stated(passage: Passage) -> Iterator[Fact]:
    text = fold_width(passage.text)
    for match in open_lexicon("cell-source").find(passage.text):
        value = match.term.notation
        is_listed = passage.part in ("intervention", "other name", "keyword")
        if is_beside_the_product(text, match.start, match.end, value):
            continue
        if not (is_listed or has_cells_beside(text, match.start, match.end)):
            continue
        if value in (
            "related donor",
            "unrelated donor",
            "transplant donor",
            "healthy donor",
            "haploidentical donor",
            "cord blood",
        ) and not is_about_product(text, match.start, match.end):
            continue
        yield make_source(
            value,
            passage,
            match.start,
            match.end,
            f"source.{value.replace(' ', '-')}",
            "implied" if value in ("iPSC", "cell line") else "stated",
        )
    for found in _DONOR.finditer(text):
        if not is_about_product(text, found.start(), found.end()):
            continue
        kind = (found["kind"] or "").lower()
        value = next((name for head, name in _DONOR_KINDS.items() if kind.startswith(head)), "donor")
        yield make_source(value, passage, found.start(), found.end(), "source.donor-phrase")
        if _EITHER.search(found[0]):
            yield make_source("autologous", passage, found.start(), found.end(), "source.donor-phrase")
    for found in _IN_VIVO.finditer(text):
        yield make_source("in vivo", passage, found.start(), found.end(), "source.in-vivo")


def find_off_the_shelf(passages: Sequence[Passage]) -> Fact | None:
    """Whether the product is said to be made ahead."""
    return next((fact for one in passages if one.part in SEARCHED for fact in _read_off_the_shelf(one)), None)


@remember
def _read_off_the_shelf(passage: Passage) -> Iterator[Fact]:
    found = _OFF_SHELF.search(fold_width(passage.text))
    if found and not is_negated(passage.text[max(0, found.start() - 20) : found.start()]):
        yield Fact(True, passage.quote(found.start(), found.end()), "source.off-the-shelf")


RULES = (Rule("interventions.off_the_shelf", find_off_the_shelf),)
