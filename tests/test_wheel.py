"""The built wheel works in a clean environment, from another folder: ontology, shapes, queries and data ship inside
it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a new environment with nothing in it but the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)], check=True, capture_output=True
    )
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    installed = folder / "env" / "bin" / "python"
    subprocess.run(
        [
            str(installed),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--constraint",
            str(ROOT / "requirements.lock"),
            str(wheel),
        ],
        check=True,
        capture_output=True,
    )
    return installed


def test_the_wheel_answers_the_question(python: Path, tmp_path: Path) -> None:
    """Build, validate and ask with the installed ``kg`` only."""
    kg = str(python.parent / "kg")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "KG_", "COV_"))}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([kg, *arguments], cwd=tmp_path, env=clean, capture_output=True, text=True, check=True)

    run("build")
    assert "violation" in run("validate", "--fail-on", "never").stdout
    rows = json.loads(
        run(
            "query",
            "trials_by_target_and_source",
            "-p",
            "target=CD123",
            "-p",
            "cell_source=allogeneic",
            "--format",
            "json",
        ).stdout
    )
    assert [(row["registry_id"], row["answer"]) for row in rows] == [
        ("NCT05574608", "yes"),
        ("NCT04599543", "not stated"),
    ]
    assert run("--version").stdout.startswith("kg ")


@pytest.mark.parametrize("folder", ["web/templates", "web/static"])
def test_parts_of_pages_ship_inside_it(python: Path, folder: str, tmp_path: Path) -> None:
    """Every template and static file of the project, and no other."""
    code = f"import kg, pathlib; print(*(p.name for p in (pathlib.Path(kg.__file__).parent / {folder!r}).iterdir()))"
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(python), "-I", "-c", code], cwd=tmp_path, env=clean, capture_output=True, text=True, check=True
    )
    assert sorted(done.stdout.split()) == sorted(path.name for path in (ROOT / "kg" / folder).iterdir()) != []
