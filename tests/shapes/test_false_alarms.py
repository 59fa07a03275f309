"""Findings on whole records: what was once a false alarm on a real study stays quiet, and its neighbour is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kg.pipeline import build
from kg.shapes.runs import Choice, validate
from kg.store import open_snapshot

ARM = {"label": "Treated", "type": "EXPERIMENTAL"}
STATUS = {"startDateStruct": {"date": "2020-05-04"}, "studyFirstPostDateStruct": {"date": "2020-05-08"}}
CASES: dict[str, tuple[dict[str, Any], str, bool]] = {
    "criteria that hold nothing to compare": (
        {"eligibilityModule": {"eligibilityCriteria": "Inclusion Criteria:\n\n* Dolphins that sing"}},
        "trial-eligibility",
        False,
    ),
    "no criteria": ({"eligibilityModule": {"sex": "ALL"}}, "trial-eligibility", True),
    "a contact at a site": (
        {
            "contactsLocationsModule": {
                "locations": [{"city": "Ulm", "country": "Germany", "contacts": [{"name": "A B", "role": "CONTACT"}]}]
            }
        },
        "trial-contact",
        False,
    ),
    "an investigator at a site": (
        {
            "contactsLocationsModule": {
                "locations": [
                    {"city": "Ulm", "country": "Germany", "contacts": [{"name": "A B", "role": "SUB_INVESTIGATOR"}]}
                ]
            }
        },
        "trial-contact",
        True,
    ),
    "submitted before the start and shown after it": (
        {"statusModule": {**STATUS, "studyFirstSubmitDate": "2020-05-01"}},
        "check_registered_after_start",
        False,
    ),
    "submitted after the start": (
        {"statusModule": {**STATUS, "studyFirstSubmitDate": "2020-05-05"}},
        "check_registered_after_start",
        True,
    ),
    "a time frame in words": (
        {"outcomesModule": {"primaryOutcomes": [{"measure": "Itching", "timeFrame": "First four doses"}]}},
        "trial-primary-time-frame",
        False,
    ),
    "a time frame that is none": (
        {"outcomesModule": {"primaryOutcomes": [{"measure": "Itching", "timeFrame": "N/A"}]}},
        "trial-primary-time-frame",
        True,
    ),
    "an arm without intervention by design": (
        {"armsInterventionsModule": {"armGroups": [{"label": "Watched", "type": "NO_INTERVENTION"}]}},
        "check_arm_without_intervention",
        False,
    ),
    "a treated arm that names nothing": (
        {"armsInterventionsModule": {"armGroups": [ARM]}},
        "check_arm_without_intervention",
        True,
    ),
    "a cohort that is watched": (
        {"designModule": {"studyType": "OBSERVATIONAL"}, "armsInterventionsModule": {"armGroups": [{"label": "Old"}]}},
        "check_arm_without_intervention",
        False,
    ),
    "stem cells, which bind no antigen": (
        {"armsInterventionsModule": {"interventions": [{"name": "Umbilical cord mesenchymal stem cells"}]}},
        "cell-product-target",
        False,
    ),
    "a CAR without a target": (
        {"armsInterventionsModule": {"interventions": [{"name": "Chimeric antigen receptor T cells"}]}},
        "cell-product-target",
        True,
    ),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Names of the shapes and checks that found something in each case's record."""
    folder = tmp_path_factory.mktemp("cases")
    ids = {f"NCT8{number:07}": name for number, name in enumerate(CASES)}
    for nct, name in ids.items():
        section = {"identificationModule": {"nctId": nct, "briefTitle": name}, **CASES[name][0]}
        (folder / f"{nct}.json").write_text(json.dumps({"protocolSection": section}), encoding="utf-8")
    build([str(folder)], folder / "store", workers=1)
    snapshot = open_snapshot(folder / "store")
    return {
        ids[str(trial.registry_id)]: {one.shape for one in trial.findings}
        for trial in validate(snapshot, Choice("rudof", workers=1))
    }


@pytest.mark.parametrize("name", sorted(CASES))
def test_case(name: str, found: dict[str, set[str]]) -> None:
    """The shape is found where something is missing, and only there."""
    _, shape, is_found = CASES[name]
    assert (shape in found[name]) == is_found


def test_records_that_disagree_on_a_date_are_no_trial_that_ends_early(tmp_path: Path) -> None:
    """A newer start and an older end come from two records; neither ends before it starts."""
    records = (("old", "2019-01", "2021-06", "2019-02-01"), ("new", "2023-01", "", "2022-02-01"))
    for name, start, end, updated in records:
        status: dict[str, Any] = {
            "startDateStruct": {"date": start},
            "lastUpdatePostDateStruct": {"date": updated},
            **({"completionDateStruct": {"date": end}} if end else {}),
        }
        section = {"identificationModule": {"nctId": "NCT80000099", "briefTitle": "T"}, "statusModule": status}
        (tmp_path / f"{name}.json").write_text(json.dumps({"protocolSection": section}), encoding="utf-8")
    build([str(tmp_path)], tmp_path / "store", workers=1)
    (trial,) = validate(open_snapshot(tmp_path / "store"), Choice("rudof", workers=1))
    shapes = {one.shape for one in trial.findings}
    assert "check_end_before_start" not in shapes
    assert "check_records_disagree" in shapes
