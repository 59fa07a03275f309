"""Put together what a record says of each intervention: is it cells, what does it bind, whose cells is it made from.

An intervention's own words come first, then those of its arms, then those of the whole trial. What only the name of a
known product tells is marked ``inferred``; an explicit statement wins over it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kg.extract.antigens import find_mentions
from kg.extract.bindings import find_bindings, find_logic
from kg.extract.cell_sources import find_sources
from kg.extract.cells import (
    ENGINEERED,
    choose_modality,
    find_modalities,
    find_modality,
    has_supportive_modality,
    infer_cell_type,
)
from kg.extract.doses import extract_doses
from kg.extract.implied_sources import find_collection
from kg.extract.named_products import Named, find_named, find_titled, infer_fact, infer_sources
from kg.extract.rules import fill_product, fill_products
from kg.extract.texts import TITLES, Texts
from kg.extract.trial_modalities import (
    find_definitions,
    find_trial_modality,
    has_cell_words,
    infer_trial_modality,
    is_about_antiretrovirals,
    is_about_patients,
    may_be_cells,
)
from kg.lexicon import open_lexicon
from kg.model import NO_QUOTE, Fact, Intervention, Mention, Passage, Product, Study


def extract_products(study: Study, mentions: Sequence[Mention]) -> tuple[Product, ...]:
    """All interventions of the study, those of cells with what they are; one more where only prose names the
    product."""
    if is_about_antiretrovirals(study):
        return tuple(Product(item.name, item.type) for item in study.interventions)
    texts = Texts(study, mentions)
    named = {id(item): find_named(item) for item in study.interventions}
    trial_modality = find_trial_modality(study)
    defined: dict[int, Fact] = {}
    if not has_supportive_modality(texts.parts(*TITLES)):
        defined = find_definitions(texts)
        trial_modality = trial_modality or next(iter(defined.values()), None) or infer_trial_modality(texts)
    cells = [
        item
        for item in study.interventions
        if named[id(item)] or id(item) in defined or (trial_modality and has_cell_words(item))
    ]
    if trial_modality and not cells:
        cells = [item for item in study.interventions if may_be_cells(item)]
    chosen = {id(item) for item in cells}
    make = _Maker(texts, len(cells))
    products = [
        make.make(item, defined.get(id(item), trial_modality), named[id(item)])
        if id(item) in chosen
        else Product(item.name, item.type)
        for item in study.interventions
    ]
    if not cells:
        titled = find_titled(texts.parts(*TITLES))
        is_given = titled or (trial_modality and str(trial_modality.value) in ENGINEERED)
        if is_given and not is_about_patients(study):
            products.append(_make_unlisted(texts, trial_modality, titled))
    if not any(product.is_cell for product in products):
        return tuple(products)
    # Read once for all: lymphodepletion is told of the trial and not of one product.
    shared = fill_products(study)
    return tuple(
        msgspec.structs.replace(product, facts={**product.facts, **shared}) if product.is_cell else product
        for product in products
    )


def _find_collected(texts: Texts) -> tuple[Fact, ...]:
    return find_collection(texts.parts("intervention", "eligibility"))


def _find_sources_in_prose(texts: Texts) -> tuple[Fact, ...]:
    return find_sources(texts.parts("summary", "description", "keyword"))


class _Maker:
    """Makes the cell products of a study.

    :param count: Interventions that are cells.
    """

    def __init__(self, texts: Texts, count: int) -> None:
        self._texts, self._count = texts, count
        self._made: dict[tuple[object, ...], Product] = {}

    def make(self, item: Intervention, trial_modality: Fact | None, named: Named | None) -> Product:
        """A listed intervention with all that the record says of it; one that is listed again is the same."""
        key = str(item.name.value), trial_modality, named and named[0].iri
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._make(item, trial_modality, named)
        return msgspec.structs.replace(made, name=item.name, type=item.type)

    def _make(self, item: Intervention, trial_modality: Fact | None, named: Named | None) -> Product:
        texts = self._texts
        own, of_arms, titles = texts.own(str(item.name.value)), texts.of_arms(item), texts.parts(*TITLES)
        modality = (
            find_modality(own)
            or choose_modality(find_modalities(of_arms))
            or trial_modality
            or infer_fact(named, "productModality")
        )
        bindings = find_bindings(texts, item, named, self._count)
        around = (*own, *of_arms, *titles, *texts.parts("summary", "description"))
        return _finish(
            Product(item.name, item.type, is_cell=True, bindings=bindings),
            around if self._count == 1 else (*own, *of_arms),
            named_product=named[1] if named else None,
            modality=modality,
            cell_source=self._find_sources(own, of_arms, modality) or infer_sources(named),
            logic=find_logic(bindings, around, named),
        )

    def _find_sources(
        self, own: Sequence[Passage], of_arms: Sequence[Passage], modality: Fact | None
    ) -> tuple[Fact, ...]:
        """Whose cells the product is made from, by the nearest words that tell it."""
        texts, titles = self._texts, self._texts.parts(*TITLES)
        sources = (
            find_sources((*titles, *own, *of_arms))
            if self._count == 1
            else find_sources(own) or find_sources(of_arms) or find_sources(titles)
        )
        sources = sources or texts.ask(_find_sources_in_prose)
        is_engineered = modality is not None and str(modality.value) in ENGINEERED
        return sources or (texts.ask(_find_collected) if is_engineered else ())


def _make_unlisted(texts: Texts, modality: Fact | None, named: Named | None = None) -> Product:
    """The product that only prose names: a known one, or the words from the target to the modality, where they stand
    together."""
    bindings = find_bindings(texts, None, named, 1)
    around = texts.parts(*TITLES, "summary", "description", "arm", "arm description")
    sources = find_sources(texts.parts(*TITLES)) or find_sources(around) or texts.ask(_find_collected)
    name = Fact(named[1].quote.text, named[1].quote, named[1].rule) if named else _find_prose_name(texts.study)
    return _finish(
        Product(name, is_cell=True, bindings=bindings),
        around,
        named_product=named[1] if named else None,
        modality=modality or infer_fact(named, "productModality"),
        cell_source=sources or infer_sources(named),
        logic=find_logic(bindings, around, named),
    )


def _finish(
    product: Product,
    around: Sequence[Passage],
    *,
    named_product: Fact | None,
    modality: Fact | None,
    cell_source: tuple[Fact, ...],
    logic: Fact | None,
) -> Product:
    """Add what is known of the product, and what the words around it tell of its construct and dose."""
    cell_type = infer_cell_type(modality) if modality else None
    single = {"named_product": named_product, "modality": modality, "cell_type": cell_type, "logic": logic}
    facts: dict[str, tuple[Fact, ...]] = {key: (fact,) for key, fact in single.items() if fact}
    facts |= {**_tell_source(cell_source), **fill_product(around)}
    return msgspec.structs.replace(product, doses=extract_doses(around), facts=facts)


def _tell_source(sources: tuple[Fact, ...]) -> dict[str, tuple[Fact, ...]]:
    """The cell source with what qualifies it: how it is known, and the record's word."""
    if not sources:
        return {}
    first = sources[0]
    return {
        "cell_source": sources,
        "basis": (Fact(first.basis, NO_QUOTE),),
        "cell_source_as_written": (Fact(first.written or first.quote.text, NO_QUOTE),),
    }


def _find_prose_name(study: Study) -> Fact | None:
    for passage in study.parts(*TITLES, "summary", "description"):
        places = [mention for mention in find_mentions((passage,)) if mention.role == "target"]
        for match in open_lexicon("modality").find(passage.text):
            for mention in places:
                at = passage.text.find(mention.written, max(0, match.start - 30))
                if 0 <= at < match.start and match.start - at < 30:
                    return Fact(passage.text[at : match.end], passage.quote(at, match.end), "product.prose-name")
    return None
