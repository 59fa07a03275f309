"""Words and numbers that stand for nothing are not stated; values that look like them are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kg.model import Study
from kg.pipeline import build
from kg.shapes.runs import validate_snapshot
from kg.sources import read_json, read_page
from kg.store import open_snapshot
from tests.pipeline.conftest import make_study


def read(section: dict[str, Any]) -> Study:
    found = read_json(json.dumps({"protocolSection": section}).encode(), "x.json")
    assert isinstance(found, Study)
    return found


def read_count(number: object) -> Study:
    return read({"designModule": {"enrollmentInfo": {"count": number, "type": "ESTIMATED"}}})


@pytest.mark.parametrize("number", [-5, -1, 10**30, 2**63, 100_000_001, 999_999, 9_999_999, 99_999_999, 999_999_999])
def test_a_number_that_is_none_of_participants(number: int) -> None:
    """Below nothing, beyond mankind, or only nines, as registries write for "unknown": not stated, and listed."""
    study = read_count(number)
    assert "enrollment" not in study.facts
    [told] = study.set_aside
    assert f"designModule.enrollmentInfo.count: '{number}'" in told


@pytest.mark.parametrize("number", [0, 1, 99, 999, 9_999, 24, 999_998, 1_000_000, 100_000_000])
def test_a_number_of_participants(number: int) -> None:
    """0 is real for a trial that was withdrawn, and so are 999 and millions."""
    study = read_count(number)
    assert (study.first("enrollment"), study.set_aside) == (number, ())


MEDPATH = "A title\n\nRecruitment & Eligibility\nTarget Recruitment\n{}\nSex\nAll\nStudy & Design\n"


@pytest.mark.parametrize(
    ("number", "stated"), [("24", 24), ("0", 0), ("99999999", None), ("9999999999", None), ("²", None)]
)
def test_numbers_of_pages(number: str, stated: int | None) -> None:
    """The same holds for pages; a raised digit is no number."""
    study = read_page(MEDPATH.format(number), "x.txt")
    assert isinstance(study, Study)
    assert study.first("enrollment") == stated
    assert bool(study.set_aside) is (stated is None and number.isdecimal())


@pytest.mark.parametrize(
    "date", ["1900-01-01", "1900-01", "1900", "1899-12-30", "1800-01-01", "9999-12-31", "9999", "2999-01"]
)
def test_a_date_of_no_trial(date: str) -> None:
    """Dates that databases write where they know none are not stated, and listed."""
    study = read({"statusModule": {"startDateStruct": {"date": date}}})
    assert "start_date" not in study.facts
    assert f"startDateStruct.date: '{date}' is no date" in study.set_aside[0]


@pytest.mark.parametrize("date", ["1948-10", "1970-01-01", "2050-12-31", "2099-12"])
def test_a_date_that_may_be_one(date: str) -> None:
    """Old cohorts and registries without an end have such dates."""
    assert read({"statusModule": {"startDateStruct": {"date": date}}}).first("start_date") == date


@pytest.mark.parametrize("age", ["999 Years", "-5 Years", "1,018 Years", "200 Years", "99999 Days"])
def test_an_age_that_is_none(age: str) -> None:
    """Beyond any life, below nothing, or with a part of its number cut off: not stated, and listed."""
    study = read({"eligibilityModule": {"maximumAge": age}})
    assert "max_age_years" not in study.facts
    assert "is no age" in study.set_aside[0]


@pytest.mark.parametrize("point", [(91, 0), (0, 181), (999, 999), (-90.5, 10)])
def test_a_place_that_is_not_on_earth(point: tuple[float, float]) -> None:
    """Degrees beyond the poles or once more around are no coordinates."""
    place = {"city": "Basel", "geoPoint": {"lat": point[0], "lon": point[1]}}
    [site] = read({"contactsLocationsModule": {"locations": [place]}}).sites
    assert None in (site.latitude, site.longitude)


NOTHING = [
    "N/A",
    "n/a",
    "NA",
    "-",
    "--",
    "None",
    "none.",
    "Unknown",
    "Not Provided",
    "[Not provided]",
    "not available",
    "?",
    "n.a.",
    "…",
    "．",
    "\u3000",
    "Unknown sponsor",
]
KEPT_BACK = [
    "[Redacted]",
    "[REDACTED]",
    "Redacted",
    "[Withheld]",
    "(withheld)",
    "Information withheld",
    "[Name redacted]",
]
REAL = [
    "Nonesuch Hospital",
    "N.A. Semashko Hospital",
    "Unknown Diseases Institute",
    "NATO",
    "Redacted Pharma",
    "Dana-Farber",
    "None Such Hospital",
    "-196 Bio",
    "Unknown Worlds Institute",
]


def name(word: str) -> dict[str, Any]:
    """A study in which everything with a name has this one."""
    return {
        "identificationModule": {
            "nctId": "NCT90000001",
            "briefTitle": "A Study",
            "orgStudyIdInfo": {"id": word},
            "secondaryIdInfos": [{"id": word}],
        },
        "sponsorCollaboratorsModule": {
            "leadSponsor": {"name": word, "class": "OTHER"},
            "collaborators": [{"name": word}],
            "responsibleParty": {"type": "SPONSOR", "oldNameTitle": word},
        },
        "contactsLocationsModule": {
            "centralContacts": [{"name": word}],
            "overallOfficials": [{"name": word}],
            "locations": [{"facility": word, "city": "Basel", "country": "Switzerland"}],
        },
    }


KEYS = ("sponsor", "collaborators", "secondary_ids", "responsible_party.name", "contacts", "scientific_contacts")


@pytest.mark.parametrize("word", NOTHING + KEPT_BACK)
def test_a_word_in_place_of_a_name_names_nobody(word: str) -> None:
    """Neither an organisation, nor an id, nor a person, nor a place; the rest of the record stands."""
    study = read(name(word))
    assert not set(KEYS) & set(study.facts)
    assert study.first("registry_id") == "NCT90000001"
    [site] = study.sites
    assert (site.facility, site.city and site.city.value) == (None, "Basel")


@pytest.mark.parametrize("word", REAL)
def test_a_name_that_looks_like_such_a_word_is_one(word: str) -> None:
    """Only a whole value stands for nothing."""
    study = read(name(word))
    assert set(KEYS) <= set(study.facts)
    assert study.first("sponsor") == word


@pytest.mark.parametrize("word", KEPT_BACK)
def test_what_is_kept_back_is_told_once(word: str) -> None:
    """One line for the whole record, however many values."""
    [told] = read(name(word)).set_aside
    assert told == "protocolSection.identificationModule.orgStudyIdInfo.id and 7 more: kept back by the registry"


def test_prose_that_is_kept_back_is_nothing_to_search() -> None:
    """Titles, arms, outcomes and criteria of that one word are not stated."""
    word = "[Redacted]"
    study = read(
        {
            "identificationModule": {"nctId": "NCT90000001", "briefTitle": word, "officialTitle": word},
            "descriptionModule": {"briefSummary": word, "detailedDescription": word},
            "conditionsModule": {"conditions": [word, "Lymphoma"], "keywords": [word]},
            "armsInterventionsModule": {
                "armGroups": [{"label": word}],
                "interventions": [{"type": "BIOLOGICAL", "name": word}],
            },
            "outcomesModule": {"primaryOutcomes": [{"measure": word, "timeFrame": word}]},
            "eligibilityModule": {"eligibilityCriteria": word},
        }
    )
    assert set(study.facts) == {"registry_id", "conditions"}
    assert (study.arms, study.interventions, study.outcomes) == ((), (), ())
    assert [one.text for one in study.passages] == ["Lymphoma"]


@pytest.mark.parametrize("word", ["None", "N/A", "-", "Unknown"])
def test_a_word_in_place_of_any_name_or_text(word: str) -> None:
    """Titles, conditions, products and outcomes; an arm may be called "None", and words stay to be searched."""
    study = read(
        {
            "identificationModule": {"nctId": "NCT90000001", "briefTitle": word, "officialTitle": word},
            "descriptionModule": {"briefSummary": word},
            "conditionsModule": {"conditions": [word, "Lymphoma"]},
            "armsInterventionsModule": {
                "armGroups": [{"label": word}],
                "interventions": [{"type": "DRUG", "name": word}, {"type": "DRUG", "name": "None Such Drug"}],
            },
            "outcomesModule": {"primaryOutcomes": [{"measure": word, "timeFrame": word}]},
        }
    )
    assert set(study.facts) == {"registry_id", "conditions"}
    assert [one.value for one in study.facts["conditions"]] == ["Lymphoma"]
    assert [one.name.value for one in study.interventions] == ["None Such Drug"]
    assert (len(study.arms), study.outcomes) == (1, ())


def make_withheld() -> dict[str, Any]:
    word = "[Redacted]"
    return {
        "protocolSection": {
            **{key: value for key, value in name(word).items() if key != "contactsLocationsModule"},
            "statusModule": {"overallStatus": "WITHHELD", "studyFirstPostDateStruct": {"date": "2019-03-02"}},
        },
        "hasResults": False,
    }


def test_a_withheld_entry_has_its_status_and_one_finding(tmp_path: Path) -> None:
    """It is withheld, and does not lack two dozen items; a trial beside it is asked for them as ever."""
    for number, study in enumerate((make_withheld(), make_study(2))):
        (tmp_path / f"{number}.json").write_text(json.dumps(study))
    build([str(tmp_path)], tmp_path / "store", workers=1)
    snapshot = open_snapshot(tmp_path / "store")
    findings = [one for one in validate_snapshot(snapshot) if one.registry_id == "NCT90000001"]
    assert [(one.shape, one.message) for one in findings] == [
        ("check_withheld_entry", "The registry withholds this entry.")
    ]
    assert any(one.group == "completeness" for one in validate_snapshot(snapshot) if one.trial != findings[0].trial)


def test_an_unknown_number_is_in_no_sum(tmp_path: Path) -> None:
    """Two trials of the same antigen, one with 24 participants: the sum is 24."""
    from kg.graph import open_graph

    for number, count in ((1, 24), (2, 99_999_999)):
        study = make_study(number, enrollmentInfo={"count": count})
        (tmp_path / f"{number}.json").write_text(json.dumps(study))
    build([str(tmp_path)], tmp_path / "store", workers=1)
    rows = open_graph(tmp_path / "store").answer("enrollment_by_target", {}).rows
    assert {(row["trials"], row["participants"], row["largest"]) for row in rows} == {(2, 24, 24)}
