"""Cell source: whose cells a product is made from.

A source word counts only where it speaks of the product: "autologous" before a transplant, a donor kept as back-up and
anything in the history of patients say nothing about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from kg.extract.quotes import quote_around
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
_CELLS = re.compile(
    r"\b(?:CAR|cells?|lymphocytes?|T|NK|PBMCs?|leukocytes|product|CTLs?|TILs?|iNKT|Tregs?|macrophages|monocytes|CART|UCART|"
    r"CAR-?T|TCR|precursor|vaccine|STAR|immunotherapy)\b|CAR[-T]|CART|γδ|gd ?T"
)
_TRANSPLANT = re.compile(
    r"[ -]?(?:serum|plasma|tumou?r)\b|[ -]?(?:(?:and|or|/)[ -]?(?:autologous|"
    r"allogen\w{2,4})[ -])?(?:\w{1,14}[ -]){0,4}?(?:stem|transplant\w{0,8}|"
    r"HSCT|HCT|SCT|BMT|ASCT|"
    r"hematopoietic|haematopoietic|bone marrow|hemopoietic|marrow|graft|aHSCT|alloHSCT|PBSC|CD34)",
    re.IGNORECASE,
)
_HISTORY = re.compile(
    r"(?:\bprior|\bprevious(?:ly)?|\bhistory of|\bafter|\bfollowing|\bfailed|\bpost[- ]|\bbridg\w{1,4} to|"
    r"\bundergo(?:ing|ne)?|"
    r"\bbefore|\bineligible for|\brelapsed? after)\s(?:\w{1,14}\s){0,3}$",
    re.IGNORECASE,
)
_SIDE = re.compile(
    r"back-?up|availab|identified|match(?:ed)? donor (?:search|identified)|search|eligible donor|\bversus\b|unlike|"
    r"compared (?:with|to)|chimerism|\bcontrols?\b|allograft|(?:is|are) not\b|instead of|rather than|limitation|"
    r"traditional|conventional",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:not|non-?|no|without|neither|instead of|rather than|unlike|than|versus|vs\.?)[ -]?(?:an? |the |any )?$",
    re.IGNORECASE,
)
_COMPARED_BEFORE = re.compile(
    r"\b(?:compared (?:with|to)|in contrast to|contrary to|unlike|than|over|versus|vs\.?|instead of|rather than|"
    r"alternatives? to|(?:limitations?|drawbacks?|shortcomings|disadvantages?|problems?|challenges|costs?|burden|"
    r"complexity) (?:of|with|in)|current(?:ly)?|existing|conventional|traditional|commercial(?:ly)?|marketed|approved)"
    r"[ -](?:(?:the|all|most|available|existing|current|approved|conventional|traditional|standard|other) ){0,2}$",
    re.IGNORECASE,
)
_COMPARED_AFTER = re.compile(
    r"[^.;!?\n]{0,60}?\b(?:is|are|was|were|remains?|can be|may be|has|have|takes?|requires?|suffers?|involves?)\b"
    r"[^.;!?\n]{0,40}?\b(?:expensive|cost(?:s|ly)?|slow\w*|time-?\s?consuming|weeks|delay\w*|long(?:er)? (?:time|wait|"
    r"production|manufactur)\w*|limit(?:s|ed|ations?)|drawbacks?|shortcomings|disadvantages?|challeng\w+|difficult\w*|"
    r"complex|cumbersome|(?:not|rarely) (?:always )?(?:available|feasible|possible))",
    re.IGNORECASE,
)
"""Another product that the trial's is set against: "autologous CAR-T is expensive; we use …"."""
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
_OFF_SHELF = re.compile(r"\boff[- ]the[- ]shelf\b|\bready[- ](?:to|for)[- ]use\b", re.IGNORECASE)
_ADAPTER = re.compile(r"UniCAR|adapt[eo]r|switchable|switch module|targeting module|convertible", re.IGNORECASE)
_INN = re.compile(r"\b\w{4,24}[ -]autoleucel\b", re.IGNORECASE)
"""Second word of an International Nonproprietary Name that says "autologous white cells" (WHO INN stem list, 2023)."""
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


def _collect(facts: Iterator[Fact]) -> tuple[Fact, ...]:
    """Each value once, and after a detail the wider value that it means."""
    vocabularies = load_vocabularies()
    found: dict[str, Fact] = {}
    for fact in facts:
        term = vocabularies.scheme("cell-source")[str(fact.value)]
        for wider in vocabularies.widen(term):
            found.setdefault(wider.notation, msgspec.structs.replace(fact, value=wider.notation))
    return tuple(found.values())


def _find_stated(passage: Passage) -> Iterator[Fact]:
    text = fold_width(passage.text)
    for match in open_lexicon("cell-source").find(passage.text):
        before, after = text[max(0, match.start - 60) : match.start], text[match.end : match.end + 60]
        value = match.term.notation
        if _HISTORY.search(before) or _NEGATED.search(before) or _TRANSPLANT.match(after) or _SIDE.search(after[:35]):
            continue
        if _is_compared(text, match.start, match.end):
            continue
        if value in ("autologous", "allogeneic") and _is_list_before_transplant(after):
            continue
        if not (
            _CELLS.search(after)
            or _CELLS.search(before[-30:])
            or passage.part in ("intervention", "other name", "keyword")
        ):
            continue
        if value in (
            "related donor",
            "unrelated donor",
            "transplant donor",
            "healthy donor",
            "haploidentical donor",
            "cord blood",
        ) and not _is_about_product(text, match.start, match.end):
            continue
        yield _fact(
            value,
            passage,
            match.start,
            match.end,
            f"source.{value.replace(' ', '-')}",
            "implied" if value in ("iPSC", "cell line") else "stated",
        )
    for found in _DONOR.finditer(text):
        if not _is_about_product(text, found.start(), found.end()):
            continue
        kind = (found["kind"] or "").lower()
        value = next((name for head, name in _DONOR_KINDS.items() if kind.startswith(head)), "donor")
        yield _fact(value, passage, found.start(), found.end(), "source.donor-phrase")
        if _EITHER.search(found[0]):
            yield _fact("autologous", passage, found.start(), found.end(), "source.donor-phrase")
    for found in _IN_VIVO.finditer(text):
        yield _fact("in vivo", passage, found.start(), found.end(), "source.in-vivo")


def _is_compared(text: str, start: int, end: int) -> bool:
    """Whether a source is that of a product which the trial's own is compared with."""
    return bool(_COMPARED_BEFORE.search(text, max(0, start - 60), start) or _COMPARED_AFTER.match(text, end))


def _is_list_before_transplant(after: str) -> bool:
    """ "autologous or allogeneic HSCT" speaks of the transplant."""
    return bool(
        re.match(
            r"(?:/|,| or| and)[ -]?(?:allo|auto)\w{0,8}[ -](?:\w{1,14}[ -]){0,2}(?:HSCT|SCT|HCT|stem|transplant|"
            r"BMT|hematopoietic)",
            after,
            re.IGNORECASE,
        )
    )


def _is_about_product(text: str, start: int, end: int) -> bool:
    """Whether the words around a donor speak of the making of cells, and not of a transplant or a search."""
    around = text[max(0, start - 80) : end + 50]
    if (
        _SIDE.search(text[start : end + 25])
        or _TRANSPLANT.match(text[end : end + 40])
        or _HISTORY.search(text[max(0, start - 40) : start])
    ):
        return False
    return bool(
        re.search(
            r"\b(?:CAR|T|NK|γδ|iNKT)[- ]?(?:cells?|T|NK)?\b|lymphocytes|PBMC|manufactur|leukapheresis|apheresis|"
            r"produced|CART|derived|generated|engineered",
            around,
        )
    )


def _find_implied(passage: Passage) -> Iterator[Fact]:
    text = fold_width(passage.text)
    if not _ADAPTER.search(text):
        for found in _IMPLIED_ALLO.finditer(text):
            yield _fact("allogeneic", passage, found.start(), found.end(), "source.universal", "implied")
    for found in _INN.finditer(text):
        yield _fact("autologous", passage, found.start(), found.end(), "source.inn-stem", "implied")
    for found in _OWN.finditer(text):
        yield _fact("autologous", passage, found.start(), found.end(), "source.own-cells", "implied")
    for found in _APHERESIS.finditer(text):
        if "donor" not in text[max(0, found.start() - 60) : found.end() + 40].lower():
            yield _fact("autologous", passage, found.start(), found.end(), "source.leukapheresis", "implied")


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
                return (_fact("autologous", passage, found.start(), found.end(), "source.collection", "implied"),)
    return ()


def _fact(value: str, passage: Passage, start: int, end: int, rule: str, basis: str = "stated") -> Fact:
    return Fact(value, quote_around(passage, start, end), rule, basis, passage.text[start:end])


def find_off_the_shelf(passages: Sequence[Passage]) -> Fact | None:
    """Whether the product is said to be made ahead."""
    for passage in passages:
        if passage.part in SEARCHED:
            found = _OFF_SHELF.search(fold_width(passage.text))
            if found and not _NEGATED.search(passage.text[max(0, found.start() - 20) : found.start()]):
                return Fact(True, passage.quote(found.start(), found.end()), "source.off-the-shelf")
    return None
