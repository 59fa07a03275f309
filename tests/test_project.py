"""The project keeps its own rules: documented dependencies, import layers, no facts about single trials in code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.conftest import ROOT

CODE = sorted((ROOT / "kg").rglob("*.py"))
KNOWLEDGE = [path for folder in ("ontology", "shapes", "queries") for path in sorted((ROOT / folder).iterdir())]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_every_dependency_is_pinned_by_range_and_justified() -> None:
    """Each has a lower and an upper bound, and a line in docs/dependencies.md."""
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    reasons = read(ROOT / "docs" / "dependencies.md")
    extras = [
        one
        for name, group in project["optional-dependencies"].items()
        for one in group
        if not one.startswith("trialkg")
    ]
    for requirement in (*project["dependencies"], *extras):
        name = re.split(r"[<>=\[]", requirement)[0]
        assert ">=" in requirement, requirement
        assert ",<" in requirement, requirement
        assert name in reasons, name


def test_no_trial_is_named_in_code_or_rules() -> None:
    """A fact about one trial belongs in no rule; ids stand only in examples of help texts and docstrings."""
    for path in (*CODE, *KNOWLEDGE):
        named = {line.strip() for line in read(path).splitlines() if re.search(r"NCT\d{8}", line)}
        assert all(is_example(line) for line in named), (path, named)


def is_example(line: str) -> bool:
    """Whether the line shows a user how to write an id."""
    return any(
        mark in line
        for mark in (">>>", "'NCT", "`kg ", "example:", "for example", "such as", '"""', "'trial:", ":param")
    )


def test_iris_are_minted_in_one_place() -> None:
    """No IRI of ours stands outside terms.py, except in docstrings."""
    for path in CODE:
        if path.name != "terms.py":
            outside = [
                line for line in read(path).splitlines() if "https://w3id.org/trialkg" in line and ">>>" not in line
            ]
            assert outside == [], path


def test_changelog_readme_and_licence_are_there() -> None:
    """The root holds what a user looks for, and nothing else."""
    expected = {
        "CHANGELOG.md",
        "CITATION.cff",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "benchmarks",
        "data",
        "docs",
        "kg",
        "ontology",
        "pyproject.toml",
        "queries",
        "requirements.lock",
        "shapes",
        "tests",
    }
    found = {
        path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.name not in ("build", "dist")
    }
    assert found == expected
