"""Which modality a trial gives, and which of its interventions are the cells: from names, titles, and the prose that
explains a code."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from kg.extract.antigen_places import find_places
from kg.extract.antigen_roles import is_bound_by_tcr
from kg.extract.cells import (
    choose_modality,
    find_modalities,
    find_modality,
    find_receptor_modality,
    has_supportive_modality,
    is_follow_up,
    is_supportive,
)
from kg.extract.definitions import OTHER_DRUG, Definitions, define_clause
from kg.extract.texts import TITLES, Texts
from kg.lexicon import fold, open_lexicon
from kg.model import Fact, Intervention, Mention, Passage, Study

_CELL_WORDS = re.compile(
    r"\bCARs?\b|(?:\b|\b[a-z]{1,5}|\bTri|\bTan|\bUni|\bBi|\b[A-Z]{1,3})CAR[-.T]|"
    r"[Cc]himeric (?:antigen|immune|T)|\bTCR\b|\b(?:T|NK|NKT|CIK|Treg)"
    r"[- ]?[Cc]ells?\b|\bCTLs?\b|"
    r"\bTILs?\b|[Ll]ymphocytes?\b|\biNKT\b|SCAR-?\w|\bγδ ?T|\bPBLs?\b|[Cc]ells? (?:infusion|therapy|injection|"
    r"suspension)|"
    r"[Ii]nfusion of (?:\w+ )?cells|\bgene[- ](?:modified|engineered)\b.{0,30}\bcells"
)
_CODE_NAME = re.compile(r"(?=[A-Za-z -]{1,12}\d)[A-Z][A-Za-z]{0,8}[- ]?[A-Z\d][A-Za-z\d-]{0,10}(?: cells?)?", re.ASCII)
_CODE = re.compile(
    r"\b(?:(?=[A-Za-z-]{0,8}[A-Z\d][A-Za-z\d-]{0,12}\d|[A-Z]{4})[A-Z][A-Za-z]{0,8}[- ]?[A-Z\d][A-Za-z\d-]{1,12}"
    r"|\d{1,3}[A-Z]{1,3}\d{1,3}\b|[A-Za-z][a-z]{2,8}-cel\b)",
    re.ASCII,
)
"""A product's code in a name: "RD14-01", "KSVCBD injection"."""
_SENTENCE_END = re.compile(r"[.;!?](?=\s)|\n")
_PURPOSE = re.compile(
    r"\b(?:stud(?:y|ies)|trial)\b.{0,200}\b(?:safety|efficacy|effectiveness|tolerability|feasibility)\b", re.IGNORECASE
)
_PROSE = ("intervention description", "arm description", "summary", "description")
_ENGINEERED_WORDS = re.compile(
    r"\b(?:gene(?:tically)?[- ])?(?:modif|engineer|transduc|transfect)\w+|\bchimeric\b|\b(?:lenti|retro)vir\w+|"
    r"\b(?:leuk)?apheresis\b|\blymphodeplet\w+|\breceptors?\b",
    re.IGNORECASE,
)
_RECEPTOR_CODE = re.compile(r"\b[A-Z]{1,3}CAR-?[A-Z]{0,2}\d[A-Za-z\d-]{1,8}|\bCAR-[A-Z]{2,5}\d\w?|-CAR\d\w{0,6}")
_RECEPTOR_CODE_WORD = r"\b[A-Z]{1,3}CAR-[A-Z\d]{2,8}\b"
_RECEPTOR_CODE_OF_CELLS = re.compile(
    rf"\b(?i:autologous|allogeneic) {_RECEPTOR_CODE_WORD}(?: (?P<first>NK|T)\b)?"
    rf"|{_RECEPTOR_CODE_WORD}[ -](?:(?i:autologous|allogeneic) )?(?:(?P<second>NK|T)[ -])?(?i:cells?|infusion)\b"
)
"""A code with CAR in it beside a word for cells or their infusion: "XCAR-ABCD cells"."""
_RECEPTOR_NAME = re.compile(r"\bchimeric (?:antigen |immune |T[- ]cell )?receptor\b|[-. ]CAR\b", re.IGNORECASE)
_RECEPTOR_TITLE = re.compile(r"\b[Cc]himeric [Aa]ntigen [Rr]eceptors?\b(?![ (]{0,2}(?:CAR|T\b|NK|γ))|\w\.CAR\b")
_TARGETED_CELLS = re.compile(
    r"[- ](?P<word>[Ss]pecific|[Tt]argeted|directed|redirected|targeting) (?:\w{1,12} ){0,2}?(?P<kind>T|"
    r"NK)[- ]?(?:[Cc]ells?|lymphocytes?)"
)
_CELLS_TARGETED = re.compile(
    r"\b(?P<kind>T|NK)[- ]?(?:[Cc]ells?|[Ll]ymphocytes?) (?:\w{1,14} ){0,2}?(?:[Ee]ngineered|[Mm]odified|"
    r"[Tt]argeted|[Rr]edirected)\b"
)
_CODE_INJECTION = re.compile(r"[A-Z][A-Za-z\d-]{2,14} (?:[Ii]njections?|[Ii]nfusion)", re.ASCII)
_GENERIC_NAME = re.compile(
    r"(?:investigational|study|experimental|test) (?:product|drug|treatment)(?: \(IP\))?|"
    r"(?:treatment |experimental )?(?:dose|low|middle|medium|high|cohort|group|arm)[ -]"
    r"(?:dose|level|group|cohort)?[ \w()+-]{0,40}",
    re.IGNORECASE,
)
_CARE = re.compile(
    r"\b(?:survey|decision aid|exercise|(?:tele)?monitoring|biomarkers?|microbiome|registry|imaging|infections?|"
    r"sampling|caregivers?|"
    r"questionnaires?|observational|prevention|prophylaxis|cardiovascular effects|neurocognitive|"
    r"patient-?\s?reported|quality of life|psychosocial|financial toxicity|late effects|withdrawal|costs?)\b",
    re.IGNORECASE,
)
_TRANSPLANT = re.compile(r"\b(?:allo|auto|haplo)?-?(?:HSCT|HCT|SCT|BMT)\b|transplant", re.IGNORECASE)
_ANTIRETROVIRAL = re.compile(r"\banti-?\s?retrovirals?\b|\bHAART\b", re.IGNORECASE)
_RECEPTOR_CELLS = re.compile(
    r"\bchimeric\b|\bCAR[- ]?[- ]T\b|\bCARs?\b|\bTCR\b|\bgene(?:tically)?[- ](?:modif|engineer|edit)\w+|\btransduc\w+",
    re.IGNORECASE,
)
_NOT_CELLS = re.compile(
    r"[Aa]pheresis|biopsy|questionnaire|\b(?:vector|vaccine)$|[Ll]ong[- ][Tt]erm [Ff]ollow|\bantibod", re.IGNORECASE
)


def infer_trial_modality(texts: Texts) -> Fact | None:
    """What a name implies where no word says it: "mesothelin-targeted T cells" that are modified, or a code with CAR
    in it."""
    for passage in texts.parts("intervention"):
        coded = _RECEPTOR_CODE_OF_CELLS.search(passage.text)
        if coded:
            value = "CAR-NK" if "NK" in coded.groups() else "CAR-T"
            return Fact(value, passage.quote(*coded.span()), "modality.code", "inferred")
    for passage in texts.parts("intervention", *TITLES):
        code = _RECEPTOR_CODE.search(passage.text) if passage.part == "intervention" else None
        if code and (texts.ask(_is_engineered) or find_places(code[0])):
            return Fact("CAR-T", passage.quote(*code.span()), "modality.code", "inferred")
        receptor = (_RECEPTOR_NAME if passage.part == "intervention" else _RECEPTOR_TITLE).search(passage.text)
        if receptor and texts.ask(_is_engineered):
            return Fact("CAR-T", passage.quote(*receptor.span()), "modality.receptor-and-cells", "inferred")
    parts = (*TITLES, "intervention", "other name")
    named = [one for one in texts.mentions if one.role == "target" and one.part in parts]
    for mention, passage in _locate(named, texts.parts(*parts)):
        start = mention.quote.start - passage.start
        at = passage.text.find(mention.written, start)
        cells = _TARGETED_CELLS.search(passage.text, at, at + 80) or _CELLS_TARGETED.search(
            passage.text[max(0, at - 120) : at]
        )
        if not cells or is_bound_by_tcr(mention.antigen):
            continue
        if str(cells.groupdict().get("word")).lower() == "targeted" or texts.ask(_is_engineered):
            value = "CAR-NK" if cells["kind"] == "NK" else "CAR-T"
            return Fact(value, mention.quote, "modality.targeted-cells", "inferred")
    return None


def _is_engineered(texts: Texts) -> bool:
    """Whether the record speaks of engineering cells at all."""
    passages = texts.parts(*_PROSE, "intervention", "eligibility", *TITLES)
    return any(_ENGINEERED_WORDS.search(passage.text) for passage in passages)


def _locate(mentions: Sequence[Mention], passages: Sequence[Passage]) -> Iterator[tuple[Mention, Passage]]:
    """Mentions, each with the passage that holds it."""
    if not mentions:
        return
    held: dict[tuple[str, str], list[Passage]] = defaultdict(list)
    for passage in sorted(passages, key=_start_of):
        held[passage.field, passage.part].append(passage)
    for mention in mentions:
        near = held[mention.quote.field, mention.part]
        at = bisect_right(near, mention.quote.start, key=_start_of) - 1
        if at >= 0 and mention.quote.start < near[at].start + len(near[at].text):
            yield mention, near[at]


def _start_of(passage: Passage) -> int:
    return passage.start


def find_trial_modality(study: Study) -> Fact | None:
    """What kind of cells the trial gives: from titles and listed names, and from prose only where nothing is listed.

    A title that names the cells as somebody's earlier treatment ("patients undergoing CAR-T") settles that they are
    not given.
    """
    listed = study.parts(*TITLES, "intervention", "other name", "arm")
    found = find_modality(listed)
    if found or has_supportive_modality(study.parts(*TITLES)):
        return found
    prose = study.parts("intervention description", "arm description", "summary", "description")
    if not study.interventions or any(has_cell_words(item) for item in study.interventions):
        found = choose_modality(find_modalities(prose))
        if found is None and study.interventions:
            found = find_receptor_modality(prose)
    elif any(may_be_cells(item) for item in study.interventions):
        found = find_modality([one for passage in study.parts("summary") for one in _list_purposes(passage)])
    return found


def _is_no_cells(name: str) -> bool:
    """Whether a name that holds no word for cells is that of a drug, a procedure or a transplant."""
    return bool(_NOT_CELLS.search(name) or _TRANSPLANT.search(name) or open_lexicon("drug").find(name))


def _list_purposes(passage: Passage) -> Iterator[Passage]:
    """Sentences that say what the study is for."""
    start = 0
    for end in (*(found.end() for found in _SENTENCE_END.finditer(passage.text)), len(passage.text)):
        if _PURPOSE.search(passage.text, start, end) and not OTHER_DRUG.search(passage.text, start, end):
            yield msgspec.structs.replace(passage, start=passage.start + start, text=passage.text[start:end])
        start = end


def find_definitions(texts: Texts) -> dict[int, Fact]:
    """The modality that prose gives a code, by the intervention's `id`: "RD14-01, a ROR1-targeted CAR T-cell
    therapy"."""
    codes = {id(item): one for item in texts.study.interventions if (one := _find_code(str(item.name.value)))}
    told = Definitions(texts.parts(*TITLES, "summary", "description", "arm description"), codes.values())
    facts: dict[tuple[str, Any], Fact | None] = {}
    found = {}
    for item in texts.study.interventions:
        if code := codes.get(id(item)):
            key = str(item.name.value), item.type and item.type.value
            if key not in facts:
                facts[key] = _find_definition(texts, item, code, told)
            if fact := facts[key]:
                found[id(item)] = fact
    return found


def _find_code(name: str) -> str:
    """The code in a name that may be that of cells; empty where there is none."""
    code = _CODE.search(name)
    return code[0] if code and not _is_no_cells(name) else ""


def _find_definition(texts: Texts, item: Intervention, code: str, told: Definitions) -> Fact | None:
    for passage in texts.own(str(item.name.value)):
        if passage.part == "intervention description" and (fact := define_clause(passage)):
            return fact
    fact = told.find(code)
    if fact or not may_be_cells(item):
        return fact
    return texts.ask(_find_listed_modality)


def _find_listed_modality(texts: Texts) -> Fact | None:
    return find_modality(texts.parts("keyword", "condition"))


def has_cell_words(item: Intervention) -> bool:
    names = [str(item.name.value), *(str(other.value) for other in item.other_names)]
    return any(
        _CELL_WORDS.search(name) and not _NOT_CELLS.search(name) and not is_supportive(name, *found.span())
        for name in names
        if (found := _CELL_WORDS.search(name))
    )


def may_be_cells(item: Intervention) -> bool:
    """An intervention whose name tells nothing, in a trial whose title names the cells: neither a known drug nor a
    procedure."""
    name = str(item.name.value)
    if _is_no_cells(name):
        return False
    return (
        item.type.value in ("BIOLOGICAL", "GENETIC", "COMBINATION_PRODUCT")
        if item.type
        else bool(_CODE_NAME.fullmatch(name) or _CODE_INJECTION.fullmatch(name) or _GENERIC_NAME.fullmatch(name))
    )


def is_about_patients(study: Study) -> bool:
    """Whether a title speaks of a survey, a registry or the care of people who have the cells, and not of the cells.

    A study that follows the people of a product's trials is one of the product.
    """
    titles = [passage.text for passage in study.parts(*TITLES)]
    return any(_CARE.search(title) for title in titles) and not any(map(is_follow_up, titles))


def is_about_antiretrovirals(study: Study) -> bool:
    """Whether "CART" is combination antiretroviral therapy: the record names it, and no receptor or modified cells."""
    texts = [passage.text for passage in study.passages]
    likely = (text for text in texts if "retroviral" in (low := fold(text)) or "haart" in low)
    return any(map(_ANTIRETROVIRAL.search, likely)) and not any(map(_RECEPTOR_CELLS.search, texts))
