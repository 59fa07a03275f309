"""Flat tables for spreadsheets and data frames: one row a trial, product, target, endpoint, site, criterion and so on.

A table is a pattern that finds its rows and, for each column, a pattern that finds the values. Each is answered by
itself, so that many-valued columns do not multiply rows: their values stand in one cell, sorted and joined by "; ".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
from pyoxigraph import QuerySolutions

from kg.errors import QueryError, UsageError
from kg.queries import to_value
from kg.store import Snapshot
from kg.terms import PREFIXES

FORMATS = ("csv", "parquet")
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
"""First characters that make a spreadsheet run a cell (https://owasp.org/www-community/attacks/CSV_Injection)."""
_QUOTED = re.compile(r'[",\r\n]')
_READ = {"string": str, "integer": int, "decimal": float, "boolean": bool}


class Column(msgspec.Struct, frozen=True):
    """A column: where its values stand, seen from ``?row`` (or from ``?trial``), and what they mean.

    :ivar path: A property path, or a whole pattern that binds ``?value``.
    :ivar type: ``string``, ``integer``, ``decimal`` or ``boolean``. Strings are joined; of numbers the least is taken.
    """

    name: str
    path: str
    note: str
    type: str = "string"
    of: str = "row"

    @property
    def pattern(self) -> str:
        """The pattern that binds ``?value``."""
        return self.path if "?value" in self.path else f"?{self.of} {self.path} ?value ."


class Table(msgspec.Struct, frozen=True):
    """A table: ``kind`` is the class of its rows, ``rows`` binds ``?trial`` and ``?row``.

    Each table begins with the trial's IRI and its registry id.
    """

    name: str
    note: str
    kind: str
    rows: str
    columns: tuple[Column, ...]


def _quote(about: str, predicate: str) -> str:
    """The words of the record on which a statement rests; what an older record says otherwise is left out."""
    return (f"?said kg:{about} ?row ; kg:predicate kg:{predicate} ; kg:exactWords ?value . "
            "FILTER NOT EXISTS { ?said kg:superseded true }")


_REGISTRY_ID = Column("registry_id", "kg:registryId", "Number that the registry gave the trial", of="trial")
_PRODUCT = Column("product", "(^kg:hasBinding|^kg:hasDose)/rdfs:label", "Product, as the record names it")
_NOT_STATED = Column("not_stated", "kg:notStated/kg:cardKey", "Keys that the record was read for and does not tell")

TABLES = {table.name: table for table in (
    Table("trials", "One row a trial", "kg:Trial", "?trial a kg:Trial . BIND(?trial AS ?row)", (
        Column("secondary_ids", "kg:secondaryId", "Other numbers of the trial"),
        Column("title", "kg:title", "Short title"),
        Column("official_title", "kg:officialTitle", "Scientific title"),
        Column("status", "kg:status/skos:notation", "Recruitment status"),
        Column("phases", "kg:phase/skos:notation", "Phases"),
        Column("study_type", "kg:studyType/skos:notation", "Interventional, observational …"),
        Column("allocation", "kg:allocation/skos:notation", "How participants come to an arm"),
        Column("intervention_model", "kg:interventionModel/skos:notation", "Layout of arms"),
        Column("masking", "kg:masking/skos:notation", "Who does not know the arm"),
        Column("primary_purpose", "kg:primaryPurpose/skos:notation", "What the interventions are for"),
        Column("enrollment_min", "kg:enrollmentMin", "Participants; the lower end of a range", "integer"),
        Column("enrollment_max", "kg:enrollmentMax", "Participants; the upper end of a range", "integer"),
        Column("sex", "kg:sex/skos:notation", "Sexes that may take part"),
        Column("healthy_volunteers", "kg:healthyVolunteers", "Whether healthy people may take part", "boolean"),
        Column("min_age_years", "kg:minAgeYears", "Youngest age, in years", "decimal"),
        Column("max_age_years", "kg:maxAgeYears", "Oldest age, in years", "decimal"),
        Column("conditions", "kg:conditionName", "Conditions as written"),
        Column("condition_terms", "kg:condition/skos:prefLabel", "Conditions as terms of the vocabulary"),
        Column("disease_setting", "kg:diseaseSetting/skos:notation", "Relapsed, refractory, newly diagnosed …"),
        Column("sponsor", "kg:sponsor/rdfs:label", "Organisation that answers for the trial"),
        Column("collaborators", "kg:collaborator/rdfs:label", "Organisations that support it"),
        Column("funder_types", "kg:funderType", "Kinds of organisation that pay"),
        Column("start_date", "kg:startDate/rdfs:label", "First enrolment; year, month or day as known"),
        Column("completion_date", "kg:completionDate/rdfs:label", "Last visit; year, month or day as known"),
        Column("last_update_date", "kg:lastUpdateDate/rdfs:label", "Last change in the registry"),
        Column("number_of_arms", "kg:numberOfArms", "Arms", "integer"),
        Column("number_of_sites", "kg:numberOfSites", "Sites", "integer"),
        Column("countries", "kg:country/skos:notation", "Countries of the sites, ISO 3166-1"),
        Column("contacts", "kg:contactName", "Contacts"),
        Column("has_results", "kg:hasResults", "Whether the registry shows results", "boolean"),
        Column("targets", "kg:hasIntervention/kg:hasBinding/kg:antigen/skos:notation", "Antigens its products bind"),
        _NOT_STATED)),
    Table("products", "One row a cell product", "kg:CellProduct",
          "?trial kg:hasIntervention ?row . ?row a kg:CellProduct .", (
        Column("product", "rdfs:label", "Product, as the record names it"),
        Column("named_product", "kg:namedProduct/skos:prefLabel", "Known product that it is"),
        Column("modality", "kg:modality/skos:notation", "CAR-T, CAR-NK, TCR-T, TIL …"),
        Column("cell_type", "kg:cellType/skos:notation", "Kind of cell"),
        Column("targets", "kg:hasBinding/kg:antigen/skos:notation", "Antigens that it binds"),
        Column("logic", "kg:logic/skos:notation", "How several targets work together"),
        Column("cell_source", "kg:cellSource/skos:notation", "Where the cells come from, wider and narrower terms"),
        Column("cell_source_basis", "kg:sourceBasis/skos:notation", "Stated, implied or inferred"),
        Column("cell_source_as_written", "kg:cellSourceAsWritten", "The record's word"),
        Column("cell_source_quote", _quote("subject", "cellSource"), "Words on which the cell source rests"),
        Column("off_the_shelf", "kg:offTheShelf", "Whether it is made before the patient is known", "boolean"),
        Column("costimulation", "kg:costimulation/skos:notation", "Co-stimulatory domains"),
        Column("safety_switch", "kg:safetySwitch/skos:notation", "Safety switches"),
        Column("edits", "kg:edit", "Genes that were edited"),
        Column("lymphodepletion", "kg:lymphodepletion", "Drugs given before the cells"),
        Column("dose_escalation", "kg:doseEscalation", "Whether the dose is raised step by step", "boolean"),
        _NOT_STATED)),
    Table("targets", "One row an antigen that a product binds", "kg:Binding",
          "?trial kg:hasIntervention/kg:hasBinding ?row .", (
        _PRODUCT,
        Column("target", "kg:antigen/skos:notation", "HGNC symbol, or the antigen's label where it is no one gene"),
        Column("target_label", "kg:antigen/skos:prefLabel", "Common name"),
        Column("target_as_written", "kg:asWritten", "The record's word"),
        Column("binder", "kg:binder", "What binds it, where that is told"),
        Column("binder_type", "kg:binderType/skos:notation", "Antibody fragment, ligand …"),
        Column("quote", _quote("subject", "antigen"), "Words on which the target rests"))),
    Table("doses", "One row a dose of a product", "kg:Dose", "?trial kg:hasIntervention/kg:hasDose ?row .", (
        _PRODUCT,
        Column("role", "kg:doseRole/skos:notation", "Range, start, level or RP2D"),
        Column("low", "kg:doseLow", "Lower end", "decimal"),
        Column("high", "kg:doseHigh", "Upper end", "decimal"),
        Column("unit", "kg:doseUnit", "cells, cells/kg or cells/m2"),
        Column("quote", _quote("object", "hasDose"), "Words on which the dose rests"))),
    Table("endpoints", "One row an endpoint", "kg:Endpoint", "?trial kg:hasEndpoint ?row .", (
        Column("role", "kg:endpointRole/skos:notation", "Primary, secondary or other"),
        Column("endpoint", "rdfs:label", "Measure as written"),
        Column("kind", "kg:mainKind/skos:notation", "Main thing measured"),
        Column("kinds", "kg:endpointKind/skos:notation", "All things measured"),
        Column("time_frame", "kg:timeFrame/rdfs:label", "When, as written"),
        Column("min_days", "kg:timeFrame/kg:minDays", "Lower bound in days", "decimal"),
        Column("max_days", "kg:timeFrame/kg:maxDays", "Upper bound in days", "decimal"),
        Column("anchor", "kg:timeFrame/kg:anchor", "Event from which the time counts"),
        Column("event_driven", "kg:timeFrame/kg:eventDriven", "Whether an event ends it", "boolean"),
        Column("grading", "kg:grading", "Scale, such as CTCAE v5.0"))),
    Table("sites", "One row a trial and site", "kg:Site", "?trial kg:hasSite ?row .", (
        Column("facility", "kg:facility", "Hospital or institute"),
        Column("city", "kg:city", "City"),
        Column("region", "kg:region", "State or province"),
        Column("country", "kg:country/skos:notation", "ISO 3166-1 code"),
        Column("latitude", "geo:lat", "Degrees north", "decimal"),
        Column("longitude", "geo:long", "Degrees east", "decimal"))),
    Table("criteria", "One row an eligibility criterion that can be compared", "kg:Criterion",
          "?trial kg:hasCriterion ?row .", (
        Column("list", "kg:criterionList/skos:notation", "Inclusion or exclusion"),
        Column("measure", "kg:measure/skos:notation", "What is looked at"),
        Column("antigen", "kg:antigen/skos:notation", "Antigen, where its expression is looked at"),
        Column("op", "kg:comparator", "Comparator; empty where presence alone counts"),
        Column("low", "kg:thresholdLow", "Value compared with; lower end of a range", "decimal"),
        Column("high", "kg:thresholdHigh", "Value compared with; upper end of a range", "decimal"),
        Column("unit", "kg:unit", "Unit"),
        Column("quote", _quote("object", "hasCriterion"), "Words on which the criterion rests"))),
    Table("not_targets", "One row an antigen that is named but not bound", "kg:AntigenMention",
          "?trial kg:hasAntigenMention ?row .", (
        Column("antigen", "kg:antigen/skos:notation", "HGNC symbol or label"),
        Column("antigen_as_written", "kg:asWritten", "The record's word"),
        Column("role", "kg:mentionRole/skos:notation", "Eligibility marker, reagent, co-stimulation …"),
        Column("quote", _quote("object", "hasAntigenMention"), "Words in which it is named"))),
    Table("records", "One row a record that was read", "kg:RegistryRecord", "?trial kg:hasRecord ?row .", (
        Column("record", "BIND(STR(?row) AS ?value)", "IRI of the record"),
        Column("file", "kg:fileName", "File, with the line where it holds several"),
        Column("format", "kg:recordFormat", "Format in which it was read"),
        Column("sha256", "kg:sha256", "Of the record's text"),
        Column("updated", "kg:lastUpdateDate/rdfs:label", "Date of this version as it gives it"))),
    Table("evidence", "One row a statement read from prose", "kg:Evidence",
          "?row kg:fromRecord/^kg:hasRecord ?trial .", (
        Column("property", "?row kg:predicate ?said . OPTIONAL { ?said rdfs:label ?label } "
                           "BIND(STR(COALESCE(?label, ?said)) AS ?value)", "Property that the words support"),
        Column("about", "kg:subject", "IRI of the thing they are about"),
        Column("value", "?row kg:object|kg:objectValue ?object . OPTIONAL { ?object skos:notation ?notation } "
                        "BIND(STR(COALESCE(?notation, ?object)) AS ?value)", "Value: notation, text or IRI"),
        Column("quote", "kg:exactWords", "The words"),
        Column("field", "kg:field", "Dotted path in the record; text for a page"),
        Column("start", "kg:start", "First code point in the field", "integer"),
        Column("end", "kg:end", "One past the last", "integer"),
        Column("rule", "kg:rule", "Rule that read it"),
        Column("basis", "kg:basis/skos:notation", "Stated, implied or inferred"),
        Column("superseded", "kg:superseded", "True where a newer record says otherwise", "boolean"),
        Column("file", "kg:fromRecord/kg:fileName", "File of the record"))))}
"""All tables by name."""


def list_tables() -> dict[str, Table]:
    """All tables by name, with their columns and what these mean."""
    return TABLES


def list_columns(table: Table) -> tuple[Column, ...]:
    """The columns of a table, with those that every table begins with."""
    return (Column("trial", "", "IRI of the trial"), _REGISTRY_ID, *table.columns)


def write_tables(snapshot: Snapshot, folder: Path, form: str, names: Sequence[str] = ()) -> list[Path]:
    """Write tables, all of them by default, as one file each; a file appears only when it is whole.

    :raises UsageError: a format or table is unknown, or ``pyarrow`` is not installed.
    """
    tables = [_find_table(name, form) for name in names or TABLES]
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in tables:
        path = folder / f"{table.name}.{form}"
        with (part := path.with_name(f".{path.name}.part")).open("wb") as stream:
            write_table(snapshot, table.name, form, stream)
        written.append(part.replace(path))
    return written


def write_table(snapshot: Snapshot, name: str, form: str, stream: IO[bytes]) -> int:
    """Write one table; the number of its rows.

    :raises UsageError: the format or table is unknown, or ``pyarrow`` is not installed.
    """
    table = _find_table(name, form)
    rows = read_table(snapshot, table)
    if form == "csv":
        return _write_csv(table, rows, stream)
    return _write_parquet(table, rows, stream)


def _find_table(name: str, form: str) -> Table:
    if form not in FORMATS:
        raise UsageError(f"no table format {form!r}", mend=f"One of {', '.join(FORMATS)}")
    if name not in TABLES:
        raise UsageError(f"no table {name!r}", mend=f"One of {', '.join(TABLES)}")
    if form == "parquet":
        _import_pyarrow()
    return TABLES[name]


def _import_pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("Parquet needs pyarrow", mend="pip install 'trialkg[parquet]'") from None
    return pyarrow, parquet


def read_table(snapshot: Snapshot, table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows: sorted by trial, then in the order of the record, then by IRI."""
    position = Column("position", "kg:position", "", "integer")
    places = _read_column(snapshot, table, position)
    keys = sorted({(trial, places.get(row, 0), row) for trial, row in _select(snapshot, table.rows, "trial", "row")})
    columns = [(column.of, _read_column(snapshot, table, column)) for column in list_columns(table)[1:]]
    for trial, _, row in keys:
        yield trial, *(values.get(trial if of == "trial" else row) for of, values in columns)


def _read_column(snapshot: Snapshot, table: Table, column: Column) -> dict[str, Any]:
    """Values of a column by the IRI they belong to."""
    found: dict[str, set[Any]] = defaultdict(set)
    kind = "kg:Trial" if column.of == "trial" else table.kind
    for key, value in _select(snapshot, f"?{column.of} a {kind} . {column.pattern}", column.of, "value"):
        found[key].add(_READ[column.type](value))
    return {key: "; ".join(sorted(values)) if column.type == "string" else min(values)
            for key, values in found.items()}


def _select(snapshot: Snapshot, pattern: str, *names: str) -> Iterator[tuple[Any, ...]]:
    prefixes = "".join(f"PREFIX {prefix}: <{namespace}>\n" for prefix, namespace in PREFIXES.items())
    found = snapshot.engine.query(f"{prefixes}SELECT {' '.join(f'?{name}' for name in names)} WHERE {{ {pattern} }}")
    if not isinstance(found, QuerySolutions):
        raise QueryError("a table's pattern must select")
    for solution in found:
        yield tuple(to_value(solution[name]) for name in names)


def _write_csv(table: Table, rows: Iterator[tuple[Any, ...]], stream: IO[bytes]) -> int:
    """RFC 4180 in UTF-8 without a mark, with LF as line end."""
    stream.write((",".join(column.name for column in list_columns(table)) + "\n").encode())
    count = 0
    for row in rows:
        stream.write((",".join(map(write_cell, row)) + "\n").encode())
        count += 1
    return count


def write_cell(value: Any) -> str:
    """A value as a CSV cell that no spreadsheet runs: text that begins like a formula gets an apostrophe.

    >>> [write_cell(value) for value in ("=1+1", -1.5, 28.0, 'a "b", c', True, None)]
    ["'=1+1", '-1.5', '28', '"a ""b"", c"', 'true', '']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if value == int(value) else f"{value:.10f}".rstrip("0")
    text = f"'{value}" if _FORMULA.match(value) else str(value)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _write_parquet(table: Table, rows: Iterator[tuple[Any, ...]], stream: IO[bytes]) -> int:
    pyarrow, parquet = _import_pyarrow()
    types = {"string": pyarrow.string(), "integer": pyarrow.int64(), "decimal": pyarrow.float64(),
             "boolean": pyarrow.bool_()}
    schema = pyarrow.schema([pyarrow.field(column.name, types[column.type], metadata={"note": column.note})
                             for column in list_columns(table)])
    cells = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pyarrow.array(column, field.type) for column, field in zip(cells, schema, strict=True)]
    held = pyarrow.Table.from_arrays(arrays, schema=schema)
    parquet.write_table(held, stream, compression="zstd")
    return int(held.num_rows)
