"""One graph of a few records, for all tests of the exports."""

from __future__ import annotations

import pytest

from kg.pipeline import build
from kg.store import Snapshot, open_snapshot
from tests.conftest import ROOT, find_shared

SEEDS = (find_shared() or ROOT / "nowhere") / "seeds"


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The seeds' graph; without the seeds, that of the records that the project ships."""
    store = tmp_path_factory.mktemp("store")
    build([str(SEEDS if SEEDS.is_dir() else ROOT / "data" / "trials")], store, workers=1)
    return open_snapshot(store)
