"""The SKOS vocabularies of ``ontology/``: every list of names that the reader knows.

Loaded once per process with pyoxigraph's Turtle parser; a new term in a file is known everywhere without code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from kg.errors import VocabularyError
from kg.resources import list_files
from kg.terms import ID, KG, SKOS


class Term(msgspec.Struct, frozen=True, gc=False):
    """One concept of a vocabulary.

    :ivar scheme: Name of its scheme: ``antigen``, ``modality`` …
    :ivar notation: The value that the trial card shows.
    :ivar extra: Other properties by local name (``productTarget`` …): IRIs for things, text for literals.
    """

    iri: str
    scheme: str
    notation: str
    label: str
    definition: str = ""
    alt_labels: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()
    matches: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    case_forms: tuple[str, ...] = ()
    context_forms: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    counter_examples: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = {}

    @property
    def node(self) -> str:
        """The IRI as N-Triples."""
        return f"<{self.iri}>"


class Vocabularies:
    """All terms, by scheme and by IRI."""

    def __init__(self, terms: tuple[Term, ...]) -> None:
        self.by_iri: dict[str, Term] = {term.iri: term for term in terms}
        self._by_scheme: dict[str, dict[str, Term]] = defaultdict(dict)
        for term in terms:
            taken = self._by_scheme[term.scheme].setdefault(term.notation, term)
            if taken is not term:
                raise VocabularyError(
                    f"{term.iri} and {taken.iri} both have the notation {term.notation!r}",
                    mend="Give each term of a scheme its own skos:notation",
                )

    def scheme(self, name: str) -> dict[str, Term]:
        """Terms of a scheme by notation.

        >>> load_vocabularies().scheme("phase")["PHASE1"].label
        'Phase 1'
        """
        return self._by_scheme.get(name, {})

    def schemes(self) -> tuple[str, ...]:
        """Names of all schemes, sorted."""
        return tuple(sorted(self._by_scheme))

    def find(self, scheme: str, notation: str) -> Term | None:
        """The term with this notation, or None."""
        return self._by_scheme.get(scheme, {}).get(notation)

    def node(self, scheme: str, notation: str) -> str:
        """IRI (N-Triples) of a term that must exist.

        :raises VocabularyError: the scheme has no such term.
        """
        term = self.find(scheme, notation)
        if term is None:
            raise VocabularyError(
                f"{notation!r} is not a term of the scheme {scheme!r}",
                mend="Add the term to its file in ontology/, or correct the value",
            )
        return term.node

    def refer(self, iri: str) -> Term:
        """The term with this IRI.

        :raises VocabularyError: no vocabulary declares it.
        """
        try:
            return self.by_iri[iri]
        except KeyError:
            raise VocabularyError(f"{iri} is used but no vocabulary declares it") from None

    def widen(self, term: Term) -> tuple[Term, ...]:
        """The term and every wider one, nearest first."""
        seen: dict[str, Term] = {}
        queue = [term]
        while queue:
            current = queue.pop(0)
            if current.iri not in seen:
                seen[current.iri] = current
                queue.extend(self.refer(broader) for broader in current.broader)
        return tuple(seen.values())


_LISTS = {
    f"{SKOS}altLabel": "alt_labels",
    f"{SKOS}broader": "broader",
    f"{SKOS}exactMatch": "matches",
    f"{SKOS}closeMatch": "matches",
    f"{KG}form": "forms",
    f"{KG}caseForm": "case_forms",
    f"{KG}contextForm": "context_forms",
    f"{KG}example": "examples",
    f"{KG}counterExample": "counter_examples",
}
_IN_SCHEME = f"{SKOS}inScheme"
_SINGLES = {f"{SKOS}notation": "notation", f"{SKOS}prefLabel": "label", f"{SKOS}definition": "definition"}


def read_vocabulary(path: Path) -> tuple[Term, ...]:
    """Read the concepts of one Turtle file.

    :raises VocabularyError: the file is not Turtle, or a concept lacks scheme, notation or label.
    """
    properties: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    try:
        for subject, predicate, held, _ in parse(path=str(path), format=RdfFormat.TURTLE):
            if isinstance(subject, NamedNode) and isinstance(held, NamedNode | Literal):
                properties[subject.value][predicate.value].append(held.value)
    except SyntaxError as error:
        raise VocabularyError(f"not Turtle: {error}", where=str(path)) from None
    return tuple(
        _make_term(path, subject, found) for subject, found in properties.items() if _IN_SCHEME in found
    )


def _make_term(path: Path, subject: str, found: dict[str, list[str]]) -> Term:
    missing = [name for iri, name in _SINGLES.items() if name != "definition" and len(found.get(iri, ())) != 1]
    if missing:
        raise VocabularyError(f"{subject} needs exactly one {' and one '.join(missing)}", where=path.name)
    fields: dict[str, str | tuple[str, ...]] = {name: found[iri][0] for iri, name in _SINGLES.items() if iri in found}
    for predicate, name in _LISTS.items():
        if predicate in found:
            fields[name] = (*fields.get(name, ()), *sorted(found[predicate]))
    extra = {
        predicate.removeprefix(KG): tuple(sorted(values))
        for predicate, values in found.items()
        if predicate.startswith(KG) and predicate not in _LISTS
    }
    scheme = found[_IN_SCHEME][0].removeprefix(ID)
    return Term(iri=subject, scheme=scheme, extra=extra, **fields)  # type: ignore[arg-type]


@cache
def load_vocabularies() -> Vocabularies:
    """All vocabularies of ``ontology/``."""
    return Vocabularies(
        tuple(
            term for path in list_files("ontology", ".ttl") if path.name != "kg.ttl" for term in read_vocabulary(path)
        )
    )


def list_closure() -> Iterator[Triple]:
    """Each term ``kg:within`` itself and every wider term: one step for queries, where ``skos:broader*`` is many."""
    vocabularies = load_vocabularies()
    for term in vocabularies.by_iri.values():
        for wider in vocabularies.widen(term):
            yield Triple(NamedNode(term.iri), NamedNode(f"{KG}within"), NamedNode(wider.iri))


def list_knowledge() -> Iterator[Triple]:
    """What a graph holds beside its records: the ontology, the vocabularies and their closure."""
    for path in list_files("ontology", ".ttl"):
        for quad in parse(path=str(path), format=RdfFormat.TURTLE):
            yield quad.triple
    yield from list_closure()
