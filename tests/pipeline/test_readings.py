"""The map step on a batch of records."""

from __future__ import annotations

import msgspec
import pytest

from kg.extract.designs import find_conditions
from kg.model import Rejected, Study
from kg.pipeline.readings import Reading, read_batch
from kg.sources.inputs import Blob


def make_blob(title: str) -> Blob:
    section = {"identificationModule": {"nctId": "NCT01234567", "briefTitle": title}}
    return Blob(f"{title}.json", msgspec.json.encode({"protocolSection": section}), is_json=True)


def test_an_odd_record_leaves_its_batch_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a rule stumbles over one record, that one is set aside, and the others read as they read alone."""
    def stumble(study: Study) -> object:
        if study.first("title") == "odd":
            raise ValueError("odd")
        return find_conditions(study)

    monkeypatch.setattr("kg.extract.trials.find_conditions", stumble)
    blobs = [make_blob(title) for title in ("first", "odd", "last")]
    first, odd, last = read_batch(blobs)
    assert isinstance(odd, Rejected)
    assert "could not interpret" in odd.reason
    assert isinstance(first, Reading)
    assert [[first], [last]] == [read_batch([blobs[0]]), read_batch([blobs[2]])]
