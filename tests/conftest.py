"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def find_shared() -> Path | None:
    """Folder with the seeds, gold labels and corpora: ``TRIALKG_SHARED``, else ``../shared``."""
    named = os.environ.get("TRIALKG_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared data; a test that needs it skips where it is absent, and fails where the variable promised it."""
    folder = find_shared()
    if folder is None:
        if os.environ.get("TRIALKG_SHARED"):
            pytest.fail(f"TRIALKG_SHARED={os.environ['TRIALKG_SHARED']} is no folder")
        pytest.skip("no shared data: set TRIALKG_SHARED or put them at ../shared")
    return folder
