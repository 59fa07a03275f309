"""Cell sources that words imply and do not name: whose blood is collected, what "universal" means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kg.extract.quotes import quote_around
from kg.lexicon import fold_width
from kg.model import Fact, Passage

_OWN = re.compile(
    r"\b(?:patient|subject|participant|recipient|child|person|individual)(?:'s|s'|s)?,? own\b|\b(?:your|their|his|"
    r"her|his/her) own (?:\w{1,14} ){0,3}"
    r"(?:cells?|T|NK|immune|blood|white|lymphocytes|body)|\b(?:T[- ]?cells?|lymphocytes|blood|PBMCs?|cells|"
    r"leukocytes|mononuclear cells \(PBMC\)|mononuclear cells|immune cells)"
    r"(?:,? (?:are|is|were|was|will be|that|which|have been|be|has been))?,? (?:\w{1,14} ){0,2}?(?:collected|"
    r"isolated|obtained|taken|removed|harvested|drawn|"
    r"extracted|separated|derived|gathered|purified)? ?from (?:the |each |their |a |these |eligible |"
    r"enrolled )?(?:peripheral blood of (?:the )?)?"
    r"(?:patients?|subjects?|participants?|individual'?s?|themselves)\b(?! (?:before|after|were|with))|"
    r"\b(?:patient|participant|"
    r"subject)[- ]derived\b|\bself[- ]derived\b|"
    r"\b(?:patient|participant|subject)s?['’]s? (?:T[- ]?cells|PBMCs?|white blood cells|lymphocytes|blood cells)\b|"
    r"\b(?:patient|participant|subject)s['’] PBMCs?\b|\bsample of (?:their|participants['’]) (?:white|T\b|blood)|"
    r"\btak(?:ing|es?) (?:white blood |blood |some )?cells from (?:the |a )?(?:patient|person)|"
    r"\bgives? (?:the |these )?(?:cells|them) back to the (?:person|patient|participant)|"
    r"\bcells (?:are|is|were|will be)(?: then)? (?:given|returned|infused|re-?infused) back (?:in)?to (?:the |each )?"
    r"(?:person|patient|participant|subject)|\bauto-?transfus\w+|"
    r"\b(?:patients?|participants?|you) will give us blood to make\b|"
    r"\b(?:blood|lymphocytes|PBMCs?) (?:will be|are|is) collected (?:for|to) (?:the )?(?:prepar|manufactur|produc|mak)|"
    r"\bcells? (?:will )?comes? from the (?:patient|participant)s?\b|"
    r"\bfrom (?:the |a )?(?:research |study )?(?:patient|participant|"
    r"subject)s?['’]?s? (?:own )?(?:peripheral )?blood\b",
    re.IGNORECASE,
)
_APHERESIS = re.compile(
    r"\b(?:patients?|subjects?|participants?|they|who|you|children|will|enrolled)\b[^.;\n]{0,60}?\b(?:undergo(?:es|ing)?|receive|have|complete|perform(?:ed)?|"
    r"for|underwent|by|after|a|to|be) (?:\w{1,14} ){0,3}(?:leu[ck]o?(?:cyte)?[- ]?apheresis|apheresis|leukopheresis)\b"
    r"|\b(?:leukapheresis|apheresis|leukopheresis) (?:procedure |will be performed\b|is performed\b|"
    r"of (?:the )?(?:patient|subject|participant)s?)"
    r"|\b(?:leuk)?apheresis(?:,| and| followed by)[^.;\n]{0,40}manufactur"
    r"|\b(?:at|after|following|from|since|before|prior to|time of) (?:the )?(?:leukapheresis|apheresis)\b",
    re.IGNORECASE,
)
_IMPLIED_ALLO = re.compile(
    r"\boff[- ]the[- ]shelf\b|\bU[- ]?CAR-?(?:T|NK|γδ)|(?<![A-Za-z])UCART?\d{0,3}|"
    r"\buniversal (?!health|agreement|coverage|consent|precaution)(?:[\w/]{1,14}[ -]){0,4}?(?:CAR|chimeric|T|NK|"
    r"cell injection)\b|"
    r"\b(?:CAR|chimeric)[^.;\n]{0,25}(?<!not )\buniversal\b|"
    r"\bAllo-(?!H?SCT|HCT|BMT|PBSC|transplant|graft|reactiv)(?=[A-Z]{2,5}\d|CAR|BCMA|NK)",
    re.IGNORECASE,
)
_ADAPTER = re.compile(r"UniCAR|adapt[eo]r|switchable|switch module|targeting module|convertible", re.IGNORECASE)
_INN = re.compile(r"\b\w{4,24}[ -]autoleucel\b", re.IGNORECASE)
"""Second word of an International Nonproprietary Name that says "autologous white cells" (WHO INN stem list, 2023)."""
_COLLECTION = re.compile(
    r"\b(?:leu[ck]o?(?:cyte)?[- ]?|lympho(?:cyte)?[- ]?)?apheresis\b|\bleukopheresis\b|"
    r"\b(?:mononuclear cells?|PBMCs?|T[- ]cells?|lymphocytes?|(?<!stem )(?<!marrow )(?<!progenitor )cell) collection\b|"
    r"\bcollection of (?:autologous )?(?:T[- ]cells|PBMCs?|lymphocytes|peripheral blood mononuclear)|"
    r"\bblood collection for (?:the )?(?:CAR|T[- ]cell|cell|manufactur|production|preparation)",
    re.IGNORECASE,
)
_COLLECTED_OTHERWISE = re.compile(
    r"donor|stem cell|marrow|hyperleu[ck]ocyt|hydroxyurea|plasma|allowed|permitted|granulocyt", re.IGNORECASE
)


def find_implied(passage: Passage) -> Iterator[Fact]:
    text = fold_width(passage.text)
    if not _ADAPTER.search(text):
        for found in _IMPLIED_ALLO.finditer(text):
            yield make_source("allogeneic", passage, found.start(), found.end(), "source.universal", "implied")
    for found in _INN.finditer(text):
        yield make_source("autologous", passage, found.start(), found.end(), "source.inn-stem", "implied")
    for found in _OWN.finditer(text):
        yield make_source("autologous", passage, found.start(), found.end(), "source.own-cells", "implied")
    for found in _APHERESIS.finditer(text):
        if "donor" not in text[max(0, found.start() - 60) : found.end() + 40].lower():
            yield make_source("autologous", passage, found.start(), found.end(), "source.leukapheresis", "implied")


def find_collection(passages: Sequence[Passage]) -> tuple[Fact, ...]:
    """A product is the participants' own where they must be fit to have the cells collected for it.

    Eligibility tells this and nothing else of the source: transplants and donors there are the patients' history.

    >>> [fact.value for fact in find_collection([Passage("eligibility", "text", 0, "Able to tolerate apheresis")])]
    ['autologous']
    """
    for passage in passages:
        text = fold_width(passage.text)
        for found in _COLLECTION.finditer(text):
            if not _COLLECTED_OTHERWISE.search(text, max(0, found.start() - 60), found.end() + 40):
                return (make_source("autologous", passage, found.start(), found.end(), "source.collection", "implied"),)
    return ()


def make_source(value: str, passage: Passage, start: int, end: int, rule: str, basis: str = "stated") -> Fact:
    return Fact(value, quote_around(passage, start, end), rule, basis, passage.text[start:end])
