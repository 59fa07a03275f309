"""Records to build from, and ways to look at what was built."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import DefaultGraph

from kg.store import Snapshot
from tests.conftest import ROOT

SEED = json.loads(next((ROOT / "data" / "trials").glob("il3*.json")).read_text())
Write = Callable[..., Path]


def make_study(number: int, updated: str = "2024-01-01", status: str = "RECRUITING", **design: Any) -> dict[str, Any]:
    """A whole study: the shipped one under another id, with a site that it shares with each fifth other."""
    study: dict[str, Any] = copy.deepcopy(SEED)
    section = study["protocolSection"]
    section["identificationModule"]["nctId"] = f"NCT{81_000_000 + number}"
    section["statusModule"]["overallStatus"] = status
    section["statusModule"]["lastUpdatePostDateStruct"] = {"date": updated}
    section["contactsLocationsModule"] = {
        "locations": [{"facility": f"Hospital {number % 5}", "city": "Basel", "country": "Switzerland"}]
    }
    section["designModule"].update(design)
    return {**study, "hasResults": False}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write studies as JSON lines."""

    def run(name: str, *studies: dict[str, Any]) -> Path:
        (tmp_path / name).write_text("".join(json.dumps(one) + "\n" for one in studies))
        return tmp_path / name

    return run


def read_shards(snapshot: Snapshot) -> dict[str, bytes]:
    """The shards as they lie on disk."""
    return {path.name: path.read_bytes() for path in sorted((snapshot.folder / "quads").iterdir())}


def read_triples(snapshot: Snapshot) -> set[str]:
    """The triples of the index, but the ontology's blank nodes, which the parser names at random."""
    quads = snapshot.engine.quads_for_pattern(None, None, None, DefaultGraph())
    return {text for text in map(str, quads) if "_:" not in text}


def read_versions(shared: Path) -> list[dict[str, Any]]:
    """The corpus of versions: 114 versions of 50 records, whole, in order of date."""
    with gzip.open(shared / "corpora" / "ctgov_v2_versions.jsonl.gz") as stream:
        found = [json.loads(line) for line in stream]
    return sorted(found, key=lambda one: (one["lastUpdatePost"], one["nct"]))
