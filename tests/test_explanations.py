"""Every fact names a rule that the vocabulary explains; ``kg explain`` tells what was kept and what was passed over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kg.errors import UsageError
from kg.explanations import explain_path
from kg.graph import Graph, open_graph
from kg.pipeline import build
from kg.vocabularies import load_vocabularies
from tests.conftest import ROOT

RULE = re.compile(r'"((?:antigen|binder|cell-type|condition|construct|criterion|design|dose|endpoint|endpoint-grading|'
                  r'endpoint-kind|ethics|logic|lymphodepletion|modality|page|product|record|setting|source|time-frame)'
                  r'\.[A-Za-z-]+)"')  # fmt: skip


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """The graph of the trials shipped with the project."""
    store = tmp_path_factory.mktemp("explained")
    build([str(ROOT / "data" / "trials")], store, workers=1)
    return open_graph(store)


def test_every_rule_in_code_is_explained() -> None:
    """A rule's name in ``kg/`` is a term of ontology/rules.ttl, and the other way round."""
    used = {
        name for path in sorted((ROOT / "kg").rglob("*.py")) for name in RULE.findall(path.read_text(encoding="utf-8"))
    }
    of_sources = {f"source.{one.replace(' ', '-')}" for one in load_vocabularies().scheme("cell-source")}
    declared = set(load_vocabularies().scheme("rule"))
    assert used - declared == set()
    assert declared - used - of_sources == set()


def test_every_evidence_has_a_known_rule(graph: Graph) -> None:
    """What the card names can be looked up."""
    rules = {one["rule"] or "record.field" for card in graph.cards() for one in card["evidence"]}
    assert rules <= set(load_vocabularies().scheme("rule"))


def test_a_target_is_explained_with_what_was_passed_over(graph: Graph) -> None:
    """CD117 is kept by its binder word; CD3 and CD28 of the eligibility text are passed over as reagents."""
    (trial,) = (card["registry_id"] or card["trial"] for card in graph.cards() if "KIT" in str(card["interventions"]))
    reasons = explain_path(graph, trial, "interventions.0.targets")
    kept = [(one.value, one.rule) for one in reasons if one.verdict == "kept"]
    assert kept == [("KIT", "antigen.beside-binder-word")]
    assert {("CD3", "reagent"), ("CD28", "reagent")} <= {(one.value, one.verdict) for one in reasons}
    assert all(one.meaning for one in reasons)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("interventions.0.tragets", r"Did you mean targets\b"),
        ("min_age", r"Did you mean min_age_years\b"),
        ("targets", r"Did you mean interventions\.0\.targets\b"),
        ("qqq", r"It has .*not_targets.*not_stated"),
        ("interventions.7", "one entry, 0"),
        ("interventions.first", "one entry, 0"),
        ("status.name", "has no parts"),
    ],
)
def test_an_unknown_path_names_what_is_there(graph: Graph, path: str, words: str) -> None:
    """The error helps to find the right path: the likeliest key, or all of them."""
    with pytest.raises(UsageError, match=words):
        explain_path(graph, "NCT05574608", path)


@pytest.mark.parametrize(
    ("path", "rule"), [("status", "record.field"), ("sites.0.country", "record.normalised"), ("title", "record.field")]
)
def test_a_normalised_value_is_no_copy(graph: Graph, path: str, rule: str) -> None:
    """The field says "China", the card CN; the status is the field's own word."""
    assert [one.rule for one in explain_path(graph, "NCT05574608", path)] == [rule]


def test_the_file_of_rules_is_shipped() -> None:
    """The rules are knowledge in a file."""
    assert Path(ROOT / "ontology" / "rules.ttl").is_file()
