"""One declaration, every surface: what the ontology says of a field is what each surface shows of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kg.card_text import render_card
from kg.cards.schemas import make_schema
from kg.diffs.cards import diff_cards
from kg.errors import OntologyError
from kg.export.columns import TABLES, list_columns
from kg.fields import Field, load_fields, read_fields
from kg.resources import list_files
from kg.web.trial_page import lay_out
from tests.conftest import ROOT

FIELDS = load_fields().all
PLAIN = [one for one in FIELDS if one.kind not in ("record", "property") and one.owner != "RegistryRecord"]
"""Fields with values that people read; the others point to records or to the ontology."""

NO_COLUMN = {
    "registry_id": "every table begins with it",
    "arms": "the label of an arm stands on the card",
    "arms.type": "arms have no table yet",
    "arms.interventions": "arms have no table yet",
    "interventions": "the table products",
    "interventions.type": "the table products holds cell products",
    "interventions.targets": "the table targets",
    "interventions.doses": "the table doses",
    "endpoints": "the table endpoints",
    "endpoints.time_frame": "its label is a column of endpoints",
    "sites": "the table sites",
    "criteria": "the table criteria",
    "not_targets": "the table not_targets",
}
"""Card keys that no column holds by declaration, with the reason."""
NOT_COMPARED = {
    "last_update_date": "it changes with every version",
    "number_of_arms": "arms are compared one by one",
    "number_of_sites": "sites are compared one by one",
    "data_source": "it tells of the page and not of the trial",
    "interventions.cell_source_as_written": "words may change where the source does not",
    "interventions.target_as_written": "words may change where the target does not",
    "endpoints.kind": "the rules make it from the name",
    "endpoints.kinds": "the rules make it from the name",
    "endpoints.time_frame_days": "the rules make it from the time frame",
    "endpoints.anchor": "the rules make it from the time frame",
    "endpoints.event_driven": "the rules make it from the time frame",
    "endpoints.grading": "the rules make it from the description, which is compared",
    "arms.type": "arms are compared by label",
    "arms.interventions": "arms are compared by label",
    "not_targets": "mentions are no facts of the trial",
    "not_targets.antigen": "mentions are no facts of the trial",
    "not_targets.role": "mentions are no facts of the trial",
}
"""Card keys of which a change is not told, with the reason."""
NOT_IN_TEXT = {
    "title": "it is the first line",
    "arms": "the text shows interventions",
    "arms.type": "the text shows interventions",
    "arms.interventions": "the text shows interventions",
    "interventions.target_as_written": "the quote behind the target shows it",
    "interventions.cell_source_as_written": "the quote behind the source shows it",
    "endpoints.kinds": "the main kind is shown",
    "endpoints.time_frame_days": "the time frame is shown as written",
    "endpoints.anchor": "the time frame is shown as written",
    "endpoints.event_driven": "the time frame is shown as written",
}
NOT_ON_PAGE = {
    "interventions.target_as_written": "the quote behind the target shows it",
    "interventions.cell_source_as_written": "the quote behind the source shows it",
}


def list_values(field: Field) -> Iterator[Any]:
    """Two values of a field that no other field has, as a card would hold them."""
    number = FIELDS.index(field) + 1000
    for step in (0, 500):
        if field.scheme:
            terms = sorted(make_schema()["$defs"][field.scheme]["enum"])
            value: Any = terms[0] if step == 0 else terms[-1]
        elif field.kind == "boolean":
            value = step == 0
        elif field.kind in ("integer", "decimal"):
            value = number + step
        elif field.kind == "date":
            value = f"2{number + step}-01"
        else:
            value = f"{field.kind}-{number + step}"
        yield [value] if field.is_many and field.kind != "decimal" else value


def fill(group: str, number: int) -> dict[str, Any]:
    """A thing of the card with a value at every key."""
    fields = load_fields()
    name = fields.name_keys.get(fields.class_of(group))
    thing: dict[str, Any] = {name: f"name of {group}"} if name else {}
    for key, several in fields.of_group(group).items():
        path = f"{group}.{key}" if group else key
        if not several:
            thing[key] = fill(path, number)
        elif fields.of_group(path):
            thing[key] = [fill(path, number)]
        elif path == "interventions.targets":
            thing[key] = ["CD19" if number == 0 else "CD22"]
        else:
            thing[key] = list(list_values(several[0]))[number]
    extra: dict[str, dict[str, Any]] = {
        "interventions": {"cell_source_detail": "donor"},
        "sites": {"latitude": 1.5, "longitude": 2.5},
        "not_targets": {"quote": "words"},
    }
    return thing | extra.get(group, {})


def make_card(number: int = 0) -> dict[str, Any]:
    own = {"file": "a.json", "trial": "urn:t", "conflicts": [], "records": [], "evidence": [], "not_stated": []}
    return fill("", number) | own


def walk(card: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """The thing of the card that holds a key, and the key's last part."""
    *steps, last = path.split(".")
    thing: Any = card
    for step in steps:
        thing = thing[step][0] if isinstance(thing[step], list) else thing[step]
    return thing, last


def make_pair(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two cards that differ in one field alone."""
    old, new = make_card(), make_card()
    thing, key = walk(new, path)
    thing[key] = walk(make_card(1), path)[0][key]
    return old, new


@pytest.mark.parametrize("field", PLAIN, ids=lambda one: one.path)
def test_the_schema_has_the_key(field: Field) -> None:
    """Every field stands in the schema of the card, in a closed object that requires it."""
    schema = make_schema()
    for step in field.path.split("."):
        [schema] = [one for one in (schema, schema.get("items", {}), *schema.get("oneOf", ())) if "properties" in one]
        assert schema["additionalProperties"] is False
        assert step in schema["required"]
        schema = schema["properties"][step]


@pytest.mark.parametrize("field", PLAIN, ids=lambda one: one.path)
def test_a_table_has_a_column(field: Field) -> None:
    """Every field has a column of a table that exists, or a reason to have none."""
    columns = {f"{table.name}.{one.name}" for table in TABLES.values() for one in list_columns(table)}
    assert set(field.columns) <= columns
    # A list has no column, and an alternative stands in the column of the first.
    assert bool(field.columns) is (field.path not in NO_COLUMN and field.name not in ("atDays", "absentMeasure"))


@pytest.mark.parametrize("field", PLAIN, ids=lambda one: one.path)
def test_the_text_shows_it(field: Field) -> None:
    """``kg show`` prints the value of every field, or there is a reason why not."""
    if field.path in NOT_IN_TEXT or (field.kind == "part" and load_fields().of_group(field.path)):
        return
    old, new = make_pair(field.path)
    assert list(render_card(old, 200)) != list(render_card(new, 200))


@pytest.mark.parametrize("field", PLAIN, ids=lambda one: one.path)
def test_the_page_shows_it(field: Field) -> None:
    """The page of a trial shows the value of every field, or there is a reason why not."""
    if field.path in NOT_ON_PAGE or (field.kind == "part" and load_fields().of_group(field.path)):
        return
    old, new = (lay_out(card, []) for card in make_pair(field.path))
    assert old != new
    shown = [{key: value for key, value in page.items() if key not in ("card", "schema")} for page in (old, new)]
    assert (shown[0] != shown[1]) is (field.path not in ("registry_id", "title"))  # these two stand in the head


@pytest.mark.parametrize("field", PLAIN, ids=lambda one: one.path)
def test_a_change_is_told(field: Field) -> None:
    """Two cards that differ in one field give a change about it, or there is a reason why not."""
    if field.kind == "part" and load_fields().of_group(field.path):
        return
    told = diff_cards(*make_pair(field.path))
    assert bool(told) is (field.path not in NOT_COMPARED)
    assert (field.compared == "nothing") <= (not told)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("enrollment", {"minimum": 0}),
        ("criteria.value", {"maxItems": 2}),
        ("phases", {"uniqueItems": True}),
        ("criteria.op", {"enum": [None, "<", "<=", ">", ">=", "=", "range"]}),
    ],
)
def test_the_schema_refuses_what_no_card_has(path: str, pattern: dict[str, Any]) -> None:
    """A number below nothing, a span of three ends, a phase told twice, a comparator of another kind."""
    schema = make_schema()
    for step in path.split("."):
        schema = schema.get("items", schema)["properties"][step]
    assert any(pattern.items() <= one.items() for one in (schema, *schema.get("oneOf", ())))


def test_a_qualifier_stands_beside_what_it_qualifies() -> None:
    """What changes the meaning of a value is a key of the same thing on the card, and a column of the same table."""
    for field in FIELDS:
        for name in field.qualifies:
            other = load_fields().find(name)
            beside = {one.group for one in FIELDS if one.name == name}
            assert field.group in beside, (field.name, name)
            ours = {table.name for table in TABLES.values() if table.kind == f"kg:{field.owner}"}
            tables = [{column.partition(".")[0] for column in one.columns} & ours for one in (field, other)]
            assert tables[1] <= tables[0], (field.name, name)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('kg:x a owl:DatatypeProperty ; kg:cardKey "x" .', "ranges over nothing"),
        ('kg:x rdfs:range xsd:string ; kg:cardKey "x" .', "lacks label or definition"),
        ('kg:x rdfs:label "x" ; skos:definition "x" ; rdfs:range xsd:string ; kg:cardKey "X y" .', "'X y'"),
        ('kg:x rdfs:label "x" ; skos:definition "x" ; rdfs:range skos:Concept ; kg:cardKey "x" .', "no scheme"),
        (
            'kg:x rdfs:label "x" ; skos:definition "x" ; rdfs:range xsd:string ; kg:cardKey "x" ; '
            'kg:comparedBy "magic" .',
            "'magic'",
        ),
    ],
)
def test_a_wrong_declaration_is_named_with_its_line(tmp_path: Path, wrong: str, told: str) -> None:
    """What, file and line, and how to mend it."""
    path = write_ontology(tmp_path, wrong)
    with pytest.raises(OntologyError, match=r"^wrong\.ttl:7: ") as caught:
        read_fields([path])
    assert told in str(caught.value)


def write_ontology(folder: Path, said: str) -> Path:
    prefixes = "".join(
        f"@prefix {name}: <{iri}> .\n"
        for name, iri in (
            ("kg", "https://w3id.org/trialkg/ontology#"),
            ("owl", "http://www.w3.org/2002/07/owl#"),
            ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
            ("skos", "http://www.w3.org/2004/02/skos/core#"),
            ("xsd", "http://www.w3.org/2001/XMLSchema#"),
        )
    )
    path = folder / "wrong.ttl"
    path.write_text(f"{prefixes}\n{said}\n")
    return path


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('kg:order "first"', "has the order 'first'"),
        ("kg:order 1.5", "has the order '1.5'"),
        ('kg:isMany "yes"', "has 'yes' as isMany"),
        ("kg:isCode 1", "has '1' as isCode"),
        ('kg:askedAs "(biobank"', "is asked as '(biobank'"),
        ('kg:askedAs ""', "is asked as ''"),
        ('kg:filterKey "a b="', "has the filter key 'a b='"),
        ('kg:tableColumn "trials.X y"', "fills trials.X y"),
        ("kg:qualifies kg:nope", "qualifies nope"),
        ("rdfs:domain kg:Nowhere", "is of kg:Nowhere"),
        ("rdfs:range kg:Nowhere", "ranges over kg:Nowhere"),
        ("rdfs:range skos:Concept ; kg:valueScheme <https://w3id.org/trialkg/id/nope>", "has values of 'nope'"),
        ('kg:cardKey "title"', "has the card key 'title' of kg:title"),
        ('kg:cardKey "evidence"', "has the card key 'evidence'"),
    ],
)
def test_what_a_declaration_names_must_be_there(tmp_path: Path, said: str, told: str) -> None:
    """Beside the ontology: numbers, flags, patterns, classes, vocabularies, fields, and keys that are taken."""
    parts = ['kg:zz rdfs:label "z" ; skos:definition "z"', said]
    parts += [] if "rdfs:domain" in said else ["rdfs:domain kg:Trial"]
    parts += [] if "rdfs:range" in said else ["rdfs:range xsd:string"]
    parts += [] if "kg:cardKey" in said else ['kg:cardKey "zz"']
    path = write_ontology(tmp_path, " ; ".join(parts) + " .")
    with pytest.raises(OntologyError, match=r"^wrong\.ttl:7: ") as caught:
        read_fields([*list_files("ontology", ".ttl"), path])
    assert told in str(caught.value)


PLUGIN_ONTOLOGY = """
@prefix kg: <https://w3id.org/trialkg/ontology#> .
@prefix bank: <https://example.org/biobank#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .

bank:name a owl:DatatypeProperty ;
    rdfs:label "biobank"@en ;
    skos:definition "The biobank that keeps the samples of the trial."@en ;
    rdfs:domain kg:Trial ;
    rdfs:range xsd:string ;
    kg:cardKey "biobank" ;
    kg:order 999 ;
    kg:tableColumn "trials.biobank" ;
    kg:askedAs "biobanks?" ;
    kg:filterKey "biobank" .
"""
PLUGIN_RULE = '''
"""Reads the biobank of a trial."""
import re
from kg.extract.rules import Rule
from kg.model import Fact

def find(passages):
    for passage in passages:
        for found in re.finditer(r"(\\\\w+) biobank", passage.text):
            return Fact(found[1], passage.quote(*found.span(1)), "biobank.named")

RULES = (Rule("biobank", find, ("summary",)),)
'''


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny package that declares a property and brings the rule that fills it, as pip would install it."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "biobanks").mkdir()
    (folder / "biobanks" / "__init__.py").write_text("")
    (folder / "biobanks" / "biobank.ttl").write_text(PLUGIN_ONTOLOGY)
    (folder / "biobanks" / "rules.py").write_text(PLUGIN_RULE.replace("\\\\", "\\"))
    info = folder / "biobanks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: biobanks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[trialkg.ontology]\nbiobanks = biobanks\n[trialkg.rules]\nbiobanks = biobanks.rules\n"
    )
    return folder


def make_study(bank: str) -> dict[str, Any]:
    return {
        "protocolSection": {
            "identificationModule": {"nctId": "NCT90009901", "briefTitle": "A trial of cells"},
            "statusModule": {"lastUpdatePostDateStruct": {"date": "2024-01-02"}},
            "descriptionModule": {"briefSummary": f"Samples go to the {bank} biobank."},
        }
    }


def test_a_fact_of_another_package_is_on_every_surface(plugin: Path, tmp_path: Path) -> None:
    """A property and a rule from outside: statement, evidence, card, text, schema, table, diff, filter, question."""
    path = f"{plugin}{os.pathsep}{ROOT}"
    env = {**os.environ, "PYTHONPATH": path, "KG_STORE": str(tmp_path / "store"), "COLUMNS": "200"}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "kg", *arguments], env=env, capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    for name, bank in (("old", "Basel"), ("new", "Turin")):
        (tmp_path / f"{name}.json").write_text(json.dumps(make_study(bank)))
    run("build", "old.json", "--workers", "1")
    run("build", "new.json", "--where", "biobank=turin", "--workers", "1")
    card = json.loads(run("show", "NCT90009901", "--format", "json"))
    assert card["biobank"] == "Turin"
    assert [one["quote"] for one in card["evidence"] if one["about"] == "biobank"] == ["Turin"]
    assert "biobank              Turin" in run("show", "NCT90009901")
    assert "biobank" in json.loads(run("show", "--schema"))["required"]
    assert '<https://example.org/biobank#name> "Turin"' in run("export", "--format", "nt")
    run("export", "--format", "csv", "--output", "tables/")
    header, row = (tmp_path / "tables" / "trials.csv").read_text().splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["biobank"] == "Turin"
    assert "biobank changed from Basel to Turin" in run("diff", "previous", "current")
    assert "Turin" in run("ask", "which biobank has NCT90009901?")
    assert "Turin" in run("explain", "NCT90009901", "biobank")
