"""Shapes: each finds what it is for and nothing else, on both engines; the seeds' gaps are found and no others."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyoxigraph import RdfFormat, parse
from rdflib import Graph, URIRef

from kg.errors import ShapeError, UsageError
from kg.manifests import seal_folder
from kg.packing import SHARD, list_shards, open_shard
from kg.pipeline import build
from kg.resources import find_root
from kg.shapes import (
    SEVERITIES,
    Finding,
    compile_shapes,
    load_shapes,
    read_shapes,
    summarise,
    to_rows,
    to_turtle,
    validate_graph,
    validate_snapshot,
)
from kg.shapes import (
    check_snapshot_quotes as check_quotes,
)
from kg.store import Snapshot, open_snapshot
from kg.terms import ID, SH

CASES = sorted((Path(__file__).parent / "shapes").glob("*.ttl"))
NAMES = [path.stem for path in CASES]
PREFIXES = "".join(
    f"@prefix {name}: <{iri}> .\n"
    for name, iri in (
        ("sh", SH),
        ("kg", "https://w3id.org/trialkg/ontology#"),
        ("ksh", "https://w3id.org/trialkg/shapes#"),
        ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    )
)
PROPERTY = (
    'ksh:p a sh:PropertyShape ; sh:path kg:title ; sh:name "n" ; sh:minCount 1 ; sh:severity sh:Info ; '
    'sh:group ksh:validity ; sh:message "m" ; rdfs:comment "c" .\n'
)
GOOD = f"{PREFIXES}ksh:n a sh:NodeShape ; sh:targetClass kg:Trial ; sh:property ksh:p .\n{PROPERTY}"


KG_RECORD = "https://w3id.org/trialkg/ontology#hasRecord"


def read_case(path: Path) -> tuple[list[str], set[tuple[str, str]]]:
    """N-Quads lines of a case, and the shapes and severities that it expects."""
    text = path.read_text(encoding="utf-8")
    lines = [f"{quad!s} <{ID}record/case> .\n" for quad in parse(input=text, format=RdfFormat.TURTLE)]
    expected = [line.split()[2:] for line in text.splitlines() if line.startswith("# expect: ")]
    assert expected, f"{path.name} says nothing of what it expects"
    return lines, {(name, severity.lower()) for name, severity in (one for one in expected if one != ["nothing"])}


@cache
def validate_case(path: Path, engine: str) -> list[Finding]:
    return validate_graph(read_case(path)[0], engine)


@pytest.mark.parametrize("path", CASES, ids=NAMES)
def test_case_finds_what_it_expects(path: Path) -> None:
    found = {(one.shape, one.severity) for one in validate_case(path, "pyrudof")}
    assert found == read_case(path)[1]


@pytest.mark.parametrize("path", CASES, ids=NAMES)
def test_engines_agree(path: Path) -> None:
    assert validate_case(path, "pyrudof") == validate_case(path, "pyshacl")


def test_every_property_shape_has_a_failing_and_a_passing_case() -> None:
    failing = {name for path in CASES for name, _ in read_case(path)[1]}
    shapes = {shape.name for shape in read_shapes().properties.values() if not shape.name.startswith("in-")}
    assert shapes - failing == set()
    assert failing - shapes == set()
    passing = {path.stem.removesuffix("-complete") for path in CASES if not read_case(path)[1]}
    assert {path.stem for path in (find_root() / "shapes").glob("*.ttl")} - {"concept"} <= passing


def test_every_property_shape_says_what_to_do() -> None:
    for shape in read_shapes().properties.values():
        assert shape.severity in SEVERITIES
        assert shape.message.endswith(".")
        assert len(shape.message.split(".")) > 2, f"{shape.name} says what is wrong and not what to do"
        assert shape.comment
        assert shape.group in ("completeness", "validity")


def test_shapes_load_as_one_graph() -> None:
    graph = load_shapes()
    assert len(graph) > 1000
    assert not [one for one in graph.predicates(unique=True) if str(one).endswith(("sparql", "deactivated"))]


def test_a_shape_with_a_node_asks_for_an_iri() -> None:
    """pyrudof passes a literal where sh:node alone stands."""
    graph = load_shapes()
    shapes = set(graph.subjects(URIRef(f"{SH}node")))
    assert len(shapes) > 20
    assert not [one for one in shapes if (one, URIRef(f"{SH}nodeKind"), URIRef(f"{SH}IRI")) not in graph]


def test_who_items_are_numbered() -> None:
    items = {shape.who_item for shape in read_shapes().properties.values()} - {None}
    assert items == set(range(1, 25))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sh:minCount", "sh:minCunt", "sh:minCunt is no term"),
        ("sh:minCount 1", "sh:minCount 1 ; sh:deactivated true", "deactivated"),
        ("sh:minCount 1", 'sh:sparql [ sh:select "x" ]', "sh:sparql is no term"),
        ("kg:title", "kg:titel", "kg:titel is not declared"),
        ("sh:targetClass kg:Trial ; ", "", "has no target"),
        ("sh:property ksh:p .", "sh:property ksh:q .", "which is no shape"),
        ("sh:minCount 1", "sh:node ksh:n", "refers to itself"),
        ('sh:message "m" ; ', "", "exactly one sh:message"),
        ("sh:minCount 1", 'sh:pattern "(?!x)"', "looks around"),
        ("sh:minCount 1", "sh:minCount 1 ;; ;", "not Turtle"),
    ],
)
def test_lint_refuses(tmp_path: Path, old: str, new: str, said: str) -> None:
    good, bad = tmp_path / "good.ttl", tmp_path / "bad.ttl"
    good.write_text(GOOD)
    bad.write_text(GOOD.replace(old, new, 1) if said != "not Turtle" else GOOD + "ksh:x ksh:y")
    assert compile_shapes([good]).properties
    with pytest.raises(ShapeError, match=said) as caught:
        compile_shapes([bad])
    assert caught.value.where.startswith("bad.ttl")


def test_unknown_engine() -> None:
    with pytest.raises(UsageError, match="rudof, pyshacl"):
        validate_graph([], "jena")


def test_observational_trials_are_not_asked_for_a_phase() -> None:
    lines, _ = read_case(Path(__file__).parent / "shapes" / "trial-missing.ttl")
    trial = lines[0].split()[0]
    lines.append(
        f"{trial} <https://w3id.org/trialkg/ontology#studyType> <{ID}study-type/OBSERVATIONAL> <{ID}record/case> .\n"
    )
    for engine in ("pyrudof", "pyshacl"):
        keys = {one.card_key for one in validate_graph(lines, engine)}
        assert "status" in keys
        assert not keys & {"phases", "allocation", "masking", "intervention_model", "primary_purpose", "study_type"}


def test_findings_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        line.replace("NCT05574608", f"NCT0557460{number}").replace("record/case", f"record/{number}")
        for number in range(5)
        for path in CASES
        if path.stem in ("trial-missing", "site-invalid")
        for line in (
            *read_case(path)[0],
            f"<{ID}trial/NCT05574608> <{KG_RECORD}> <{ID}record/case> <{ID}record/case> .\n",
        )
    ]
    whole = validate_graph(lines)
    monkeypatch.setattr("kg.shapes.parts.PART", 2)
    assert validate_graph(lines) == whole
    assert len({one.trial for one in whole if one.shape == "site-city-text"}) == 5


def test_reports() -> None:
    findings = [one for path in CASES for one in validate_case(path, "pyrudof")]
    graph = Graph().parse(data=to_turtle(findings), format="turtle")
    rows: list[Any] = list(
        graph.query(f"SELECT ?r WHERE {{ ?r <{SH}focusNode> ?f ; <{SH}resultPath> ?p ; <{SH}sourceShape> ?s }}")
    )
    assert len(rows) == len(findings)
    assert f"{SH}conforms" in {str(one) for one in Graph().parse(data=to_turtle([]), format="turtle").predicates()}
    assert json.loads(json.dumps(to_rows(findings)))[0]["trial"] == findings[0].trial
    summary = summarise(findings)
    assert sum(summary.severities.values()) == len(findings) == sum(one.findings for one in summary.items)


# The seeds


def find_shared() -> Path:
    """The folder of test material that is not part of the project."""
    named = os.environ.get("TRIALKG_SHARED")
    shared = Path(named) if named else find_root().parent / "shared"
    if not (shared / "seeds").is_dir():
        if named:
            pytest.fail(f"TRIALKG_SHARED names {named}, which has no seeds/")
        pytest.skip("no ../shared beside the repository, and TRIALKG_SHARED is not set")
    return shared


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    store = tmp_path_factory.mktemp("seeds")
    build([str(find_shared() / "seeds")], store, workers=1)
    return open_snapshot(store)


@pytest.fixture(scope="module")
def seed_findings(seeds: Snapshot) -> tuple[Finding, ...]:
    return validate_snapshot(seeds)


def read_gold() -> list[dict[str, Any]]:
    gold: list[dict[str, Any]] = json.loads((find_shared() / "gold" / "seeds.json").read_text(encoding="utf-8"))[
        "trials"
    ]
    return gold


def list_gaps(findings: tuple[Finding, ...], seeds: Snapshot, file: str) -> set[str]:
    """Card keys that validation says are missing in one seed; those of its products without ``interventions.``."""
    trial = next(stored.trial[1:-1] for stored in seeds.read_records() if stored.record.file == file)
    missing = [one for one in findings if one.trial == trial and one.component == "MinCount" and one.card_key]
    return {one.card_key.removeprefix("interventions.") for one in missing if one.card_key}


@pytest.mark.parametrize("number", range(5))
def test_seed_gaps(number: int, seeds: Snapshot, seed_findings: tuple[Finding, ...]) -> None:
    trial = read_gold()[number]
    gaps = list_gaps(seed_findings, seeds, trial["file"])
    assert set(trial["not_stated"]) - gaps == set()
    product = {key: value for one in trial["interventions"] for key, value in one.items()}
    stated = {key for key, value in {**product, **trial}.items() if value not in (None, [], "")}
    assert gaps & stated == set()


def test_seed_engines_agree(seeds: Snapshot, seed_findings: tuple[Finding, ...]) -> None:
    assert validate_snapshot(seeds, "pyshacl") == seed_findings


def test_seed_violations_are_missing_ids_and_titles(seed_findings: tuple[Finding, ...]) -> None:
    worst = [one.card_key for one in seed_findings if one.severity == "violation"]
    assert sorted(map(str, worst)) == ["registry_id", "registry_id", "title"]


def test_one_trial_only(seeds: Snapshot, seed_findings: tuple[Finding, ...]) -> None:
    found = validate_snapshot(seeds, trials=["NCT05574608"])
    assert found == tuple(one for one in seed_findings if one.registry_id == "NCT05574608")
    assert found


# Quotes


def write_snapshot(tmp_path: Path, field: str, start: int, words: str, text: str) -> Snapshot:
    """A snapshot of one record with one quote, made by changing a real one."""
    source = tmp_path / "page.json"
    source.write_text(text, encoding="utf-8")
    build([str(source)], tmp_path / "store", workers=1)
    snapshot = open_snapshot(tmp_path / "store")
    stored = next(snapshot.read_records())
    node, kg = f"<{stored.trial[1:-1]}/evidence/1>", "https://w3id.org/trialkg/ontology#"
    values = {
        "exactWords": json.dumps(words, ensure_ascii=False),
        "field": f'"{field}"',
        "start": f'"{start}"^^<x:i>',
        "end": f'"{start + len(words)}"^^<x:i>',
        "fromRecord": stored.iri,
    }
    lines = [f"{stored.trial} <{KG_RECORD}> {stored.iri} {stored.iri} .\n"]
    lines += [f"{node} <{kg}{name}> {value} {stored.iri} .\n" for name, value in values.items()]
    for path in list_shards(snapshot.folder):
        path.unlink()
    with open_shard(snapshot.folder / "quads" / f"00{SHARD}", "wt") as stream:
        stream.writelines(lines)
    seal_folder(snapshot.folder, snapshot.manifest)
    return open_snapshot(tmp_path / "store")


STUDY = {
    "protocolSection": {
        "identificationModule": {"nctId": "NCT05574608", "briefTitle": "Ünïcode 𝄞 cells"},
        "statusModule": {"overallStatus": "RECRUITING"},
        "designModule": {"enrollmentInfo": {"count": 12}, "phases": ["PHASE1", "PHASE2"]},
    },
    "hasResults": False,
}


@pytest.mark.parametrize(
    ("field", "start", "words", "fault"),
    [
        ("protocolSection.identificationModule.briefTitle", 8, "𝄞 cells", ""),
        ("protocolSection.designModule.enrollmentInfo.count", 0, "12", ""),
        ("protocolSection.designModule.phases.1", 0, "PHASE2", ""),
        ("hasResults", 0, "false", ""),
        ("protocolSection.designModule.phases.1", 0, "PHASE1", "do not stand"),
        ("protocolSection.designModule.phases.2", 0, "PHASE2", "has no field"),
        ("protocolSection.nothing", 0, "x", "has no field"),
        ("protocolSection.identificationModule.briefTitle", 900, "cells", "do not stand"),
    ],
)
def test_quotes(tmp_path: Path, field: str, start: int, words: str, fault: str) -> None:
    found = check_quotes(write_snapshot(tmp_path, field, start, words, msgspec.json.encode(STUDY).decode()))
    assert [one.severity for one in found] == (["violation"] if fault else [])
    assert not found or fault in found[0].message
    assert Graph().parse(data=to_turtle(found), format="turtle")


def test_seed_quotes_stand_in_their_records(seeds: Snapshot) -> None:
    assert check_quotes(seeds) == []
