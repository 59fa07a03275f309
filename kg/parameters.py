"""What stored queries can be asked with: parameters, and the typed RDF term that a user's text becomes.

Bounds are the query's own: they stand in its header, and a value outside them is refused before anything runs.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

import msgspec
from pyoxigraph import Literal, NamedNode

from kg.errors import QueryError, cut
from kg.lexicon import fold, open_lexicon
from kg.terms import ID, XSD
from kg.vocabularies import Term, load_vocabularies

TYPES = frozenset({"term", "trial", "string", "integer", "decimal", "date", "boolean"})
_TRIAL_KEY = re.compile(r"[\w./-]{1,80}")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MAX_TEXT = 300
_DECIMALS = 9
"""More of them overflow the engine's xsd:decimal, and the comparison would silently fail."""


class Parameter(msgspec.Struct, frozen=True):
    """What a query can be asked with.

    :ivar type: ``term`` (of ``scheme``), ``trial``, ``string``, ``integer``, ``decimal``, ``date`` or ``boolean``.
    :ivar least: Smallest number it takes; ``min`` in the header.
    :ivar most: Largest number it takes; ``max`` in the header.
    """

    name: str
    type: str
    scheme: str = ""
    example: str = ""
    required: bool = False
    note: str = ""
    least: Decimal | None = None
    most: Decimal | None = None


def read_parameter(name: str, given: dict[str, Any], where: str) -> Parameter:
    """A parameter as a query's header declares it.

    :raises QueryError: an unknown key or type, or a number without bounds.
    """
    unknown = set(given) - {"type", "scheme", "example", "required", "note", "min", "max"}
    kind = given.get("type")
    if unknown or kind not in TYPES:
        wrong = "the unknown key " + ", ".join(sorted(unknown)) if unknown else "no known type"
        raise QueryError(f"the parameter {name!r} has {wrong}", where=where)
    if kind in ("integer", "decimal") and not {"min", "max"} <= set(given):
        raise QueryError(f"the parameter {name!r} is a number without min and max", where=where)
    return Parameter(
        name,
        str(kind),
        str(given.get("scheme", "")),
        str(given.get("example", "")),
        bool(given.get("required")),
        str(given.get("note", "")),
        *(Decimal(str(given[key])) if key in given else None for key in ("min", "max")),
    )


def make_term(parameter: Parameter, value: Any) -> NamedNode | Literal:
    """A value as an RDF term.

    :raises QueryError: the value does not fit the parameter's type, or is out of its bounds.
    """
    text = str(value).strip()
    if parameter.type == "term":
        return NamedNode(resolve_term(parameter.scheme, text).iri)
    if parameter.type == "trial":
        if text.startswith(f"{ID}trial/") or (not text.startswith("http") and _TRIAL_KEY.fullmatch(text)):
            return _make_node(parameter, text if text.startswith("http") else f"{ID}trial/{text}")
        raise _no_such(parameter, text)
    if parameter.type in ("integer", "decimal"):
        return Literal(_read_number(parameter, text), datatype=NamedNode(XSD + parameter.type))
    if parameter.type == "date":
        return Literal(_read_day(parameter, text), datatype=NamedNode(f"{XSD}date"))
    if parameter.type == "boolean":
        if text.lower() not in ("true", "false"):
            raise _no_such(parameter, text, "true or false")
        return Literal(text.lower(), datatype=NamedNode(f"{XSD}boolean"))
    if len(text) > _MAX_TEXT:
        raise QueryError(
            f"{parameter.name} has {len(text):,} characters: {cut(text)}", mend=f"Give at most {_MAX_TEXT} characters"
        )
    return Literal(text)


def _make_node(parameter: Parameter, iri: str) -> NamedNode:
    try:
        return NamedNode(iri)
    except ValueError:
        raise _no_such(parameter, iri) from None


def _no_such(parameter: Parameter, text: str, wanted: str = "") -> QueryError:
    mend = f"It must be {wanted}" if wanted else f"For example {parameter.example}" if parameter.example else ""
    return QueryError(f"{cut(text)} is no {parameter.type} for the parameter {parameter.name!r}", mend=mend)


def _read_number(parameter: Parameter, text: str) -> str:
    """A number as xsd:integer or xsd:decimal writes it, inside the parameter's bounds."""
    try:
        number = Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:
        number = None
    is_whole = number is not None and number == number.to_integral_value()
    if number is None or (parameter.type == "integer" and not is_whole):
        raise _no_such(parameter, text)
    if (parameter.least is not None and number < parameter.least) or (
        parameter.most is not None and number > parameter.most
    ):
        raise QueryError(
            f"{parameter.name}={cut(text)} is out of range",
            mend=f"It must be from {parameter.least:f} to {parameter.most:f}",
        )
    return str(int(number)) if parameter.type == "integer" else f"{round(number, _DECIMALS):f}"


def _read_day(parameter: Parameter, text: str) -> str:
    """A day of the calendar, written as the ISO writes it."""
    if not _DAY.fullmatch(text):
        raise _no_such(parameter, text, f"written year-month-day, as {parameter.example}")
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise QueryError(f"{parameter.name}={text} is no day of the calendar: {error}") from None


def resolve_term(scheme: str, text: str) -> Term:
    """The term of a vocabulary that a user's word means: its notation, label, any form, or an outward id
    (``HGNC:6012``, ``P26951``).

    :raises QueryError: no term fits; near names are given.
    """
    terms = load_vocabularies().scheme(scheme)
    if text in terms:
        return terms[text]
    folded = fold(text)
    known = _names_of(scheme)
    if folded in known:
        return terms[known[folded]]
    matches = [match for match in open_lexicon(scheme).find(text) if match.end - match.start == len(text)]
    if len({match.term.iri for match in matches}) == 1:
        return matches[0].term
    from rapidfuzz import process

    near = dict.fromkeys(
        terms[known[name]].label
        for name, score, _ in process.extract(folded[:_MAX_TEXT], list(known), limit=6)
        if score > 75
    )
    noun = scheme.replace("-", " ")
    raise QueryError(
        f"{cut(text)} is no {noun} that kg knows",
        mend=f"Did you mean {', '.join(near)}?" if near else f"See `kg query terms --param scheme={scheme}`",
    )


@cache
def _names_of(scheme: str) -> dict[str, str]:
    """Folded names of a scheme's terms, to their notations; what two terms share names neither."""
    found: dict[str, set[str]] = {}
    for notation, term in load_vocabularies().scheme(scheme).items():
        names = (
            notation,
            term.label,
            *term.alt_labels,
            *term.forms,
            *term.case_forms,
            *term.context_forms,
            *(_short_id(iri) for iri in term.matches),
            term.iri,
        )
        for name in names:
            found.setdefault(fold(name), set()).add(notation)
    own = {fold(notation): notation for notation in load_vocabularies().scheme(scheme)}
    labels = {fold(term.label): term.notation for term in load_vocabularies().scheme(scheme).values()}
    return {
        **{name: next(iter(notations)) for name, notations in found.items() if len(notations) == 1},
        **labels,
        **own,
    }


def _short_id(iri: str) -> str:
    """An outward IRI as people write it.

    >>> _short_id("http://identifiers.org/hgnc/6012")
    'hgnc:6012'
    """
    head, _, tail = iri.rstrip("/").rpartition("/")
    space = head.rpartition("/")[2]
    if "uniprot" in head:
        return tail
    return tail.replace("_", ":") if "_" in tail else f"{space}:{tail}"
