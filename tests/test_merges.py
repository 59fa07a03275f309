"""Several records of one trial become one description of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from kg.graph import Graph, open_graph
from kg.pipeline import build


def make_record(updated: str, outcomes: list[dict[str, str]]) -> dict[str, object]:
    """A small ClinicalTrials.gov record with these primary outcomes."""
    return {
        "protocolSection": {
            "identificationModule": {"nctId": "NCT90000101", "briefTitle": "CD7 CAR-T Cells in T-ALL"},
            "statusModule": {"overallStatus": "RECRUITING", "lastUpdatePostDateStruct": {"date": updated}},
            "armsInterventionsModule": {"interventions": [{"type": "BIOLOGICAL", "name": "CD7 CAR-T cells"}]},
            "outcomesModule": {"primaryOutcomes": outcomes},
        }
    }


@pytest.fixture
def graph(tmp_path: Path, request: pytest.FixtureRequest) -> Graph:
    """The graph of the records that a test gives."""
    source = tmp_path / "records.jsonl"
    source.write_bytes(b"\n".join(msgspec.json.encode(one) for one in request.param))
    build([str(source)], tmp_path / "store", workers=1)
    return open_graph(tmp_path / "store")


FULL = make_record("2023-01-10", [{"measure": "Dose-limiting toxicity", "timeFrame": "28 days"}])
THIN = make_record("2024-06-01", [{"measure": "Dose-limiting toxicities"}])
NEWER = make_record("2024-06-01", [{"measure": "Complete response", "timeFrame": "3 months"}])


@pytest.mark.parametrize("graph", [[FULL, THIN], [THIN, FULL]], indirect=True)
def test_endpoints_with_time_frames_win_over_a_newer_list_without(graph: Graph) -> None:
    """An export that dropped the time frames hides none of them, whatever the order of reading."""
    (endpoint,) = graph.card("NCT90000101")["endpoints"]
    assert (endpoint["name"], endpoint["time_frame_days"]) == ("Dose-limiting toxicity", 28)


@pytest.mark.parametrize("graph", [[FULL, NEWER]], indirect=True)
def test_the_newest_full_list_of_endpoints_wins(graph: Graph) -> None:
    """A registry that replaced its endpoint is shown with the new one only."""
    assert [one["name"] for one in graph.card("NCT90000101")["endpoints"]] == ["Complete response"]
