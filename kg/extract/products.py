"""Put together what a record says of each intervention: is it a cell product, what does it bind, whose cells is it
made from.

An intervention's own words come first, then those of its arms, then those of the whole trial. What only the name of
a known
product tells is marked ``inferred``; an explicit statement wins over it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from kg.extract.antigen_places import find_places
from kg.extract.antigen_roles import is_bound_by_tcr
from kg.extract.antigens import find_mentions
from kg.extract.bindings import TITLES, find_bindings, find_logic
from kg.extract.cells import (
    ENGINEERED,
    choose_modality,
    find_collection,
    find_modalities,
    find_off_the_shelf,
    find_receptor_modality,
    find_sources,
    has_supportive_modality,
    infer_cell_type,
    is_supportive,
)
from kg.extract.constructs import find_costimulation, find_edits, find_safety_switches
from kg.extract.doses import extract_doses, find_dose_escalation
from kg.extract.lymphodepletion import find_lymphodepletion
from kg.extract.named_products import Named, find_named, find_titled, infer_fact, infer_sources
from kg.lexicon import open_lexicon
from kg.model import Fact, Intervention, Mention, Passage, Product, Study

_CELL_WORDS = re.compile(
    r"\bCARs?\b|(?:\b|\b[a-z]{1,5}|\bTri|\bTan|\bUni|\bBi|\b[A-Z]{1,3})CAR[-.T]|"
    r"[Cc]himeric (?:antigen|immune|T)|\bTCR\b|\b(?:T|NK|NKT|CIK|Treg)"
    r"[- ]?[Cc]ells?\b|\bCTLs?\b|"
    r"\bTILs?\b|[Ll]ymphocytes?\b|\biNKT\b|SCAR-?\w|\bγδ ?T|\bPBLs?\b|[Cc]ells? (?:infusion|therapy|injection|"
    r"suspension)|"
    r"[Ii]nfusion of (?:\w+ )?cells|\bgene[- ](?:modified|engineered)\b.{0,30}\bcells"
)
_CODE_NAME = re.compile(r"(?=[^a-z]{0,20}[A-Z\d])[A-Z][A-Za-z]{0,8}[- ]?[A-Z\d][A-Za-z\d-]{0,10}(?: cells?)?", re.ASCII)
_CODE = re.compile(
    r"\b(?:(?=[A-Za-z-]{0,8}[A-Z\d][A-Za-z\d-]{0,12}\d|[A-Z]{4})[A-Z][A-Za-z]{0,8}[- ]?[A-Z\d][A-Za-z\d-]{1,12}"
    r"|\d{1,3}[A-Z]{1,3}\d{1,3}\b)",
    re.ASCII,
)
"""A product's code in a name: "RD14-01", "KSVCBD injection"."""
_SENTENCE_END = re.compile(r"[.;!?](?=\s)|\n")
_PURPOSE = re.compile(
    r"\b(?:stud(?:y|ies)|trial)\b.{0,200}\b(?:safety|efficacy|effectiveness|tolerability|feasibility)\b", re.IGNORECASE
)
_CLAUSE_END = re.compile(
    r"[.;!?](?=\s)|\n|\b(?:after|following|before|prior to|versus|vs|plus|with|against|receiv\w{2,4}|treated|"
    r"undergo\w{0,4}|"
    r"in (?:patients|subjects|participants|adults|combination))\b",
    re.IGNORECASE,
)
_PROSE = ("intervention description", "arm description", "summary", "description")
_ENGINEERED_WORDS = re.compile(
    r"\b(?:gene(?:tically)?[- ])?(?:modif|engineer|transduc|transfect)\w+|\bchimeric\b|\b(?:lenti|retro)vir\w+|"
    r"\b(?:leuk)?apheresis\b|\blymphodeplet\w+|\breceptors?\b",
    re.IGNORECASE,
)
_RECEPTOR_CODE = re.compile(r"\b[A-Z]{1,3}CAR-?[A-Z]{0,2}\d[A-Za-z\d-]{1,8}|\bCAR-[A-Z]{2,5}\d\w?|-CAR\d\w{0,6}")
_RECEPTOR_NAME = re.compile(r"\bchimeric (?:antigen |immune |T[- ]cell )?receptor\b|[-. ]CAR\b", re.IGNORECASE)
_RECEPTOR_TITLE = re.compile(r"\b[Cc]himeric [Aa]ntigen [Rr]eceptors?\b(?![ (]{0,2}(?:CAR|T|NK|γ))|\w\.CAR\b")
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
    r"(?:dose|low|middle|medium|high|cohort|group|arm)[ -](?:dose|level|group|cohort)?[ \w()+-]{0,40}",
    re.IGNORECASE,
)
_NOT_CELLS = re.compile(
    r"[Aa]pheresis|biopsy|questionnaire|\b(?:vector|vaccine)$|[Ll]ong[- ][Tt]erm [Ff]ollow|\bantibod", re.IGNORECASE
)


def extract_products(study: Study, mentions: Sequence[Mention]) -> tuple[Product, ...]:
    """All interventions of the study, those of cells with what they are; one more where only prose names the
    product."""
    named = {id(item): find_named(item) for item in study.interventions}
    defined = (
        {}
        if has_supportive_modality(study.parts(*TITLES))
        else {id(item): fact for item in study.interventions if (fact := _find_definition(study, item))}
    )
    trial_modality = (
        _find_trial_modality(study) or next(iter(defined.values()), None) or _infer_trial_modality(study, mentions)
    )
    cells = [
        item
        for item in study.interventions
        if named[id(item)] or id(item) in defined or (trial_modality and _has_cell_words(item))
    ]
    if trial_modality and not cells:
        cells = [item for item in study.interventions if _may_be_cells(item)]
    products = [
        _make_product(study, item, mentions, defined.get(id(item), trial_modality), named[id(item)], len(cells))
        if item in cells
        else Product(item.name, item.type)
        for item in study.interventions
    ]
    if not cells:
        titled = find_titled(study.parts(*TITLES))
        if titled or (trial_modality and str(trial_modality.value) in ENGINEERED):
            products.append(_make_unlisted(study, mentions, trial_modality, titled))
    return tuple(products)


def _infer_trial_modality(study: Study, mentions: Sequence[Mention]) -> Fact | None:
    """What a name implies where no word says it: "mesothelin-targeted T cells" that are modified, or a code with CAR
    in it."""
    for passage in study.parts("intervention", *TITLES):
        code = _RECEPTOR_CODE.search(passage.text) if passage.part == "intervention" else None
        if code and (_is_engineered(study) or find_places(code[0])):
            return Fact("CAR-T", passage.quote(*code.span()), "modality.code", "inferred")
        receptor = (_RECEPTOR_NAME if passage.part == "intervention" else _RECEPTOR_TITLE).search(passage.text)
        if receptor and _is_engineered(study):
            return Fact("CAR-T", passage.quote(*receptor.span()), "modality.receptor-and-cells", "inferred")
    named = [one for one in mentions if one.role == "target" and one.part in (*TITLES, "intervention", "other name")]
    for mention, passage in _locate(named, study.parts(*TITLES, "intervention", "other name")):
        start = mention.quote.start - passage.start
        at = passage.text.find(mention.written, start)
        cells = _TARGETED_CELLS.search(passage.text, at, at + 80) or _CELLS_TARGETED.search(passage.text[:at])
        if not cells or is_bound_by_tcr(mention.antigen):
            continue
        if str(cells.groupdict().get("word")).lower() == "targeted" or _is_engineered(study):
            value = "CAR-NK" if cells["kind"] == "NK" else "CAR-T"
            return Fact(value, mention.quote, "modality.targeted-cells", "inferred")
    return None


def _is_engineered(study: Study) -> bool:
    """Whether the record speaks of engineering cells at all."""
    passages = study.parts(*_PROSE, "intervention", "eligibility", *TITLES)
    return any(_ENGINEERED_WORDS.search(passage.text) for passage in passages)


def _locate(mentions: Sequence[Mention], passages: Sequence[Passage]) -> Iterator[tuple[Mention, Passage]]:
    """Mentions, each with the passage that holds it."""
    for mention in mentions:
        for passage in passages:
            is_there = passage.start <= mention.quote.start < passage.start + len(passage.text)
            if passage.field == mention.quote.field and passage.part == mention.part and is_there:
                yield mention, passage
                break


def _find_trial_modality(study: Study) -> Fact | None:
    """What kind of cells the trial gives: from titles and listed names, and from prose only where nothing is listed.

    A title that names the cells as somebody's earlier treatment ("patients undergoing CAR-T") settles that they are
    not given.
    """
    listed = study.parts(*TITLES, "intervention", "other name", "arm")
    found = _find_modality(listed)
    if found or has_supportive_modality(study.parts(*TITLES)):
        return found
    prose = study.parts("intervention description", "arm description", "summary", "description")
    if not study.interventions or any(_has_cell_words(item) for item in study.interventions):
        found = choose_modality(find_modalities(prose))
        if found is None and study.interventions:
            found = find_receptor_modality(prose)
    elif any(_may_be_cells(item) for item in study.interventions):
        found = _find_modality([one for passage in study.parts("summary") for one in _list_purposes(passage)])
    return found


def _list_purposes(passage: Passage) -> Iterator[Passage]:
    """Sentences that say what the study is for."""
    start = 0
    for end in (*(found.end() for found in _SENTENCE_END.finditer(passage.text)), len(passage.text)):
        if _PURPOSE.search(passage.text, start, end):
            yield msgspec.structs.replace(passage, start=passage.start + start, text=passage.text[start:end])
        start = end


def _find_definition(study: Study, item: Intervention) -> Fact | None:
    """The modality that prose gives a code: "RD14-01, a ROR1-targeted CAR T-cell therapy"."""
    name = str(item.name.value)
    key = _CODE.search(name)
    if not key or _NOT_CELLS.search(name) or open_lexicon("drug").find(name):
        return None
    own = tuple(one for one in study.parts("intervention description") if one.ref == name)
    around = study.parts(*TITLES, "summary", "description", "arm description")
    told = (*own, *(clause for passage in around for clause in _list_clauses(passage, key[0])))
    return _find_modality(told) or (
        _find_modality(study.parts("keyword", "condition")) if _may_be_cells(item) else None
    )


def _find_modality(passages: Sequence[Passage]) -> Fact | None:
    return choose_modality(find_modalities(passages)) or find_receptor_modality(passages)


def _list_clauses(passage: Passage, code: str) -> Iterator[Passage]:
    """Clauses of a passage that hold the code: "X after CAR-T" and "X with CAR-T" are two, and do not define X."""
    if code not in passage.text:
        return
    start = 0
    for end in (*(found.end() for found in _CLAUSE_END.finditer(passage.text)), len(passage.text)):
        if code in passage.text[start:end]:
            yield msgspec.structs.replace(passage, start=passage.start + start, text=passage.text[start:end])
        start = end


def _has_cell_words(item: Intervention) -> bool:
    names = [str(item.name.value), *(str(other.value) for other in item.other_names)]
    return any(
        _CELL_WORDS.search(name) and not _NOT_CELLS.search(name) and not is_supportive(name, *found.span())
        for name in names
        if (found := _CELL_WORDS.search(name))
    )


def _may_be_cells(item: Intervention) -> bool:
    """An intervention whose name tells nothing, in a trial whose title names the cells: neither a known drug nor a
    procedure."""
    name = str(item.name.value)
    if _NOT_CELLS.search(name) or open_lexicon("drug").find(name):
        return False
    return (
        item.type.value in ("BIOLOGICAL", "GENETIC", "COMBINATION_PRODUCT")
        if item.type
        else bool(_CODE_NAME.fullmatch(name) or _CODE_INJECTION.fullmatch(name) or _GENERIC_NAME.fullmatch(name))
    )


def _passages_of(study: Study, item: Intervention) -> tuple[tuple[Passage, ...], tuple[Passage, ...]]:
    """An intervention's own passages, and those of the arms that it is given in."""
    name = str(item.name.value)
    arms = {str(arm.label.value) for arm in study.arms if any(one.value == name for one in arm.interventions)} | set(
        item.arms
    )
    own = tuple(
        passage
        for passage in study.passages
        if passage.part in ("intervention", "other name", "intervention description") and passage.ref == name
    )
    return own, tuple(passage for passage in study.parts("arm", "arm description") if passage.ref in arms)


def _make_product(
    study: Study,
    item: Intervention,
    mentions: Sequence[Mention],
    trial_modality: Fact | None,
    named: Named | None,
    count: int,
) -> Product:
    own, of_arms = _passages_of(study, item)
    titles = study.parts(*TITLES)
    modality = (
        _find_modality(own)
        or choose_modality(find_modalities(of_arms))
        or trial_modality
        or infer_fact(named, "productModality")
    )
    bindings = find_bindings(study, item, mentions, named, count)
    sources = (
        find_sources((*titles, *own, *of_arms))
        if count == 1
        else find_sources(own) or find_sources(of_arms) or find_sources(titles)
    )
    if not sources:
        sources = find_sources(study.parts("summary", "description", "keyword"))
    if not sources and modality and str(modality.value) in ENGINEERED:
        sources = find_collection(study.parts("intervention", "eligibility"))
    if not sources:
        sources = infer_sources(named)
    around = (*own, *of_arms, *titles, *study.parts("summary", "description"))
    return _finish(
        Product(
            item.name,
            item.type,
            is_cell=True,
            modality=modality,
            bindings=bindings,
            sources=sources,
            logic=find_logic(bindings, around, named),
            named_product=named[1] if named else None,
        ),
        around if count == 1 else (*own, *of_arms),
        study,
    )


def _make_unlisted(
    study: Study, mentions: Sequence[Mention], modality: Fact | None, named: Named | None = None
) -> Product:
    """The product that only prose names: a known one, or the words from the target to the modality, where they stand
    together."""
    bindings = find_bindings(study, None, mentions, named, 1)
    around = study.parts(*TITLES, "summary", "description", "arm", "arm description")
    sources = (
        find_sources(study.parts(*TITLES))
        or find_sources(around)
        or find_collection(study.parts("intervention", "eligibility"))
    )
    return _finish(
        Product(
            Fact(named[1].quote.text, named[1].quote, named[1].rule) if named else _find_prose_name(study),
            is_cell=True,
            modality=modality or infer_fact(named, "productModality"),
            bindings=bindings,
            sources=sources or infer_sources(named),
            logic=find_logic(bindings, around, named),
            named_product=named[1] if named else None,
        ),
        around,
        study,
    )


def _finish(product: Product, around: Sequence[Passage], study: Study) -> Product:
    """Add what the words around the product tell of its construct, dose and preparation."""
    whole = tuple(passage for passage in study.passages if passage.part != "eligibility")
    return msgspec.structs.replace(
        product,
        cell_type=infer_cell_type(product.modality) if product.modality else None,
        off_the_shelf=find_off_the_shelf(around),
        costimulation=find_costimulation(around),
        safety_switch=find_safety_switches(around),
        edits=find_edits(around),
        doses=extract_doses(around),
        dose_escalation=find_dose_escalation(around),
        lymphodepletion=find_lymphodepletion(whole),
    )


def _find_prose_name(study: Study) -> Fact | None:
    for passage in study.parts(*TITLES, "summary", "description"):
        for match in open_lexicon("modality").find(passage.text):
            places = [mention for mention in find_mentions((passage,)) if mention.role == "target"]
            for mention in places:
                at = passage.text.find(mention.written, max(0, match.start - 30))
                if 0 <= at < match.start and match.start - at < 30:
                    return Fact(passage.text[at : match.end], passage.quote(at, match.end), "product.prose-name")
    return None
