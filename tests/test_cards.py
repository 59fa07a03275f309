"""Every value of a card has its words, every word its value, and what is absent is named."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kg import rdf
from kg.cards.reading import copy_fields, read_products
from kg.extract import extract_trial
from kg.graph import open_graph
from kg.model import Rejected, Study
from kg.pipeline import build
from kg.rdf import Statement
from kg.sources.inputs import open_sources, read_blob
from kg.terms import kg
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


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_fields_alone_say_what_has_no_evidence_node(source: str) -> None:
    """A statement whose words the graph does not hold is made from the record's fields without any rule on prose; only
    a condition's term, which no card shows, is not."""
    seen = 0
    for study in _read_studies(source):
        copied = set(map(_read_words, rdf.describe(copy_fields(study))))
        for one in rdf.describe(extract_trial(study)):
            if one.fact and not one.fact.rule and one.p != kg("condition"):
                seen += 1
                assert _read_words(one) in copied, study.record.file
    assert seen


ORDERED = {"condition", "diseaseSetting", "phase", "hasCriterion", "notStated"}
"""Lists that a card does not show, or orders by a vocabulary, by position or by name."""


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_products_and_mentions_are_all_that_the_order_of_rules_counts_for(source: str) -> None:
    """What is read for the order of a card's lists has the order of the whole reading, and lacks no list."""
    for study in _read_studies(source):
        whole, found, copied = (
            list(dict.fromkeys((one.s, one.p, one.o) for one in rdf.describe(read(study))))
            for read in (extract_trial, read_products, copy_fields)
        )
        assert [one for one in whole if one in found] == [one for one in found if one in whole]
        lists = Counter((s, p) for s, p, _ in whole)
        lost = {p for s, p, o in whole if lists[s, p] > 1 and (s, p, o) not in found and (s, p, o) not in copied}
        assert lost <= {kg(name) for name in ORDERED}, study.record.file


def _read_studies(source: str) -> Iterator[Study]:
    for blob in open_sources([str(SOURCES[source])]):
        assert not isinstance(blob, Rejected)
        study = read_blob(blob)
        assert not isinstance(study, Rejected)
        yield study


def _read_words(one: Statement) -> tuple[Any, ...]:
    return one.s, one.p, one.o, one.fact and one.fact.quote


LYMPHODEPLETION = "CD19 CAR-T cells follow lymphodepletion with fludarabine and cyclophosphamide."


@pytest.mark.parametrize(
    ("summary", "drugs", "is_read"),
    [("CD19 CAR-T cells are given.", [], False), (LYMPHODEPLETION, ["fludarabine", "cyclophosphamide"], True)],
)
def test_rules_are_asked_only_for_the_order_of_what_they_found(
    summary: str, drugs: list[str], is_read: bool, tmp_path: Path
) -> None:
    """A card imports no rules on products, unless a list of values that they found has to keep the record's order."""
    study = {
        "protocolSection": {
            "identificationModule": {"nctId": "NCT90000067", "briefTitle": "CD19 CAR-T"},
            "descriptionModule": {"briefSummary": summary},
            "armsInterventionsModule": {"interventions": [{"name": "CD19 CAR-T", "type": "GENETIC"}]},
        }
    }
    (tmp_path / "one.json").write_text(json.dumps(study), encoding="utf-8")
    build([str(tmp_path / "one.json")], tmp_path / "store", workers=1)
    code = (
        "import json, sys; from kg.graph import open_graph; card = open_graph(sys.argv[1]).card('NCT90000067');"
        "print(json.dumps([card['interventions'][0]['lymphodepletion'], sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "store")], check=True, capture_output=True)
    shown, modules = json.loads(done.stdout)
    assert shown == drugs
    assert ("kg.extract.products" in modules) == is_read
    assert {"kg.extract.criteria", "rdflib", "pyshacl", "starlette", "yaml"}.isdisjoint(modules)


def test_a_shared_site_is_named_as_the_trial_names_it(tmp_path: Path) -> None:
    """Two trials write one site differently; each card has its own trial's writing."""
    for number, facility in enumerate(("City Hospital", "City HOSPITAL", "CITY hospital"), 90000070):
        site = {"facility": facility, "city": "Basel", "country": "Switzerland"}
        protocol = {
            "identificationModule": {"nctId": f"NCT{number}", "briefTitle": "Cells"},
            "contactsLocationsModule": {"locations": [site]},
        }
        (tmp_path / f"{number}.json").write_text(json.dumps({"protocolSection": protocol}), encoding="utf-8")
    build([str(tmp_path)], tmp_path / "store", workers=1)
    assert [card["sites"][0]["facility"] for card in open_graph(tmp_path / "store").cards()] == [
        "City Hospital",
        "City HOSPITAL",
        "CITY hospital",
    ]
