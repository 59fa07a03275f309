"""Every value of a card has its words, every word its value, and what is absent is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kg.graph import open_graph
from kg.pipeline import build
from tests.conftest import ROOT
from tests.test_seeds import list_leaves

SOURCES = {"shipped": ROOT / "data" / "trials", "fixtures": ROOT / "tests" / "fixtures" / "records"}
NEVER_MISSING = {"file", "trial", "records", "evidence", "not_targets", "conflicts", "not_stated"}


@pytest.fixture(scope="module", params=sorted(SOURCES))
def cards(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Cards of records that the project ships."""
    store = tmp_path_factory.mktemp(request.param)
    build([str(SOURCES[request.param])], store, workers=1)
    return list(open_graph(store).cards())


def find_value(card: dict[str, Any], about: str) -> Any:
    """What stands at a dotted path."""
    value: Any = card
    for step in about.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def test_evidence_has_the_value_it_is_about(cards: list[dict[str, Any]]) -> None:
    """``value`` is what the card has at ``about``, and never null: no words stand behind nothing."""
    wrong = [
        (card["file"], one["about"], one["value"])
        for card in cards
        for one in card["evidence"]
        if one["value"] is None or one["value"] != find_value(card, one["about"])
    ]
    assert wrong == []


def test_every_value_has_words(cards: list[dict[str, Any]]) -> None:
    """Each value that is not null is covered by its own path or one above it."""
    for card in cards:
        about = {one["about"] for one in card["evidence"]}
        bare = [
            path for path, _ in list_leaves(card) if not any(path == one or path.startswith(f"{one}.") for one in about)
        ]
        assert bare == [], card["file"]


def test_absent_keys_are_named(cards: list[dict[str, Any]]) -> None:
    """A key of the trial that is null or empty is in ``not_stated``, and one that has a value is not."""
    for card in cards:
        absent = {key for key, value in card.items() if value in (None, []) and key not in NEVER_MISSING}
        assert absent <= set(card["not_stated"]), card["file"]
        stated = {key for key, value in card.items() if value not in (None, [])}
        assert stated.isdisjoint(card["not_stated"]), card["file"]


def test_page_that_counts_nothing_says_so(cards: list[dict[str, Any]]) -> None:
    """Number of arms, number of sites and the page's source are named where the record lacks them."""
    for card in cards:
        for key in ("number_of_arms", "number_of_sites", "data_source"):
            assert (card[key] is None) == (key in card["not_stated"]), (card["file"], key)


def test_source_is_proved_in_all_its_keys(cards: list[dict[str, Any]]) -> None:
    """Where a cell source is given, its words and its basis have evidence of their own."""
    seen = 0
    for card in cards:
        about = {one["about"]: one for one in card["evidence"]}
        for index, item in enumerate(card["interventions"]):
            if item["cell_source"]:
                seen += 1
                for key in ("cell_source", "cell_source_as_written", "basis"):
                    assert about[f"interventions.{index}.{key}"]["value"] == item[key] is not None
    assert seen


PARTIES = {
    "an investigator with a name": ({"type": "PRINCIPAL_INVESTIGATOR", "investigatorFullName": "Wei Li"}, "Wei Li"),
    "the sponsor": ({"type": "SPONSOR"}, None),
    "an old record": ({"oldNameTitle": "Wei Li, MD", "oldOrganization": "North Hospital"}, "Wei Li, MD"),
}


@pytest.mark.parametrize("name", sorted(PARTIES))
def test_responsible_party_and_summary(name: str, tmp_path: Path) -> None:
    """Type and name of the responsible party as stated; the summary's words from the record; each with its quote."""
    party, shown = PARTIES[name]
    study = {
        "protocolSection": {
            "identificationModule": {"nctId": "NCT90000066", "briefTitle": "Cells"},
            "sponsorCollaboratorsModule": {"responsibleParty": party},
            "descriptionModule": {"briefSummary": "Cells are given.\n\nThen we wait."},
        }
    }
    (tmp_path / "one.json").write_text(json.dumps(study), encoding="utf-8")
    build([str(tmp_path / "one.json")], tmp_path / "store", workers=1)
    (card,) = open_graph(tmp_path / "store").cards()
    assert card["responsible_party"] == {"type": party.get("type"), "name": shown}
    assert card["brief_summary"] == "Cells are given.\n\nThen we wait."
    quotes = {one["about"]: (one["field"], one["quote"]) for one in card["evidence"]}
    assert quotes["brief_summary"] == ("protocolSection.descriptionModule.briefSummary", card["brief_summary"])
    if shown:
        assert quotes["responsible_party.name"][1] == shown
    assert {"responsible_party", "brief_summary"}.isdisjoint(card["not_stated"])


def test_a_record_without_them_says_so(cards: list[dict[str, Any]]) -> None:
    """No fixture names a responsible party; the key is null, and named."""
    for card in cards:
        assert card["responsible_party"] is None
        assert "responsible_party" in card["not_stated"]
