"""Answers that nobody reads do not fill the memory."""

from __future__ import annotations

import pytest
from starlette.responses import Response
from starlette.testclient import TestClient

from kg.web.budgets import Budget

SIZE = 100_000


@pytest.mark.parametrize(("unsent", "status"), [(0, 200), (50_000, 200), (50_001, 503)])
def test_an_answer_beyond_the_budget_is_refused(unsent: int, status: int) -> None:
    """With 503, and when to try again, in place of the body."""
    client = TestClient(Budget(Response(b"x" * SIZE), SIZE + 50_000, lambda: unsent))
    answer = client.get("/")
    assert answer.status_code == status
    assert (len(answer.content) == SIZE) == (status == 200)
    assert ("retry-after" in answer.headers) == (status == 503)


def test_a_small_answer_is_always_sent() -> None:
    """So that a server whose budget is used up still says so."""
    assert TestClient(Budget(Response(b"x"), 10, lambda: 100)).get("/").content == b"x"
