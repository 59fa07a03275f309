"""Flat tables hold what the graph holds, open safely in a spreadsheet, and are the same bytes each time."""

from __future__ import annotations

import csv
import io
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, NamedNode, RdfFormat, parse

from kg.errors import UsageError
from kg.export.columns import Column
from kg.export.tables import (
    FORMATS,
    TABLES,
    Relation,
    bind_column,
    list_columns,
    list_tables,
    read_object,
    read_relations,
    write_cell,
    write_table,
    write_tables,
)
from kg.resources import list_files
from kg.store import Snapshot
from kg.terms import KG, PREFIXES, boolean, decimal, integer, literal
from tests.conftest import ROOT, find_shared

SEEDS = (find_shared() or ROOT / "nowhere") / "seeds"


def read_table(snapshot: Snapshot, name: str) -> list[dict[str, str]]:
    stream = io.BytesIO()
    count = write_table(snapshot, name, "csv", stream)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue().decode(), newline="")))
    assert len(rows) == count
    return rows


@pytest.mark.parametrize("name", TABLES)
def test_columns(snapshot: Snapshot, name: str) -> None:
    """Every row names its trial and has a cell for each column; every column says what it means."""
    rows, columns = read_table(snapshot, name), list_columns(list_tables()[name])
    assert rows
    assert all(list(row) == [column.name for column in columns] and None not in row.values() for row in rows)
    assert len({column.name for column in columns}) == len(columns)
    assert all(column.note for column in columns)
    assert {row["trial"] for row in rows} <= {row["trial"] for row in read_table(snapshot, "trials")}


@pytest.mark.parametrize("form", FORMATS)
def test_same_bytes(snapshot: Snapshot, tmp_path: Path, form: str) -> None:
    """Two runs write the same files, one a table, and leave nothing else."""
    runs = [write_tables(snapshot, tmp_path / name, form) for name in ("a", "b")]
    assert [path.stem for path in runs[0]] == list(TABLES)
    assert [path.read_bytes() for path in runs[0]] == [path.read_bytes() for path in runs[1]]
    assert set((tmp_path / "a").iterdir()) == set(runs[0])


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the seeds are not here")
def test_seeds(snapshot: Snapshot) -> None:
    """The tables tell what the seed pages say."""
    trials = {row["registry_id"]: row for row in read_table(snapshot, "trials")}
    assert len(trials) >= 4
    assert trials["NCT04599543"]["targets"] == "IL3RA"
    assert trials["NCT05023707"]["phases"] == "PHASE1; PHASE2"
    assert "start_date" in trials["NCT04599543"]["not_stated"]
    assert {"target": "IL3RA", "binder": "IL3", "binder_type": "ligand"}.items() <= next(
        row for row in read_table(snapshot, "targets") if row["registry_id"] == "NCT04599543"
    ).items()
    source = next(row for row in read_table(snapshot, "products") if row["registry_id"] == "NCT05574608")
    assert "allogeneic" in source["cell_source"]
    assert "llogen" in source["cell_source_quote"]
    assert {row["country"] for row in read_table(snapshot, "sites")} == {"CN"}


@pytest.mark.parametrize("name", TABLES)
def test_parquet_is_the_csv(snapshot: Snapshot, name: str) -> None:
    """Parquet holds the same rows, with the column's type and what it means."""
    parquet = pytest.importorskip("pyarrow.parquet")
    stream = io.BytesIO()
    write_table(snapshot, name, "parquet", stream)
    table = parquet.read_table(io.BytesIO(stream.getvalue()))
    assert [
        [write_cell(value).replace('""', '"').removeprefix('"').removesuffix('"').lstrip("'") for value in row.values()]
        for row in table.to_pylist()
    ] == [
        [cell.removeprefix('"').removesuffix('"').lstrip("'") for cell in row.values()]
        for row in read_table(snapshot, name)
    ]
    assert all(field.metadata[b"note"] for field in table.schema)


def test_without_pyarrow(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow, Parquet is a usage error that names what to install; nothing is written."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=re.escape("pip install 'trialkg[parquet]'")):
        write_tables(snapshot, tmp_path / "out", "parquet")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "form"), [("trials", "xlsx"), ("nothing", "csv"), ("", "csv")])
def test_unknown(snapshot: Snapshot, name: str, form: str) -> None:
    """An unknown table or format is a usage error that lists the known ones."""
    with pytest.raises(UsageError, match="One of"):
        write_table(snapshot, name, form, io.BytesIO())


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-x", "'-x"),
        ("@SUM", "'@SUM"),
        ("\tx", "'\tx"),
        ("\rx", '"\'\rx"'),
        (-3, "-3"),
        (-0.25, "-0.25"),
        (1e9, "1000000000"),
        (1e-5, "0.00001"),
        (0.0, "0"),
        (False, "false"),
        ("", ""),
        (None, ""),
        ('"a"', '"""a"""'),
        ("a\nb", '"a\nb"'),
        ("a, b", '"a, b"'),
        ("a\rb", '"a\rb"'),
        ("CD19–CAR", "CD19–CAR"),
    ],
)
def test_cell(value: object, cell: str) -> None:
    """Text that begins like a formula is disarmed, numbers are not touched, and RFC 4180 quotes what needs it."""
    assert write_cell(value) == cell


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_cell(text: str) -> None:
    """Any text comes back through a CSV reader, with at most an apostrophe, and never begins like a formula."""
    [[cell, end]] = csv.reader(io.StringIO(f"{write_cell(text)},x\n", newline=""), strict=True)
    assert cell in (text, f"'{text}")
    assert end == "x"
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("name", TABLES)
def test_pass_is_the_index(snapshot: Snapshot, name: str) -> None:
    """The pass over the lines finds all that the index holds of the records, and nothing else."""
    vocabularies = {
        str(triple.subject).strip("<>")
        for path in list_files("ontology", ".ttl")
        for triple in parse(path=str(path), format=RdfFormat.TURTLE)
    }
    for prop, relation in read_relations(snapshot, [TABLES[name]]).items():
        prefix, _, local = prop.partition(":")
        held: dict[str, set[str]] = {}
        for quad in snapshot.engine.quads_for_pattern(None, NamedNode(PREFIXES[prefix] + local), None, DefaultGraph()):
            held.setdefault(str(quad.subject).strip("<>"), set()).add(getattr(quad.object, "value", ""))
        assert {subject: set(values) for subject, values in relation.items()}.items() <= held.items()
        named = {subject for subject in held.keys() - relation.keys() if not subject.startswith("_:")}
        assert named <= vocabularies


_RELATIONS: dict[str, Relation] = {
    "kg:antigen": {"binding": ("antigen/b", "antigen/a")},
    "skos:notation": {"antigen/a": ("A",), "antigen/b": ("B",)},
    "rdfs:label": {"antigen/a": ("Alpha",)},
    "kg:hasBinding": {"product": ("binding",)},
    "kg:hasDose": {"product": ("dose",)},
    "kg:doseLow": {"dose": ("3", "1.5")},
    "kg:subject": {"e1": ("binding",), "e2": ("binding",), "e3": ("binding",)},
    "kg:predicate": {"e1": (f"{KG}antigen",), "e2": (f"{KG}binder",), "e3": (f"{KG}antigen",)},
    "kg:exactWords": {"e1": ("anti-A",), "e2": ("scFv",), "e3": ("anti-B",)},
    "kg:superseded": {"e3": ("true",)},
}


@pytest.mark.parametrize(
    ("column", "start", "cell"),
    [
        (Column("targets", "kg:antigen/skos:notation", ""), "binding", "A; B"),
        (Column("targets", "kg:antigen", "", shown="rdfs:label"), "binding", "Alpha; antigen/b"),
        (Column("parts", "(kg:hasBinding|kg:hasDose)", ""), "product", "binding; dose"),
        (Column("product", "(^kg:hasBinding|^kg:hasDose)", ""), "dose", "product"),
        (Column("low", "kg:doseLow", "", "decimal"), "dose", 1.5),
        (Column("low", "kg:doseLow", "", "decimal"), "binding", None),
        (Column("quote", "^kg:subject", "", supports="kg:antigen"), "binding", "anti-A"),
        (Column("quote", "^kg:subject", "", supports="kg:antigen"), "dose", None),
        (Column("record", "", ""), "record", "record"),
    ],
)
def test_bind_column(column: Column, start: str, cell: object) -> None:
    """A column reads its path, the names of what it finds, or the words that still stand for a property."""
    assert bind_column(_RELATIONS, column)(start) == cell
    assert column.properties <= _RELATIONS.keys()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_literal(text: str) -> None:
    """Any text comes back from a line."""
    assert read_object(f"{literal(text)} <g:g> .\n") == text


@pytest.mark.parametrize(
    ("term", "value"),
    [
        (decimal(28), "28"),
        (decimal(0.5), "0.5"),
        (integer(10), "10"),
        (boolean(True), "true"),
        ("<s:s>", "s:s"),
        (literal("v2.0"), "v2.0"),
        (literal("a <b> c"), "a <b> c"),
    ],
)
def test_read_object(term: str, value: str) -> None:
    """Terms are read as the index returns them."""
    assert read_object(f"{term} <g:g> .\n") == value
