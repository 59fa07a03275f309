"""Which interventions are engineered cells, and what they bind; ``products.tsv`` holds what a reader would say."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import pytest

from kg.model import Trial
from kg.pipeline import read_trial
from kg.sources.inputs import Blob

with (Path(__file__).parent / "products.tsv").open(encoding="utf-8", newline="") as rows:
    CASES = list(csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))


def read(title: str, interventions: str, summary: str, eligibility: str = "") -> Trial:
    """A trial from a record with these words."""
    record = {
        "protocolSection": {
            "identificationModule": {"nctId": "NCT90000201", "briefTitle": title},
            "descriptionModule": {"briefSummary": summary},
            "armsInterventionsModule": {"interventions": [{"name": name} for name in interventions.split("|")]},
            "eligibilityModule": {"eligibilityCriteria": eligibility},
        }
    }
    trial = read_trial(Blob("case.json", msgspec.json.encode(record), is_json=True))
    assert isinstance(trial, Trial)
    return trial


def show(trial: Trial) -> str:
    """Products as ``products.tsv`` writes them: name, modality, targets."""
    return "|".join(
        " ".join(
            (
                f"{product.name.value if product.name else ''}:",
                *(str(fact.value) for fact in product.facts.get("modality", ())),
                *sorted(str(binding.antigen.value) for binding in product.bindings),
            )
        )
        for product in trial.products
    )


@pytest.mark.parametrize("case", CASES, ids=[case["what"] for case in CASES])
def test_reads_products(case: dict[str, str]) -> None:
    """Each intervention has the modality and targets that the words give it, and no others."""
    assert show(read(case["title"], case["interventions"], case["summary"])) == case["expected"]


def test_what_a_name_implies_is_marked() -> None:
    """A modality that no word says is inferred; targets of a list to choose from are implied."""
    trial = read("T cells in cancer", "Mesothelin-targeted T cells", "The T cells are modified.")
    assert [fact.basis for fact in trial.products[0].facts["modality"]] == ["inferred"]
    trial = read("CAR-T in glioma", "CAR-T cells", "Chosen by the expression of antigens (EphA2, GD2).")
    assert {one.antigen.basis for one in trial.products[0].bindings} == {"implied"}


@pytest.mark.parametrize(
    ("summary", "eligibility", "expected"),
    [
        ("CD7 CAR-T cells.", "Able to undergo leukapheresis.", {"autologous": "implied"}),
        ("CD7 CAR-T cells.", "Prior allogeneic transplant; donor leukapheresis was done.", {}),
        ("Allogeneic CD7 CAR-T cells.", "Able to undergo leukapheresis.", {"allogeneic": "stated"}),
        ("CD7 CAR-T cells.", "Prior treatment with autologous CAR-T cells.", {}),
    ],
)
def test_eligibility_tells_the_source_only_by_collection(
    summary: str, eligibility: str, expected: dict[str, str]
) -> None:
    """Participants who are collected from give their own cells; all else in eligibility is history."""
    trial = read("CD7 CAR-T in leukaemia", "CD7 CAR-T cells", summary, eligibility)
    assert {str(one.value): one.basis for one in trial.products[0].facts.get("cell_source", ())} == expected
