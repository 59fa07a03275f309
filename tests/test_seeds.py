"""The five real pages: every key of their cards against what a careful reader found, and every quote against its
page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kg.graph import Graph, open_graph
from kg.pipeline import build

MINIMUM_LISTS = {"criteria", "not_stated", "not_targets"}
FILES = (
    "000_95c8b58428229813.txt",
    "001_20f13bc4f9159662.txt",
    "002_149f7f7ff187ba9f.txt",
    "003_62c8b8bbff79b9c1.txt",
    "004_5a21487f3ba60c4a.txt",
)
OURS = {"file", "trial", "records", "evidence", "not_stated", "conflicts"}
"""Keys that speak of the card itself and rest on no words of the record."""


@pytest.fixture(scope="module")
def graph(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    store = tmp_path_factory.mktemp("seeds")
    build([str(shared / "seeds")], store, workers=1)
    return open_graph(store)


@pytest.fixture(scope="module")
def cards(graph: Graph) -> dict[str, dict[str, Any]]:
    return {card["file"]: card for card in graph.cards()}


@pytest.fixture(scope="module")
def gold(shared: Path) -> dict[str, dict[str, Any]]:
    return {trial["file"]: trial for trial in json.loads((shared / "gold" / "seeds.json").read_text())["trials"]}


def compare(expected: Any, found: Any, path: str) -> Iterator[str]:
    """Differences between a label and our value; a key that the label lacks makes no claim."""
    key = path.rpartition(".")[2]
    if key in MINIMUM_LISTS:
        yield from compare_minimum(expected, found, path)
    elif isinstance(expected, dict):
        for name, value in expected.items():
            yield from compare(value, (found or {}).get(name), f"{path}.{name}")
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict):
        if len(expected) != len(found):
            yield f"{path}: {len(expected)} expected, {len(found)} found"
        for index, (one, other) in enumerate(zip(expected, found, strict=False)):
            yield from compare(one, other, f"{path}.{index}")
    elif expected != found:
        yield f"{path}: expected {expected!r}, found {found!r}"


def compare_minimum(expected: list[Any], found: list[Any], path: str) -> Iterator[str]:
    """Every listed item must be there; more are right if the page supports them."""
    names = [item["antigen"] if path.endswith("not_targets") else item for item in found]
    for item in expected:
        is_there = (
            any(all(other.get(key) == value for key, value in item.items()) for other in found)
            if isinstance(item, dict)
            else item in names
        )
        if not is_there:
            yield f"{path}: {item!r} is missing"


@pytest.mark.parametrize("file", FILES)
def test_card_agrees_with_the_careful_reader(
    file: str, cards: dict[str, dict[str, Any]], gold: dict[str, dict[str, Any]]
) -> None:
    """Complete lists agree exactly, minimum lists at least."""
    assert list(compare(gold[file], cards[file], "")) == []


@pytest.mark.parametrize("file", FILES)
def test_every_quote_is_in_the_page(file: str, cards: dict[str, dict[str, Any]], shared: Path) -> None:
    """``text[start:end]`` of the untouched page is the quote."""
    page = (shared / "seeds" / file).read_bytes().decode()
    evidence = cards[file]["evidence"]
    assert evidence
    assert [
        one
        for one in evidence
        if one["field"] != "text" or page[one["start"] : one["end"]] != one["quote"] or not one["quote"]
    ] == []


def list_leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted paths of all values that are not null."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if path or key not in OURS:
                yield from list_leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from list_leaves(inner, f"{path}.{index}")
    elif value is not None:
        yield path, value


@pytest.mark.parametrize("file", FILES)
def test_every_leaf_has_evidence(file: str, cards: dict[str, dict[str, Any]]) -> None:
    """Each value that is not null is covered by its own path or one above it."""
    about = {one["about"] for one in cards[file]["evidence"]}
    bare = [
        path
        for path, _ in list_leaves(cards[file])
        if not any(path == one or path.startswith(f"{one}.") for one in about)
    ]
    assert bare == []


@pytest.mark.parametrize("file", FILES)
def test_written_words_stand_in_their_quotes(file: str, cards: dict[str, dict[str, Any]]) -> None:
    """The written word of a target and of a source is inside the quote that supports it."""
    card = cards[file]
    for index, item in enumerate(card["interventions"]):
        quotes = {one["about"]: one["quote"] for one in card["evidence"]}
        if item["targets"]:
            assert item["target_as_written"] in quotes[f"interventions.{index}.targets.0"]
        if item["cell_source"]:
            assert item["cell_source_as_written"] in quotes[f"interventions.{index}.cell_source"]


def test_numbers_stand_in_their_quotes(cards: dict[str, dict[str, Any]]) -> None:
    """A dose or threshold has a quote with digits, or a number word, that it was read from."""
    for card in cards.values():
        for one in card["evidence"]:
            head = one["about"].split(".")[0]
            if (
                (head == "criteria" and one["value"]["value"] is not None)
                or ".doses." in one["about"]
                or head == "enrollment"
            ):
                assert any(char.isdigit() for char in one["quote"]), one


def test_cd123_question_on_the_pages(graph: Graph) -> None:
    """One trial says allogeneic, one does not say, and no other trial binds CD123."""
    rows = graph.query("trials_by_target_and_source", target="CD123", cell_source="allogeneic")
    assert [(row["registry_id"], row["answer"]) for row in rows] == [
        ("NCT05574608", "yes"),
        ("NCT04599543", "not stated"),
    ]
    assert "Allogenic" in rows[0]["quote"]
    assert rows[1]["source_quote"] is None
    assert "CD123" in rows[1]["quote"]


@pytest.mark.parametrize("name", ["CD123", "IL3RA", "IL-3Rα", "HGNC:6012", "P26951", "interleukin-3 receptor alpha"])
def test_any_name_of_the_antigen_asks_the_same(name: str, graph: Graph) -> None:
    """The target is understood by label, symbol, synonym and outward id."""
    assert len(graph.query("trials_by_target_and_source", target=name)) == 2


@pytest.mark.parametrize("source", ["cord blood", "iPSC", "healthy donor", "donor"])
def test_a_wider_source_is_no_denial(source: str, graph: Graph) -> None:
    """The page says allogeneic; that neither affirms nor denies a kind of donor. Autologous it denies."""
    rows = graph.query("trials_by_target_and_source", target="CD123", cell_source=source)
    assert {row["answer"] for row in rows} == {"not stated"}
    rows = graph.query("trials_by_target_and_source", target="CD123", cell_source="autologous")
    assert [row["answer"] for row in rows] == ["not stated", "no"]


SUMMARIES = {
    FILES[0]: ("This is a prospective,open-label", "acute myeloid leukemia."),
    FILES[1]: ("Acute leukemia is a malignant clonal disease", "in the treatment of acute leukemia."),
    FILES[2]: None,
    FILES[3]: ("A Study of IL3 CAR-T Cell Therapy", "Refractory Acute Myeloid Leukemia."),
    FILES[4]: ("The CD123-Targeted CAR-NK cell therapy", "given to these patients."),
}
"""First and last words of each page's brief summary; the third page has a title under "Overview" and nothing else."""


@pytest.mark.parametrize("file", FILES)
def test_brief_summary_is_that_of_the_page(file: str, cards: dict[str, dict[str, Any]]) -> None:
    """The whole summary and no line of the next part; no page names a responsible party or an ethics review."""
    card, expected = cards[file], SUMMARIES[file]
    if expected is None:
        assert card["brief_summary"] is None
    else:
        assert card["brief_summary"].startswith(expected[0])
        assert card["brief_summary"].endswith(expected[1])
    absent = {"responsible_party", "ethics_review", *(() if expected else ("brief_summary",))}
    assert absent <= set(card["not_stated"])
