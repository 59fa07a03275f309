"""What a finding tells beside the engine's result: field, registry, the measure's words; and one finding a fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kg.pipeline import build
from kg.shapes.findings import Checked, Finding
from kg.shapes.runs import Choice, validate
from kg.store import Snapshot, open_snapshot

TIMED = {"measure": "Overall survival", "timeFrame": "1 year"}
OUTCOMES = {
    "primaryOutcomes": [{"measure": "Overall survival"}, TIMED],
    "secondaryOutcomes": [{"measure": "Quality of life"}],
    "otherOutcomes": [{"measure": "Persistence of cells"}],
}
PAGE = """Cells against lymphoma

Status and phase

Enrolling
Phase 1

Conditions

Lymphoma

Interventional model

Single Group Assignment

Masking

None (Open label)

Inclusion criteria

Age 18 years or older

Data sourced from clinicaltrials.gov
"""


def build_study(folder: Path, **modules: Any) -> Snapshot:
    section = {"identificationModule": {"nctId": "NCT80000001", "briefTitle": "Cells"}, **modules}
    (folder / "one.json").write_text(json.dumps({"protocolSection": section}), encoding="utf-8")
    build([str(folder / "one.json")], folder / "store", workers=1)
    return open_snapshot(folder / "store")


def check(snapshot: Snapshot, engine: str = "rudof", *shapes: str) -> Checked:
    (trial,) = validate(snapshot, Choice(engine, shapes=frozenset(shapes) or None, workers=1))
    return trial


def pick(findings: list[Finding], *shapes: str) -> list[tuple[str, str, str]]:
    return [(one.shape, one.field, one.focus_label) for one in findings if one.shape in shapes]


@pytest.mark.parametrize("engine", ["pyshacl", "rudof"])
def test_a_time_frame_is_missed_once_at_the_field_of_its_role(tmp_path: Path, engine: str) -> None:
    """A primary endpoint without one breaks two shapes and is one fault; each measure is named in its words."""
    store = build_study(tmp_path, outcomesModule=OUTCOMES)
    found = pick(check(store, engine).findings, "endpoint-time-frame", "trial-primary-time-frame")
    assert sorted(found) == [
        ("endpoint-time-frame", "outcomesModule.otherOutcomes.timeFrame", "Persistence of cells"),
        ("endpoint-time-frame", "outcomesModule.secondaryOutcomes.timeFrame", "Quality of life"),
        ("trial-primary-time-frame", "outcomesModule.primaryOutcomes.timeFrame", "Overall survival"),
    ]


def test_a_shape_that_is_asked_for_alone_is_not_folded(tmp_path: Path) -> None:
    """Nothing else says the fault then."""
    store = build_study(tmp_path, outcomesModule=OUTCOMES)
    found = check(store, "rudof", "endpoint-time-frame").findings
    assert len(found) == 3


@pytest.mark.parametrize("engine", ["pyshacl", "rudof"])
def test_one_wrong_number_is_one_violation(
    tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A single enrolment is both the lowest and the highest. The reader sets such a number aside; here it does not."""
    monkeypatch.setattr("kg.sources.ctgov_v2.find_count_fault", lambda _: "")
    store = build_study(tmp_path, designModule={"enrollmentInfo": {"count": -5}})
    violations = [one for one in check(store, engine).findings if one.severity == "violation"]
    assert [(one.shape, one.component) for one in violations] == [("trial-enrollment-number", "MinInclusive")]


def test_fields_of_what_is_read_from_several(tmp_path: Path) -> None:
    """Each place of a study where the item may be stated."""
    found = {one.shape: one.field for one in check(build_study(tmp_path)).findings}
    assert found["trial-disease-setting"] == (
        "eligibilityModule.eligibilityCriteria, identificationModule.briefTitle, identificationModule.officialTitle"
    )
    assert found["trial-follow-up"] == (
        "outcomesModule.primaryOutcomes.timeFrame, outcomesModule.secondaryOutcomes.timeFrame"
    )
    assert found["trial-primary-endpoint"] == "outcomesModule.primaryOutcomes"
    assert found["trial-secondary-endpoint"] == "outcomesModule.secondaryOutcomes"


def check_page(folder: Path, text: str) -> Checked:
    (folder / "page.txt").write_text(text, encoding="utf-8")
    build([str(folder / "page.txt")], folder / "store", workers=1)
    return check(open_snapshot(folder / "store"))


def test_a_page_has_one_field(tmp_path: Path) -> None:
    """A page is no study of ClinicalTrials.gov, so no field of one is named."""
    assert {one.field for one in check_page(tmp_path, PAGE).findings} == {"text"}


def test_the_source_of_a_page_stands_for_its_registry(tmp_path: Path) -> None:
    """Without an id, the page says from which registry it took its record; that one shows no ethics review."""
    trial = check_page(tmp_path, PAGE)
    assert (trial.registry_id, trial.registry) == (None, "ClinicalTrials.gov")
    assert "trial-ethics-review" not in {one.shape for one in trial.findings}


def test_a_page_without_source_is_of_no_registry(tmp_path: Path) -> None:
    """Nothing excuses it, and a source that is no registry does not either."""
    for name, source in (("none", ""), ("other", "Data sourced from example.org")):
        (tmp_path / name).mkdir()
        trial = check_page(tmp_path / name, PAGE.replace("Data sourced from clinicaltrials.gov", source))
        assert trial.registry == "no registry"
        assert "trial-ethics-review" in {one.shape for one in trial.findings}
