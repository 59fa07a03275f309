"""What the README shows is what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_cli import run_kg

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```console\n\$ kg (.+)\n([^`]+)```", README)
WIDTH = {"COLUMNS": "112", "TERM": "dumb"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graph that ``make demo`` builds."""
    folder = tmp_path_factory.mktemp("docs") / "store"
    assert run_kg("build", store=folder).returncode == 0
    return folder


def test_the_readme_shows_five_questions() -> None:
    """Each with its real output."""
    assert len(SHOWN) == 5


@pytest.mark.parametrize(("command", "output"), SHOWN, ids=[command for command, _ in SHOWN])
def test_shown_output_is_real(store: Path, command: str, output: str) -> None:
    """Run as written; only empty lines and trailing blanks are left out of the README."""
    done = run_kg(*shlex.split(command), store=store, env=WIDTH)
    printed = [line.rstrip() for line in done.stdout.splitlines() if line.strip()]
    assert printed == output.rstrip("\n").split("\n")


def test_the_library_example_runs(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python of the README gives the rows and the card."""
    (code,) = re.findall(r"```python\n([^`]+)```", README)
    monkeypatch.setenv("KG_STORE", str(store))
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102  # our own README
    rows, card = names["rows"], names["card"]
    assert isinstance(rows, list)
    assert [row["answer"] for row in rows] == ["yes", "not stated"]
    assert isinstance(card, dict)
    assert card["registry_id"] == "NCT05574608"
