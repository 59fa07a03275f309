"""What each flat table holds: where its rows stand, seen from the trial, and where a column's values stand."""

from __future__ import annotations

import re

import msgspec

from kg.fields import Field, load_fields
from kg.terms import hash_key

_NAME = re.compile(r"(?<!\w)\w+:\w+")
ADDED_PREFIXES: dict[str, str] = {}
"""Prefixes of the properties that other packages declare."""


class Column(msgspec.Struct, frozen=True):
    """A column: where its values stand, seen from the row (or from its trial), and what they mean.

    :ivar path: A property path of SPARQL, with ``/``, ``^``, and ``|`` in brackets; empty for the row's own IRI.
    :ivar type: ``string``, ``integer``, ``decimal`` or ``boolean``. Strings are joined; of numbers the least is taken.
    :ivar of: From where the path is seen: the ``row``, its ``trial``, or the trial's ``own`` node for a row that trials
        share.
    :ivar supports: Property. The path leads to evidence, and the values are the words on which the property rests; what
        an older record says otherwise is left out.
    :ivar shown: Property whose value stands for what the path finds, where it has one.
    :ivar default: What it means that the path finds nothing, where that means something.
    """

    name: str
    path: str
    note: str
    type: str = "string"
    of: str = "row"
    supports: str = ""
    shown: str = ""
    default: bool | None = None

    @property
    def properties(self) -> frozenset[str]:
        """The properties from which the column is read.

        >>> sorted(Column("sponsor", "kg:sponsor/rdfs:label", "").properties)
        ['kg:sponsor', 'rdfs:label']
        """
        words = ("kg:predicate", "kg:superseded", "kg:exactWords") if self.supports else ()
        return frozenset((*_NAME.findall(f"{self.path} {self.shown}"), *words))


class Table(msgspec.Struct, frozen=True):
    """A table: ``rows`` is the path from a trial to its rows, which are of the class ``kind``.

    Each table begins with the trial's IRI and its registry id.

    :ivar own: Property from a trial to its own nodes for rows that trials share, and the one from there to the row.
    """

    name: str
    note: str
    kind: str
    rows: str
    columns: tuple[Column, ...]
    own: tuple[str, str] | None = None

    @property
    def properties(self) -> frozenset[str]:
        """The properties from which the table is read."""
        return frozenset({"rdf:type", *_NAME.findall(self.rows), *(self.own or ())}).union(
            *(one.properties for one in list_columns(self)), POSITION.properties
        )


def list_columns(table: Table) -> tuple[Column, ...]:
    """The columns of a table, with those that every table begins with."""
    return (Column("trial", "", "IRI of the trial", of="trial"), _REGISTRY_ID, *table.columns)


def _quote(name: str, about: str, supports: str, note: str) -> Column:
    """The words of the record on which a property rests; ``about`` leads from the evidence to the row."""
    return Column(name, f"^{about}", note, supports=supports)


POSITION = Column("position", "kg:position", "Place in the record", "integer")
"""Orders the rows of a trial; no table shows it."""
_REGISTRY_ID = Column("registry_id", "kg:registryId", "Number that the registry gave the trial", of="trial")
_PRODUCT = Column("product", "(^kg:hasBinding|^kg:hasDose)/rdfs:label", "Product, as the record names it")
_NOT_STATED = Column("not_stated", "kg:notStated/kg:cardKey", "Keys that the record was read for and does not tell")

_SHOWN_BY = {"term": "/skos:notation", "date": "/rdfs:label", "organisation": "/rdfs:label"}
"""Step from a value that is a thing to what stands for it in a cell."""
_FIRST, _LAST = "", "(last)"
"""Where a column is added, if not behind another."""
_TYPES = frozenset({"integer", "decimal", "boolean"})


def _list_fields(table: str, kind: str) -> dict[str, Column]:
    """Columns that the ontology declares of a table, by name, with their places among the table's columns."""
    return {name: _make_column(name, field, kind) for name, field in load_fields().of_table(table).items()}


def _name_property(field: Field) -> str:
    """A property as a prefixed name; a namespace of another package gets a prefix of its own."""
    if ":" not in field.name:
        return f"kg:{field.name}"
    namespace, mark, local = re.split(r"([#/])(?=[^#/]*$)", field.name)
    prefix = f"x{hash_key(namespace)}"
    ADDED_PREFIXES[prefix] = namespace + mark
    return f"{prefix}:{local}"


def _make_column(name: str, field: Field, kind: str) -> Column:
    link = load_fields().find_link(field)
    step = f"{_name_property(link)}/" if link and kind != field.owner else ""
    end = "/skos:prefLabel" if field.scheme == "product" else _SHOWN_BY.get(field.kind, "")
    kinds = [*load_fields().widen(kind), *load_fields().widen(load_fields().class_of(field.group))]
    alternatives = load_fields().of_group(field.group)[field.key] if field.kind == "term" else (field,)
    names = "|".join(map(_name_property, alternatives))
    return Column(
        name,
        f"{step}{f'({names})' if len(alternatives) > 1 else names}{end}",
        field.definition,
        field.kind if field.kind in _TYPES else "string",
        default=False if field.kind == "boolean" and field.qualifies else None,
        of="row" if link or not field.owner or set(load_fields().widen(field.owner)) & set(kinds) else "own",
    )


def _make_table(
    name: str, note: str, kind: str, rows: str, *added: tuple[str, Column], own: tuple[str, str] | None = None
) -> Table:
    """A table of the columns that the ontology declares; what it cannot declare is added, each behind a column."""
    columns = {"": None, **_list_fields(name, kind.removeprefix("kg:"))}
    for behind, column in added:
        names = list(columns)
        place = len(names) if behind == _LAST else names.index(behind) + 1
        columns = dict([*list(columns.items())[:place], (column.name, column), *list(columns.items())[place:]])
    return Table(name, note, kind, rows, tuple(one for one in columns.values() if one), own)


TABLES = {
    table.name: table
    for table in (
        _make_table(
            "trials",
            "One row a trial",
            "kg:Trial",
            "",
            (
                "conditions",
                Column("condition_terms", "kg:condition/skos:prefLabel", "Conditions as terms of the vocabulary"),
            ),
            ("number_of_sites", Column("countries", "kg:country/skos:notation", "Countries of the sites, ISO 3166-1")),
            (
                _LAST,
                Column(
                    "targets", "kg:hasIntervention/kg:hasBinding/kg:antigen/skos:notation", "Antigens its products bind"
                ),
            ),
            (_LAST, _NOT_STATED),
        ),
        _make_table(
            "products",
            "One row a cell product",
            "kg:CellProduct",
            "kg:hasIntervention",
            (_FIRST, Column("product", "rdfs:label", "Product, as the record names it")),
            ("cell_type", Column("targets", "kg:hasBinding/kg:antigen/skos:notation", "Antigens that it binds")),
            (
                "cell_source_as_written",
                _quote("cell_source_quote", "kg:subject", "kg:cellSource", "Words on which the cell source rests"),
            ),
            (_LAST, _NOT_STATED),
        ),
        _make_table(
            "targets",
            "One row an antigen that a product binds",
            "kg:Binding",
            "kg:hasIntervention/kg:hasBinding",
            (_FIRST, _PRODUCT),
            ("target", Column("target_label", "kg:antigen/skos:prefLabel", "Common name")),
            (_LAST, _quote("quote", "kg:subject", "kg:antigen", "Words on which the target rests")),
        ),
        _make_table(
            "doses",
            "One row a dose of a product",
            "kg:Dose",
            "kg:hasIntervention/kg:hasDose",
            (_FIRST, _PRODUCT),
            (_LAST, _quote("quote", "kg:object", "kg:hasDose", "Words on which the dose rests")),
        ),
        _make_table(
            "endpoints",
            "One row an endpoint",
            "kg:Endpoint",
            "kg:hasEndpoint",
            ("role", Column("endpoint", "rdfs:label", "Measure as written")),
            ("kinds", Column("time_frame", "kg:timeFrame/rdfs:label", "When, as written")),
        ),
        _make_table(
            "sites",
            "One row a trial and site",
            "kg:Site",
            "kg:hasSite",
            (_LAST, Column("latitude", "kg:location/geo:lat", "Degrees north", "decimal")),
            (_LAST, Column("longitude", "kg:location/geo:long", "Degrees east", "decimal")),
            (_LAST, Column("trial_status", "kg:status/skos:notation", "Recruitment status of the trial", of="trial")),
            own=("kg:hasTrialSite", "kg:site"),
        ),
        _make_table(
            "criteria",
            "One row an eligibility criterion that can be compared",
            "kg:Criterion",
            "kg:hasCriterion",
            (_LAST, _quote("quote", "kg:object", "kg:hasCriterion", "Words on which the criterion rests")),
        ),
        _make_table(
            "not_targets",
            "One row an antigen that is named but not bound",
            "kg:AntigenMention",
            "kg:hasAntigenMention",
            (_LAST, _quote("quote", "kg:object", "kg:hasAntigenMention", "Words in which it is named")),
        ),
        Table(
            "records",
            "One row a record that was read",
            "kg:RegistryRecord",
            "kg:hasRecord",
            (
                Column("record", "", "IRI of the record"),
                Column("file", "kg:fileName", "File, with the line where it holds several"),
                Column("format", "kg:recordFormat", "Format in which it was read"),
                Column("sha256", "kg:sha256", "Of the record's text"),
                Column("updated", "kg:lastUpdateDate/rdfs:label", "Date of this version as it gives it"),
            ),
        ),
        Table(
            "evidence",
            "One row a statement read from prose",
            "kg:Evidence",
            "kg:hasRecord/^kg:fromRecord",
            (
                Column("property", "kg:predicate", "Property that the words support", shown="rdfs:label"),
                Column("about", "kg:subject", "IRI of the thing they are about"),
                Column("value", "(kg:object|kg:objectValue)", "Value: notation, text or IRI", shown="skos:notation"),
                Column("quote", "kg:exactWords", "The words"),
                Column("field", "kg:field", "Dotted path in the record; text for a page"),
                Column("start", "kg:start", "First code point in the field", "integer"),
                Column("end", "kg:end", "One past the last", "integer"),
                Column("rule", "kg:rule", "Rule that read it"),
                Column("basis", "kg:basis/skos:notation", "Stated, implied or inferred"),
                Column("superseded", "kg:superseded", "True where a newer record says otherwise", "boolean"),
                Column("file", "kg:fromRecord/kg:fileName", "File of the record"),
            ),
        ),
    )
}
"""All tables by name."""
