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

from kg.extract.antigens import find_mentions, list_targets
from kg.extract.cells import (
    choose_modality,
    find_modalities,
    find_off_the_shelf,
    find_receptor_modality,
    find_sources,
    infer_cell_type,
    is_supportive,
)
from kg.extract.constructs import find_binder_type, find_costimulation, find_edits, find_safety_switches
from kg.extract.doses import extract_doses, find_dose_escalation
from kg.extract.lymphodepletion import find_lymphodepletion
from kg.lexicon import open_lexicon
from kg.model import Binding, Fact, Intervention, Mention, Passage, Product, Quote, Study
from kg.vocabularies import Term, load_vocabularies

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
_LIGAND_AFTER = re.compile(
    r"[)\]]?[- .]?(?:zetakine[- ]?)?(?:receptor |ligand |based |derived )?(?:CAR|chimeric|UCAR|T[- ]?cells|NK\b|"
    r"TCR|-CAR)|[- ]?(?:based|expressing)",
    re.IGNORECASE,
)
_LIGAND_BEFORE = re.compile(r"(?:CAR[- .]?|CAR-T[- ]|chimeric )$")
_TITLES = ("title", "official title")


def extract_products(study: Study, mentions: Sequence[Mention]) -> tuple[Product, ...]:
    """All interventions of the study, those of cells with what they are; one more where only prose names the
    product."""
    trial_modality = _find_trial_modality(study)
    named = {id(item): _find_named(item) for item in study.interventions}
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
    listed = study.parts(*_TITLES, "intervention", "other name", "arm")
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


def _find_named(item: Intervention) -> tuple[Term, Fact] | None:
    """The product of the vocabulary that the intervention's name or other name contains."""
    for name in (item.name, *item.other_names):
        for match in open_lexicon("product").find(str(name.value)):
            if match.is_contextual:
                continue
            quote = Quote(
                name.quote.field,
                name.quote.start + match.start,
                name.quote.start + match.end,
                name.quote.text[match.start : match.end],
            )
            return match.term, Fact(match.term.notation, quote, "product.name")
    return None


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
    named: tuple[Term, Fact] | None,
    count: int,
) -> Product:
    own, of_arms = _passages_of(study, item)
    titles = study.parts(*_TITLES)
    modality = (
        choose_modality(find_modalities(own))
        or find_receptor_modality(own)
        or choose_modality(find_modalities(of_arms))
        or trial_modality
        or _infer(named, "productModality")
    )
    bindings = _find_bindings(study, item, mentions, named, count)
    sources = (
        find_sources((*titles, *own, *of_arms))
        if count == 1
        else find_sources(own) or find_sources(of_arms) or find_sources(titles)
    )
    if not sources:
        sources = find_sources(study.parts("summary", "description", "keyword"))
    if not sources:
        sources = _infer_sources(named)
    around = (*own, *of_arms, *titles, *study.parts("summary", "description"))
    return _finish(
        Product(
            item.name,
            item.type,
            is_cell=True,
            modality=modality,
            bindings=bindings,
            sources=sources,
            logic=_find_logic(bindings, around, named),
            named_product=named[1] if named else None,
        ),
        around if count == 1 else (*own, *of_arms),
        study,
    )


def _make_unlisted(study: Study, mentions: Sequence[Mention], modality: Fact) -> Product:
    """The product that only prose names; its name is the words from the target to the modality, where they stand
    together."""
    bindings = _find_bindings(study, None, mentions, None, 1)
    around = study.parts(*_TITLES, "summary", "description", "arm", "arm description")
    return _finish(
        Product(
            _find_prose_name(study),
            is_cell=True,
            modality=modality,
            bindings=bindings,
            sources=find_sources(study.parts(*_TITLES)) or find_sources(around),
            logic=_find_logic(bindings, around, None),
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


def _find_bindings(
    study: Study, item: Intervention | None, mentions: Sequence[Mention], named: tuple[Term, Fact] | None, count: int
) -> tuple[Binding, ...]:
    """What the product binds, from the nearest words that name it."""
    name = str(item.name.value) if item else None
    found: tuple[Mention, ...] = ()
    if name is not None:
        found = _own_targets(mentions, name)
    if name is not None and not found:
        found = list_targets(mentions, "intervention description", ref=name)
    if count <= 1 or not found:
        titles = list_targets(mentions, *_TITLES)
        merged = {mention.antigen: mention for mention in (*found, *titles)}
        if count <= 1 or not found:
            found = tuple(merged.values())
    natural = _find_natural(study, mentions, name)
    if natural and not found:
        return natural
    for parts in (
        ("intervention", "other name", "intervention description"),
        ("arm", "arm description"),
        ("summary", "keyword"),
        ("description",),
        ("outcome", "outcome description"),
    ):
        if found:
            break
        if named and "productTarget" in named[0].extra and parts[0] == "summary":
            break
        found = list_targets(mentions, *parts)
    if not found:
        return natural or _infer_bindings(named) or _bind_disease_antigen(mentions)
    binder_type = find_binder_type(
        study.parts(*_TITLES, "intervention", "intervention description", "summary", "description")
    )
    bound = tuple(
        Binding(Fact(mention.antigen, mention.quote, mention.rule), mention.written, binder_type=binder_type)
        for mention in found
    )
    return _join_natural(bound, natural)


def _bind_disease_antigen(mentions: Sequence[Mention]) -> tuple[Binding, ...]:
    """A title that gives cells "for X-positive" disease, and names no other antigen, implies that they bind X."""
    titled = {
        one.antigen: one for one in reversed(mentions) if one.part in _TITLES and one.rule == "antigen.positive-disease"
    }
    if len(titled) != 1:
        return ()
    (mention,) = titled.values()
    return (Binding(Fact(mention.antigen, mention.quote, "antigen.of-disease", "implied"), mention.written),)


def _join_natural(bound: tuple[Binding, ...], natural: tuple[Binding, ...]) -> tuple[Binding, ...]:
    """Give a target its natural binder where one is named for it."""
    by_antigen = {str(one.antigen.value): one for one in natural}
    return tuple(
        msgspec.structs.replace(one, binder=match.binder, binder_type=match.binder_type)
        if (match := by_antigen.get(str(one.antigen.value)))
        else one
        for one in bound
    )


def _own_targets(mentions: Sequence[Mention], name: str) -> tuple[Mention, ...]:
    """Targets in an intervention's names; there, a bare antigen is what the product binds."""
    found: dict[str, Mention] = {}
    for mention in mentions:
        if (
            mention.part in ("intervention", "other name")
            and mention.ref == name
            and mention.role in ("target", "biomarker")
        ):
            found.setdefault(mention.antigen, mention)
    return tuple(found.values())


def _find_natural(study: Study, mentions: Sequence[Mention], name: str | None) -> tuple[Binding, ...]:
    """Targets that a natural ligand or receptor binds ("IL3 CAR-T" binds CD123): quoted from the antigen's own
    mention if there is one."""
    vocabularies = load_vocabularies()
    for passage in (
        *study.parts(*_TITLES),
        *(one for one in study.parts("intervention", "other name") if name in (None, one.ref)),
        *study.parts("intervention description", "arm", "arm description", "summary"),
    ):
        for match in open_lexicon("ligand").find(passage.text):
            beside = _LIGAND_AFTER.match(passage.text, match.end) or _LIGAND_BEFORE.search(
                passage.text[max(0, match.start - 12) : match.start]
            )
            if not beside:
                continue
            quote = passage.quote(match.start, match.end)
            binder = Fact(match.term.notation, quote, "binder.natural")
            kind = Fact(vocabularies.refer(match.term.extra["productBinderType"][0]).notation, quote, "binder.natural")
            antigens = [vocabularies.refer(iri).notation for iri in match.term.extra["bindsAntigen"]]
            return tuple(_quote_natural(antigen, mentions, binder, kind) for antigen in antigens)
    return ()


def _quote_natural(antigen: str, mentions: Sequence[Mention], binder: Fact, kind: Fact) -> Binding:
    for mention in mentions:
        if (
            mention.antigen == antigen
            and mention.part != "eligibility"
            and mention.role in ("target", "eligibility marker", "biomarker")
        ):
            return Binding(
                Fact(antigen, mention.quote, "antigen.of-natural-binder", "implied"), mention.written, binder, kind
            )
    return Binding(
        Fact(antigen, binder.quote, "antigen.of-natural-binder", "inferred"), binder.quote.text, binder, kind
    )


def _infer(named: tuple[Term, Fact] | None, key: str) -> Fact | None:
    """What the product vocabulary says of a named product, marked as inferred."""
    if named is None or key not in named[0].extra:
        return None
    term = load_vocabularies().refer(named[0].extra[key][0])
    return Fact(term.notation, named[1].quote, "product.vocabulary", "inferred")


def _infer_bindings(named: tuple[Term, Fact] | None) -> tuple[Binding, ...]:
    if named is None:
        return ()
    vocabularies = load_vocabularies()
    return tuple(
        Binding(
            Fact(vocabularies.refer(iri).notation, named[1].quote, "product.vocabulary", "inferred"),
            named[1].quote.text,
        )
        for iri in named[0].extra.get("productTarget", ())
    )


def _infer_sources(named: tuple[Term, Fact] | None) -> tuple[Fact, ...]:
    if named is None:
        return ()
    vocabularies = load_vocabularies()
    found: dict[str, Fact] = {}
    for iri in named[0].extra.get("productSource", ()):
        for term in vocabularies.widen(vocabularies.refer(iri)):
            found.setdefault(term.notation, Fact(term.notation, named[1].quote, "product.vocabulary", "inferred"))
    return tuple(found.values())


_LOGIC = (
    (re.compile(r"\btandem\b|tan-?CAR", re.IGNORECASE), "tandem"),
    (re.compile(r"\bcompound CAR|\bcCAR\b", re.IGNORECASE), "compound"),
    (re.compile(r"\blogic[- ]gated\b|\bTmod\b|\bAND[- ]gate|\bNOT[- ]gate", re.IGNORECASE), "gated"),
    (re.compile(r"\bsequential(?:ly)?\b", re.IGNORECASE), "sequential"),
    (re.compile(r"\bcocktail\b|\bcombin\w{3,7} of\b|\bpooled\b", re.IGNORECASE), "pooled"),
    (re.compile(r"\bdual\b|\bbi-?specific\b|\bdual[- ]target", re.IGNORECASE), "dual"),
)


def _find_logic(
    bindings: tuple[Binding, ...], around: Sequence[Passage], named: tuple[Term, Fact] | None
) -> Fact | None:
    """How the targets work together; a single target is ``single`` by counting, several without a word are
    ``unknown``."""
    if not bindings:
        return None
    first = bindings[0].antigen
    if len(bindings) == 1:
        return Fact("single", first.quote, "logic.count", first.basis)
    inferred = _infer(named, "productLogic")
    for pattern, value in _LOGIC:
        for passage in around:
            match = pattern.search(passage.text)
            if match:
                return Fact(value, passage.quote(match.start(), match.end()), "logic.named")
    # Two targets named in one breath are one product's; more, or apart, may be several products'.
    is_pair = len(bindings) == 2 and bindings[0].antigen.quote == bindings[1].antigen.quote
    return inferred or Fact("dual" if is_pair else "unknown", first.quote, "logic.count")


def _find_prose_name(study: Study) -> Fact | None:
    for passage in study.parts(*_TITLES, "summary", "description"):
        for match in open_lexicon("modality").find(passage.text):
            places = [mention for mention in find_mentions((passage,)) if mention.role == "target"]
            for mention in places:
                at = passage.text.find(mention.written, max(0, match.start - 30))
                if 0 <= at < match.start and match.start - at < 30:
                    return Fact(passage.text[at : match.end], passage.quote(at, match.end), "product.prose-name")
    return None
