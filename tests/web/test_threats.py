"""Every claim of the threat model names tests that exist."""

from __future__ import annotations

import ast
import re

import pytest

from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
CLAIMS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| An attacker")]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim).split("|")[1].strip()[:40])
def test_a_claim_names_tests_that_exist(claim: str) -> None:
    """At least one, each by its whole name, and nothing else in their column looks like a test."""
    column = claim.split("|")[-2]
    named = NAMED.findall(column)
    assert named
    assert "test" not in NAMED.sub("", column)
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name


def test_all_claims_are_read() -> None:
    """No row of the table slips through."""
    assert len(CLAIMS) == TEXT.count("\n| ") - 1 > 15
