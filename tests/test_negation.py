"""A criterion that asks for an absence says so on every surface: "no active infection" is never "active infection"."""

from __future__ import annotations

import copy
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph as Triples
from rdflib import Namespace
from starlette.testclient import TestClient

from kg.graph import open_graph
from kg.pipeline import build
from kg.web.app import make_app
from kg.web.editions import Editions
from kg.web.service import Settings
from tests.pipeline.conftest import make_study
from tests.test_cli import run_kg

KG = Namespace("https://w3id.org/trialkg/ontology#")
ID = "NCT81000001"
CRITERIA = """Inclusion Criteria:

* No active infection at screening
* No prior CAR-T therapy

Exclusion Criteria:

* Active hepatitis B
"""
NEGATED = {"active infection": "inclusion", "prior CAR-T therapy": "inclusion"}
PLAIN = {"hepatitis B": "exclusion"}


def write_study(path: Path, criteria: str = CRITERIA, updated: str = "2024-01-01") -> Path:
    study: dict[str, Any] = copy.deepcopy(make_study(1, updated))
    study["protocolSection"]["eligibilityModule"] = {"eligibilityCriteria": criteria}
    path.write_text(json.dumps(study))
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("negation")
    build([str(write_study(folder / "a.json"))], folder / "store", workers=1)
    return folder / "store"


def list_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def check_rows(rows: list[dict[str, Any]]) -> None:
    """Each row says whether its measure is asked for or its absence is."""
    found = {row["measure"]: (row["list"], str(row["negated"]).lower()) for row in rows}
    assert {name: of for name, (of, negated) in found.items() if negated == "true"} == NEGATED
    assert {name: of for name, (of, negated) in found.items() if negated == "false"} == PLAIN


def test_rdf_does_not_yield_the_bare_measure(store: Path) -> None:
    """In Turtle, read by rdflib alone, ``kg:measure`` stands on no criterion that is negated."""
    triples = Triples().parse(data=run_kg("export", "--format", "ttl", store=store).stdout, format="turtle")
    asked = {str(value).rpartition("/")[2] for value in triples.objects(None, KG.measure)}
    absent = {str(value).rpartition("/")[2] for value in triples.objects(None, KG.absentMeasure)}
    assert len(asked) == len(PLAIN)
    assert len(absent) == len(NEGATED)
    for criterion in triples.subjects(KG.negated, None):
        assert (criterion, KG.measure, None) not in triples
        assert (criterion, KG.absentMeasure, None) in triples


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_query_of_criteria_says_it(store: Path, form: str) -> None:
    """``kg query criteria_of_trial``: the column ``negated`` beside ``measure``."""
    done = run_kg("query", "criteria_of_trial", "-p", f"trial={ID}", "--format", form, store=store)
    check_rows(list_rows(done.stdout) if form == "csv" else json.loads(done.stdout))


def test_the_tables_say_it(store: Path, tmp_path: Path) -> None:
    """CSV and Parquet."""
    parquet = pytest.importorskip("pyarrow.parquet")
    for form in ("csv", "parquet"):
        run_kg("export", "--format", form, "--output", f"{tmp_path / form}/", store=store)
    check_rows(list_rows((tmp_path / "csv" / "criteria.csv").read_text()))
    check_rows(parquet.read_table(tmp_path / "parquet" / "criteria.parquet").to_pylist())


def test_the_card_and_its_text_say_it(store: Path) -> None:
    """The card has the key on every criterion; people read "no active infection"."""
    card = open_graph(store).card(ID)
    assert {one["measure"]: one["list"] for one in card["criteria"] if one["negated"] is True} == NEGATED
    assert {one["measure"]: one["list"] for one in card["criteria"] if one["negated"] is False} == PLAIN
    text = run_kg("show", ID, store=store).stdout
    assert "inclusion: no active infection" in text
    assert "inclusion: no prior CAR-T therapy" in text
    assert "exclusion: hepatitis B" in text


def test_explanations_say_it(store: Path) -> None:
    """``kg explain``: what was read is the absence."""
    told = run_kg("explain", ID, "criteria", "--format", "json", store=store).stdout
    values = [one["value"] for one in json.loads(told)]
    assert "inclusion; no active infection" in values


def test_pages_and_rest_say_it(store: Path) -> None:
    """The page of the trial, and the REST interface in both formats."""
    settings = Settings(store=str(store), workers=1, deadline=10.0, max_rows=2_000, memory=512 << 20)
    with TestClient(make_app(Editions(settings))) as client:
        page = client.get(f"/page/trial/{ID}").text
        assert "no active infection" in page
        answer = client.get(f"/api/queries/criteria_of_trial?trial={ID}").json()
        check_rows(answer["rows"])
        check_rows(list_rows(client.get(f"/api/queries/criteria_of_trial?trial={ID}&output=csv").text))
        card = client.get(f"/api/trials/{ID}").json()
        assert [one["negated"] for one in card["criteria"]] == [True, True, False]


def test_a_diff_tells_absence_from_presence(store: Path, tmp_path: Path) -> None:
    """A criterion that loses its "no" is another criterion."""
    other = tmp_path / "store"
    build([str(write_study(tmp_path / "a.json"))], other, workers=1)
    changed = CRITERIA.replace("No active infection", "Active infection")
    build([str(write_study(tmp_path / "b.json", changed, "2024-02-01"))], other, workers=1)
    told = run_kg("diff", "previous", "current", store=other).stdout
    assert "criterion removed: inclusion no active infection" in told
    assert "criterion added: inclusion active infection" in told


def test_questions_take_absence_for_what_it_is(store: Path) -> None:
    """An inclusion "no active infection" excludes the infected, and requires no infection of anybody."""
    rows = {}
    for query in ("trials_excluding", "trials_requiring"):
        done = run_kg("query", query, "-p", "measure=active infection", "--format", "json", store=store)
        rows[query] = [row["answer"] for row in json.loads(done.stdout)]
    assert rows == {"trials_excluding": ["yes"], "trials_requiring": ["not stated"]}
    asked = run_kg("ask", "which trials exclude active infection?", "--format", "json", store=store)
    assert [row["answer"] for row in json.loads(asked.stdout)] == ["yes"]
