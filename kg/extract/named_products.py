"""Products that the vocabulary knows by name, and what follows from the name alone: marked ``inferred``."""

from __future__ import annotations

from collections.abc import Sequence

from kg.extract.cells import is_follow_up, is_supportive
from kg.lexicon import open_lexicon
from kg.model import Binding, Fact, Intervention, Passage, Quote, Study
from kg.vocabularies import Term, load_vocabularies

Named = tuple[Term, Fact]
"""A product of the vocabulary, and the words that name it."""


def find_named(item: Intervention) -> Named | None:
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


def find_titled(titles: Sequence[Passage]) -> Named | None:
    """The product that a title names as what the study gives or follows."""
    for passage in titles:
        for match in open_lexicon("product").find(passage.text):
            if not match.is_contextual and (
                is_follow_up(passage.text) or not is_supportive(passage.text, match.start, match.end)
            ):
                return match.term, Fact(match.term.notation, passage.quote(match.start, match.end), "product.name")
    return None


def find_mentioned(study: Study) -> Named | None:
    """The one product of the vocabulary that titles, arms and prose name, for cells that are listed without a name."""
    found: dict[str, Named] = {}
    for passage in study.parts("title", "official title", "arm", "arm description", "summary"):
        for match in open_lexicon("product").find(passage.text):
            if not match.is_contextual:
                fact = Fact(match.term.notation, passage.quote(match.start, match.end), "product.name")
                found.setdefault(match.term.notation, (match.term, fact))
    return next(iter(found.values())) if len(found) == 1 else None


def infer_fact(named: Named | None, key: str) -> Fact | None:
    """What the product vocabulary says of a named product, marked as inferred."""
    if named is None or key not in named[0].extra:
        return None
    term = load_vocabularies().refer(named[0].extra[key][0])
    return Fact(term.notation, named[1].quote, "product.vocabulary", "inferred")


def infer_bindings(named: Named | None) -> tuple[Binding, ...]:
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


def infer_sources(named: Named | None) -> tuple[Fact, ...]:
    if named is None:
        return ()
    vocabularies = load_vocabularies()
    found: dict[str, Fact] = {}
    for iri in named[0].extra.get("productSource", ()):
        for term in vocabularies.widen(vocabularies.refer(iri)):
            found.setdefault(term.notation, Fact(term.notation, named[1].quote, "product.vocabulary", "inferred"))
    return tuple(found.values())
