"""A site's own status is read, shown, compared and asked: nobody is sent to a site that does not recruit."""

from __future__ import annotations

import copy
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from kg.graph import open_graph
from kg.pipeline import build
from kg.web.app import make_app
from kg.web.editions import Editions
from kg.web.service import Settings
from tests.pipeline.conftest import make_study
from tests.test_cli import run_kg

ID = "NCT81000001"
BERN, GENEVA, BASEL = (46.95, 7.45), (46.2, 6.15), (47.56, 7.59)
STATUSES: dict[str, Any] = {"Bern": "COMPLETED", "Geneva": "RECRUITING", "Basel": None, "Chur": "PAUSED", "Thun": ["x"]}
PLACES = {"Bern": BERN, "Geneva": GENEVA, "Basel": BASEL, "Chur": (46.85, 9.53), "Thun": (46.76, 7.63)}


def make_site(city: str, status: Any) -> dict[str, Any]:
    latitude, longitude = PLACES[city]
    site = {"facility": f"Clinic of {city}", "city": city, "country": "Switzerland"}
    return site | {"geoPoint": {"lat": latitude, "lon": longitude}} | ({"status": status} if status else {})


def write_study(path: Path, statuses: dict[str, Any], trial: str = "RECRUITING", updated: str = "2024-01-01") -> Path:
    study = copy.deepcopy(make_study(1, updated, trial))
    sites = [make_site(city, status) for city, status in statuses.items()]
    study["protocolSection"]["contactsLocationsModule"] = {"locations": sites}
    path.write_text(json.dumps(study))
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sites")
    build([str(write_study(folder / "a.json", STATUSES))], folder / "store", workers=1)
    return folder / "store"


def ask_near(store: Path, city: str) -> list[str]:
    latitude, longitude = PLACES[city]
    rows = open_graph(store).query("recruiting_near", latitude=latitude, longitude=longitude, km=20)
    return [row["city"] for row in rows]


def test_only_sites_that_recruit_are_near(store: Path) -> None:
    """A site without a status counts with its trial; one whose status nobody can read does not."""
    found = {city: ask_near(store, city) for city in STATUSES}
    assert found == {"Bern": [], "Geneva": ["Geneva"], "Basel": ["Basel"], "Chur": [], "Thun": []}


def test_no_site_of_a_trial_that_has_ended_recruits(tmp_path: Path) -> None:
    """Whatever an old entry of a site says."""
    build([str(write_study(tmp_path / "a.json", {"Geneva": "RECRUITING"}, "COMPLETED"))], tmp_path / "s", workers=1)
    assert ask_near(tmp_path / "s", "Geneva") == []


@pytest.mark.parametrize(("city", "count"), [("Bern", 0), ("Geneva", 1), ("Basel", 1)])
def test_questions_ask_the_site(store: Path, city: str, count: int) -> None:
    """ "Recruiting trials in Bern": the site there has completed."""
    done = run_kg("ask", f"recruiting trials in {city}", "--format", "json", store=store)
    assert len(json.loads(done.stdout)) == count


def test_card_text_table_page_and_rest_show_it(store: Path, tmp_path: Path) -> None:
    """Each surface gives the site's own status."""
    stated = {city: status for city, status in STATUSES.items() if isinstance(status, str) and status != "PAUSED"}
    expected = {**dict.fromkeys(STATUSES, None), **stated, "Chur": "UNKNOWN", "Thun": "UNKNOWN"}
    assert {one["city"]: one["status"] for one in open_graph(store).card(ID)["sites"]} == expected
    assert "Clinic of Bern, Bern, CH: COMPLETED" in run_kg("show", ID, store=store).stdout
    run_kg("export", "--format", "csv", "--output", f"{tmp_path}/", store=store)
    rows = csv.DictReader(io.StringIO((tmp_path / "sites.csv").read_text(), newline=""))
    assert {row["city"]: row["status"] or None for row in rows} == expected
    with TestClient(make_app(Editions(Settings(store=str(store), workers=1, memory=512 << 20)))) as client:
        assert "completed" in client.get(f"/page/trial/{ID}").text
        answer = client.get(f"/api/queries/sites_of_trial?trial={ID}").json()
        assert {row["city"]: row["site_status"] for row in answer["rows"]} == expected


def test_what_cannot_be_read_is_listed(store: Path) -> None:
    """Both values are among those set aside."""
    listed = (store / "current" / "rejects.tsv").read_text()
    assert "'PAUSED' is not a known status" in listed
    assert "\"['x']\" is not a known status" in listed


def test_a_site_that_closed_is_told(tmp_path: Path) -> None:
    """``kg diff`` after an update."""
    store = tmp_path / "s"
    build([str(write_study(tmp_path / "a.json", {"Geneva": "RECRUITING", "Basel": "RECRUITING"}))], store, workers=1)
    newer = write_study(tmp_path / "b.json", {"Geneva": "COMPLETED", "Basel": "RECRUITING"}, updated="2024-03-01")
    build([str(newer)], store, is_update=True, workers=1)
    told = run_kg("diff", "previous", "current", store=store).stdout
    assert "status of site Clinic of Geneva, Geneva, CH changed from Recruiting to Completed" in told
    assert ask_near(store, "Geneva") == []
