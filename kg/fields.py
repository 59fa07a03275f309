"""What the ontology declares of each fact: its label, type, card key, place, column and so on, as typed fields.

A property of ``ontology/*.ttl`` with a ``kg:cardKey`` is a field. Surfaces (statements, card, text, page, tables, diff,
filters, schema) are loops over fields, so a fact is declared once and seen everywhere.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path

import msgspec
from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from kg.errors import OntologyError
from kg.resources import list_files
from kg.terms import ID, KG, OWL, RDF, RDFS, SKOS, XSD

_DATATYPES = ("string", "integer", "decimal", "boolean")
_KINDS = {
    **{f"{XSD}{name}": name for name in _DATATYPES},
    f"{SKOS}Concept": "term",
    f"{KG}Antigen": "term",
    f"{KG}Condition": "term",
    f"{KG}PartialDate": "date",
    f"{KG}Organisation": "organisation",
    f"{KG}RegistryRecord": "record",
    f"{RDF}Property": "property",
}
"""Kinds of values by what a property ranges over; any other class of ours makes a part, with fields of its own."""
_SHARED = ("integer", "decimal", "term")
"""Kinds of fields of which two may have one card key."""
_OWN_KEYS = frozenset(("trial", "conflicts", "evidence"))
"""Keys of a card that no field fills."""
_SCHEME = re.compile(rf"(?m)^<(?:{re.escape(ID)})?([^<>\s]{{1,200}})>\s{{1,9}}a\s{{1,9}}skos:ConceptScheme\b")
_ENDLESS = "…"
COMPARISONS = ("value", "member", "nothing")
_WHOLE = re.compile(r"\d{1,6}")
_COLUMN = re.compile(r"[a-z][a-z_]*\.[a-z][a-z0-9_]*")
_KEY = re.compile(r"[a-z][a-z0-9]*(?:[_.][a-z0-9]+)*")


class Field(msgspec.Struct, frozen=True):
    """A property as surfaces need it; one that stands at two card keys is two fields.

    :ivar name: Local name of the property (``costimulation``); its IRI where another package declares it.
    :ivar label: What it is called; ``shown_as`` is what people call one value.
    :ivar owner: Local name of the class that has it (``Intervention``); empty where several have.
    :ivar kind: ``string``, ``integer``, ``decimal``, ``boolean``, ``term``, ``date``, ``organisation``, ``record``,
        ``property`` or ``part``.
    :ivar range: Local name of the class of a part; empty for other kinds.
    :ivar scheme: Vocabulary of a term (``costimulation``); empty for other kinds.
    :ivar path: Dotted key on the card (``interventions.costimulation``).
    :ivar order: Place among the fields of its thing.
    :ivar is_code: Whether the values are codes of registries (``EARLY_PHASE1``).
    :ivar heading: What stands before the values on a page.
    :ivar section: Part of a page; empty for the first.
    :ivar columns: Tables and columns that hold it, as ``table.column``.
    :ivar compared: ``value``, ``member`` or ``nothing``.
    :ivar is_watched: Whether its absence is said.
    :ivar qualifies: Local names of the properties whose meaning depends on it.
    :ivar asked_as: Words by which questions ask for it; ``…`` stands for any ending.
    :ivar filter_key: Name of it in ``kg build --where``; empty where builds do not choose by it.
    """

    name: str
    label: str
    definition: str
    owner: str
    kind: str
    range: str
    scheme: str
    path: str
    order: int
    is_many: bool
    is_code: bool
    shown_as: str
    heading: str
    section: str
    columns: tuple[str, ...]
    compared: str
    is_watched: bool
    qualifies: tuple[str, ...]
    asked_as: tuple[str, ...]
    filter_key: str

    @property
    def node(self) -> str:
        """The property as an N-Triples term.

        >>> load_fields().find("logic").node.rpartition("#")[2]
        'logic>'
        """
        return f"<{self.name}>" if ":" in self.name else f"<{KG}{self.name}>"

    @property
    def key(self) -> str:
        """Last part of the card key.

        >>> load_fields().find("costimulation").key
        'costimulation'
        """
        return self.path.rpartition(".")[2]

    @property
    def group(self) -> str:
        """Card key of the things that have it; empty for the trial itself.

        >>> load_fields().find("doseLow").group
        'interventions.doses'
        """
        return self.path.rpartition(".")[0]


class Fields:
    """All fields, in the order in which surfaces show them.

    :ivar wider: Classes by the classes that they are a kind of, as local names.
    :ivar name_keys: Card key of the label of a thing, by its class.
    """

    def __init__(self, fields: Iterable[Field], wider: Mapping[str, str], name_keys: Mapping[str, str]) -> None:
        self.all = tuple(sorted(fields, key=lambda one: (one.group, one.order, one.name)))
        self.wider, self.name_keys = wider, name_keys
        self._by_name = {one.name: one for one in reversed(self.all)}

    def find(self, name: str) -> Field:
        """The field of a property.

        :raises OntologyError: the property has no card key.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise OntologyError(f"{_say(name)} is not a field", mend="Give it a kg:cardKey in ontology/") from None

    def at(self, path: str) -> Field | None:
        """The first field at a card key, or None.

        >>> load_fields().at("criteria.value").name
        'thresholdLow'
        """
        return next(iter(self.of_group(path.rpartition(".")[0]).get(path.rpartition(".")[2], ())), None)

    def get(self, name: str) -> Field | None:
        """The field of a property, or None."""
        return self._by_name.get(name)

    @cached_property
    def _groups(self) -> dict[str, dict[str, tuple[Field, ...]]]:
        found: dict[str, dict[str, tuple[Field, ...]]] = defaultdict(dict)
        places: dict[tuple[str, str], int] = {}
        for one in sorted(self.all, key=lambda one: (one.path.count("."), one.order)):
            found[one.group][one.key] = (*found[one.group].get(one.key, ()), one)
            places.setdefault((one.group, one.key), one.order)
            above, _, key = one.group.rpartition(".")
            if one.group and key not in found[above]:
                found[above][key] = ()
                places[above, key] = one.order
        return {
            group: {key: found[group][key] for key in sorted(held, key=lambda key: places[group, key])}
            for group, held in found.items()
        }

    def of_group(self, group: str = "") -> dict[str, tuple[Field, ...]]:
        """Fields of the things under a card key, by their own key, in order; fields with one key are the ends of a
        span, or properties of which a thing has one, and a key without a field is an object of its own.

        >>> fields = load_fields()
        >>> [one.name for one in fields.of_group()["enrollment"]], fields.of_group()["responsible_party"]
        (['enrollmentMin', 'enrollmentMax'], ())
        """
        return self._groups.get(group, {})

    def name_heading(self, path: str) -> str:
        """What stands before the values at a card key, for people; the last part of a key does too.

        >>> load_fields().name_heading("interventions.costimulation"), load_fields().name_heading("sites.latitude")
        ('co-stimulation', 'latitude')
        """
        return self._headings.get(path) or path.rpartition(".")[2].replace("_", " ")

    @cached_property
    def _headings(self) -> dict[str, str]:
        return {
            **{one.key: one.heading for one in reversed(self.all)},
            **{one.path: one.heading for one in reversed(self.all)},
        }

    def class_of(self, group: str) -> str:
        """Class of the things under a card key.

        >>> load_fields().class_of("interventions.doses"), load_fields().class_of("")
        ('Dose', 'Trial')
        """
        return self._classes.get(group, "Trial")

    @cached_property
    def _classes(self) -> dict[str, str]:
        return {one.path: one.range for one in self.all if one.range}

    def of_class(self, owner: str) -> Iterator[Field]:
        """Fields that a class has, those of wider classes included.

        >>> "cellSource" in [one.name for one in load_fields().of_class("CellProduct")]
        True
        """
        owners = set(self.widen(owner))
        return (one for one in self.all if one.owner in owners)

    def widen(self, owner: str) -> Iterator[str]:
        """A class and those that it is a kind of.

        >>> list(load_fields().widen("CellProduct"))
        ['CellProduct', 'Intervention']
        """
        while owner:
            yield owner
            owner = self.wider.get(owner, "")

    def find_link(self, field: Field) -> Field | None:
        """The field that leads from the things of a field's group to its owner, where that is a thing of its own.

        >>> fields = load_fields()
        >>> fields.find_link(fields.find("minDays")).name, fields.find_link(fields.find("city"))
        ('timeFrame', None)
        """
        return self._links.get(field.path)

    @cached_property
    def _links(self) -> dict[str, Field]:
        return {
            one.path: link
            for one in self.all
            if one.owner and not self._is_kind(one.owner, self.class_of(one.group))
            for link in self.of_class(self.class_of(one.group))
            if link.range == one.owner
        }

    def _is_kind(self, one: str, other: str) -> bool:
        """Whether one class is the other or a kind of it, either way round."""
        return one in self.widen(other) or other in self.widen(one)

    def of_table(self, table: str) -> dict[str, Field]:
        """Fields of a flat table by column, in order."""
        found = [
            (one.order, column.partition(".")[2], one)
            for one in self.all
            for column in one.columns
            if column.partition(".")[0] == table
        ]
        return {column: one for _, column, one in sorted(found, key=lambda row: row[:2])}


@cache
def load_fields() -> Fields:
    """The fields that the files of ``ontology/`` declare.

    :raises OntologyError: a declaration cannot be meant; file and line are named.
    """
    return read_fields(list_files("ontology", ".ttl"))


def read_fields(paths: Iterable[Path]) -> Fields:
    """The fields that Turtle files declare; a file without one is passed over.

    :raises OntologyError: a declaration cannot be meant; file and line are named.
    """
    fields: list[Field] = []
    places: dict[str, str] = {}
    known = _Known()
    wider: dict[str, str] = {}
    name_keys: dict[str, str] = {}
    taken: dict[str, str] = {}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        known.schemes.update(_SCHEME.findall(text))
        if "kg:cardKey" not in text:
            continue
        for iri, said in _read_subjects(path).items():
            wider |= {_local(iri): _local(one) for one in said.get(f"{RDFS}subClassOf", ()) if one.startswith(KG)}
            name_keys |= {_local(iri): one for one in said.get(f"{KG}nameKey", ())}
            if {f"{OWL}Class", f"{RDFS}Class"} & set(said.get(f"{RDF}type", ())):
                known.classes.add(_local(iri))
            if f"{KG}cardKey" not in said:
                continue
            places[_local(iri)] = f"{path.name}:{_find_line(text, iri)}"
            try:
                made = _make_fields(_local(iri), said)
                _check_columns(made[0], taken)
            except OntologyError as error:
                raise OntologyError(error.what, where=places[_local(iri)], mend=error.mend) from None
            fields.extend(made)
    _check_together(fields, known, places)
    return Fields(fields, wider, name_keys)


class _Known:
    """What the files declare besides fields: the classes and the vocabularies."""

    def __init__(self) -> None:
        self.classes: set[str] = set()
        self.schemes: set[str] = set()


def _check_together(fields: Iterable[Field], known: _Known, places: Mapping[str, str]) -> None:
    """See that what declarations name is there, and that no two take one key of the card.

    :raises OntologyError: something is not; file and line are named.
    """
    taken: dict[str, Field] = {}
    for one in fields:
        missing = [name for name in one.qualifies if name not in places]
        other = taken.setdefault(one.path, one)
        for is_wrong, what, mend in (
            (one.owner and one.owner not in known.classes, f"is of kg:{one.owner}, no class", "Mend rdfs:domain"),
            (one.range and one.range not in known.classes, f"ranges over kg:{one.range}, no class", "Mend rdfs:range"),
            (
                one.scheme and one.scheme not in known.schemes,
                f"has values of {one.scheme!r}, which is no vocabulary",
                "Declare the skos:ConceptScheme, or mend kg:valueScheme",
            ),
            (missing, f"qualifies {', '.join(missing)}, which is no field", "Mend kg:qualifies"),
            (one.path in _OWN_KEYS, f"has the card key {one.path!r} of every card", "Choose another kg:cardKey"),
            (
                not _can_share(one, other),
                f"has the card key {one.path!r} of {_say(other.name)}",
                "Choose another kg:cardKey; the ends of a span, and alternatives of one vocabulary, may share one",
            ),
        ):
            if is_wrong:
                raise OntologyError(f"{_say(one.name)} {what}", where=places[one.name], mend=mend)


def _can_share(one: Field, other: Field) -> bool:
    """Whether two fields may stand at one card key: the ends of a span, or alternatives of one vocabulary."""
    if one.name == other.name:
        return True
    return (one.owner, one.kind, one.scheme) == (other.owner, other.kind, other.scheme) and one.kind in _SHARED


def _read_subjects(path: Path) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    try:
        for subject, predicate, held, _ in parse(path=str(path), format=RdfFormat.TURTLE):
            if isinstance(subject, NamedNode) and isinstance(held, NamedNode | Literal):
                found[subject.value][predicate.value].append(held.value)
    except SyntaxError as error:
        raise OntologyError(f"not Turtle: {error}", where=path.name) from None
    return found


def _make_fields(name: str, said: Mapping[str, list[str]]) -> list[Field]:
    """A field for each card key of a property."""

    def tell(predicate: str, default: str = "") -> str:
        values = said.get(predicate, [default])
        if len(values) > 1:
            what = f"{_say(name)} has {len(values)} values of {_local(predicate)}"
            raise OntologyError(what, mend="Keep one")
        return values[0]

    def tell_whether(predicate: str) -> bool:
        value = tell(predicate, "false")
        if value not in ("true", "false"):
            raise OntologyError(f"{_say(name)} has {value!r} as {_local(predicate)}", mend="Write true or false")
        return value == "true"

    order = tell(f"{KG}order", "0")
    if not _WHOLE.fullmatch(order):
        raise OntologyError(f"{_say(name)} has the order {order!r}", mend="Write a whole number")
    label, is_many = tell(f"{RDFS}label"), tell_whether(f"{KG}isMany")
    kind, part = _read_range(name, tell(f"{RDFS}range"))
    made = [
        Field(
            name=name,
            label=label,
            definition=tell(f"{SKOS}definition"),
            owner=_local(tell(f"{RDFS}domain")),
            kind=kind,
            range=part,
            scheme=tell(f"{KG}valueScheme").removeprefix(ID),
            path=path,
            order=int(order),
            is_many=is_many,
            is_code=tell_whether(f"{KG}isCode"),
            shown_as=tell(f"{KG}shownAs", label),
            heading=tell(f"{KG}heading", path.rpartition(".")[2].replace("_", " ")),
            section=tell(f"{KG}section"),
            columns=tuple(sorted(said.get(f"{KG}tableColumn", ()))),
            compared=tell(f"{KG}comparedBy", "member" if is_many else "value"),
            is_watched=f"{KG}NotStatedItem" in said.get(f"{RDF}type", ()),
            qualifies=tuple(map(_local, sorted(said.get(f"{KG}qualifies", ())))),
            asked_as=tuple(said.get(f"{KG}askedAs", ())),
            filter_key=tell(f"{KG}filterKey"),
        )
        for path in sorted(said[f"{KG}cardKey"])
    ]
    for one in made:
        _check_field(one)
    return made


def _read_range(name: str, iri: str) -> tuple[str, str]:
    """Kind of the values of a property, and the class of a part."""
    if kind := _KINDS.get(iri):
        return kind, ""
    if iri.startswith(KG):
        return "part", _local(iri)
    datatypes = ", ".join(f"xsd:{one}" for one in _DATATYPES)
    mend = f"Give it an rdfs:range: a class of ours, skos:Concept, or one of {datatypes}"
    raise OntologyError(f"{_say(name)} ranges over {iri or 'nothing'}", mend=mend)


def _check_field(field: Field) -> None:
    """See that a declaration can be meant.

    :raises OntologyError: it cannot.
    """
    for is_wrong, what, mend in (
        (not field.label or not field.definition, "lacks label or definition", "Add rdfs:label and skos:definition"),
        (not _KEY.fullmatch(field.path), f"has the card key {field.path!r}", "Write small letters, digits, _ and dots"),
        (field.compared not in COMPARISONS, f"is compared by {field.compared!r}", f"One of {', '.join(COMPARISONS)}"),
        (field.scheme and field.kind != "term", "has a scheme and no terms", "Let it range over skos:Concept"),
        (field.kind == "term" and not field.scheme, "has terms and no scheme", "Add kg:valueScheme"),
        (any(one.count(".") != 1 for one in field.columns), "has a column without table", "Write table.column"),
        (
            not all(map(_COLUMN.fullmatch, field.columns)),
            f"fills {', '.join(field.columns)}",
            "Write table.column in small letters, digits and _",
        ),
        (
            not all(map(_is_pattern, field.asked_as)),
            f"is asked as {', '.join(map(repr, field.asked_as))}",
            "Write words, or a regular expression of words",
        ),
        (
            field.filter_key and not _KEY.fullmatch(field.filter_key),
            f"has the filter key {field.filter_key!r}",
            "Write small letters, digits and _",
        ),
    ):
        if is_wrong:
            raise OntologyError(f"{_say(field.name)} {what}", mend=mend)


def _is_pattern(words: str) -> bool:
    """Whether words are a regular expression that matches something."""
    try:
        return bool(words.strip()) and re.compile(words.replace(_ENDLESS, "")) is not None
    except re.error:
        return False


def _check_columns(field: Field, taken: dict[str, str]) -> None:
    for column in field.columns:
        if column in taken:
            what = f"{_say(field.name)} and {_say(taken[column])} both fill the column {column}"
            raise OntologyError(what, mend="Keep one")
        taken[column] = field.name


def _find_line(text: str, iri: str) -> int:
    """Line on which a file describes a term: the first that begins with its name."""
    name = re.escape(re.split(r"[#/]", iri)[-1])
    found = re.search(rf"(?m)^(?:[\w.-]{{0,60}}:|<[^<>\s]{{0,200}}[#/]){name}>?\s", text)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _say(name: str) -> str:
    """A property as messages name it: one of ours by its prefix."""
    return f"<{name}>" if ":" in name else f"kg:{name}"


def _local(iri: str) -> str:
    return iri.removeprefix(KG)
