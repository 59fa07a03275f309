"""Put together what a record says of each intervention: is it a cell product, what does it bind, whose cells is it
made from.

An intervention's own words come first, then those of its arms, then those of the whole trial. What only the name of
a known
product tells is marked ``inferred``; an explicit statement wins over it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from kg.extract.antigens import find_mentions
from kg.extract.bindings import TITLES, find_bindings, find_logic
from kg.extract.cells import (
    choose_modality,
    find_modalities,
    find_off_the_shelf,
    find_receptor_modality,
    find_sources,
    infer_cell_type,
    is_supportive,
)
from kg.extract.constructs import find_costimulation, find_edits, find_safety_switches
from kg.extract.doses import extract_doses, find_dose_escalation
from kg.extract.lymphodepletion import find_lymphodepletion
from kg.extract.named_products import Named, find_named, infer_fact, infer_sources
from kg.lexicon import open_lexicon
from kg.model import Fact, Intervention, Mention, Passage, Product, Study

_CELL_WORDS = re.compile(
    r"\bCARs?\b|\bCAR[-.]|CART\b|CART-|[Cc]himeric (?:antigen|immune|T)|\bTCR\b|\b(?:T|NK|NKT|CIK|"
    r"Treg)[- ]?[Cc]ells?\b|\bCTLs?\b|"
    r"\bTILs?\b|[Ll]ymphocytes?\b|\biNKT\b|SCAR-?\w|\bγδ ?T|\bPBLs?\b|[Cc]ells? (?:infusion|therapy|injection|"
    r"suspension)|"
    r"[Ii]nfusion of (?:\w+ )?cells|\bgene[- ](?:modified|engineered)\b.{0,30}\bcells"
)
_CODE_NAME = re.compile(r"(?=[^a-z]{0,20}[A-Z\d])[A-Z][A-Za-z]{0,8}[- ]?[A-Z\d][A-Za-z\d-]{0,10}(?: cells?)?", re.ASCII)
_NOT_CELLS = re.compile(
    r"[Aa]pheresis|biopsy|questionnaire|\b(?:vector|vaccine)$|[Ll]ong[- ][Tt]erm [Ff]ollow|\bantibod", re.IGNORECASE
)


def extract_products(study: Study, mentions: Sequence[Mention]) -> tuple[Product, ...]:
    """All interventions of the study, those of cells with what they are; one more where only prose names the
    product."""
    trial_modality = _find_trial_modality(study)
    named = {id(item): find_named(item) for item in study.interventions}
    cells = [item for item in study.interventions if named[id(item)] or (trial_modality and _has_cell_words(item))]
    if trial_modality and not cells:
        cells = [item for item in study.interventions if _may_be_cells(item)]
    products = [
        _make_product(study, item, mentions, trial_modality, named[id(item)], len(cells))
        if item in cells
        else Product(item.name, item.type)
        for item in study.interventions
    ]
    if trial_modality and not cells:
        products.append(_make_unlisted(study, mentions, trial_modality))
    return tuple(products)


def _find_trial_modality(study: Study) -> Fact | None:
    """What kind of cells the trial gives: from titles and listed names, and from prose only where nothing is listed."""
    listed = study.parts(*TITLES, "intervention", "other name", "arm")
    prose = study.parts("intervention description", "arm description", "summary", "description")
    found = choose_modality(find_modalities(listed)) or find_receptor_modality(listed)
    if found is None and (not study.interventions or any(_has_cell_words(item) for item in study.interventions)):
        found = choose_modality(find_modalities(prose)) or find_receptor_modality(prose)
    return found


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
        else bool(_CODE_NAME.fullmatch(name))
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
        choose_modality(find_modalities(own))
        or find_receptor_modality(own)
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


def _make_unlisted(study: Study, mentions: Sequence[Mention], modality: Fact) -> Product:
    """The product that only prose names; its name is the words from the target to the modality, where they stand
    together."""
    bindings = find_bindings(study, None, mentions, None, 1)
    around = study.parts(*TITLES, "summary", "description", "arm", "arm description")
    return _finish(
        Product(
            _find_prose_name(study),
            is_cell=True,
            modality=modality,
            bindings=bindings,
            sources=find_sources(study.parts(*TITLES)) or find_sources(around),
            logic=find_logic(bindings, around, None),
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
