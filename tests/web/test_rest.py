"""The REST interface: stored queries, cards and questions, in pages with a total."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from kg.graph import open_graph
from kg.queries import load_queries
from kg.web.openapi import write_openapi
from kg.web.rest import PAGING

QUERIES = load_queries()


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_stored_queries_answer_as_the_library_does(name: str, client: TestClient, store: Path) -> None:
    """With the examples of what a query needs."""
    needed = {key: one.example for key, one in QUERIES[name].parameters.items() if one.required}
    answer = client.get(f"/api/queries/{name}", params={**needed, "limit": 10_000})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    rows = open_graph(store).query(name, **needed)
    assert body["total"] == len(rows)
    assert body["rows"] == msgspec.to_builtins(rows)
    assert body["columns"] == list(QUERIES[name].columns)
    assert body["meta"]["trials"] > 10


def test_pages_are_parts_of_the_whole(client: TestClient) -> None:
    """Limit and offset cut the same rows; the total and the next page are named."""
    whole = client.get("/api/queries/trials", params={"limit": 10_000}).json()
    parts: list[Any] = []
    url = "/api/queries/trials?limit=4"
    while url:
        answer = client.get(url)
        assert answer.headers["kg-total"] == str(whole["total"])
        parts += answer.json()["rows"]
        link = answer.headers.get("link", "")
        url = link.partition("<")[2].partition(">")[0]
        assert not link or link.endswith('rel="next"')
    assert parts == whole["rows"]


def test_csv_has_the_columns_of_the_header(client: TestClient) -> None:
    """By Accept or by name."""
    by_name = client.get("/api/queries/trials", params={"output": "csv"})
    for answer in (by_name, client.get("/api/queries/trials", headers={"accept": "text/csv"})):
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert next(csv.reader(io.StringIO(answer.text))) == list(QUERIES["trials"].columns)


def test_cards_and_questions(client: TestClient, store: Path) -> None:
    """The same as in the library."""
    card = client.get("/api/trials/NCT05574608").json()
    assert card == msgspec.json.decode(msgspec.json.encode(open_graph(store).card("NCT05574608")))
    answer = client.get("/api/ask", params={"q": "which CD123 trials use allogeneic cells?"}).json()
    assert answer["query"] == "trials_by_target_and_source"
    assert answer["rows"][0]["answer"] == "yes"
    assert "CD123" in answer["understood"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/queries/none", 404),
        ("/api/trials/NCT05574608?nothing=1", 400),
        ("/api/queries/trials?nothing=1", 400),
        ("/api/queries/trials?target=nothing%20such", 400),
        ("/api/queries/trials?target=CD19&target=CD20", 400),
        ("/api/queries/trials?limit=0", 400),
        ("/api/queries/trials?limit=x", 400),
        ("/api/queries/trials?offset=-1", 400),
        ("/api/queries/trials?output=exe", 400),
        ("/api/queries/trials?title=" + "x" * 2_000, 400),
        ("/api/trials/none", 404),
        ("/api/trials/%00", 404),
        ("/api/trials/" + "x" * 5_000, 404),
        ("/api/ask", 400),
        ("/api/ask?q=", 400),
        ("/api/ask?q=%F0%9F%92%A9", 400),
        ("/api/ask?x=1", 400),
        ("/api/nothing", 404),
    ],
)
def test_faults_are_problems(client: TestClient, path: str, status: int) -> None:
    """RFC 9457: a status, what is wrong, and how to mend it."""
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["title"]
    assert "Traceback" not in answer.text


def test_health_names_the_snapshot(client: TestClient, store: Path) -> None:
    """And whether the workers are confined."""
    found = client.get("/health").json()
    assert found["status"] == "ok"
    assert found["snapshot"] == open_graph(store).meta.snapshot
    assert found["confined"] in ("seccomp", "limits")


def test_no_stored_query_has_a_parameter_of_paging() -> None:
    """The names of paging are free."""
    assert not [(name, key) for name, query in QUERIES.items() for key in query.parameters if key in PAGING]


def test_openapi_names_every_query_and_parameter(client: TestClient) -> None:
    """The document comes from the headers."""
    document = client.get("/api/openapi.json").json()
    assert document == msgspec.to_builtins(write_openapi("http://testserver"))
    for name, query in QUERIES.items():
        found = document["paths"][f"/api/queries/{name}"]["get"]["parameters"]
        assert [one["name"] for one in found] == [*query.parameters, "limit", "offset", "output"]
        assert {one["name"] for one in found if one.get("required")} == {
            key for key, one in query.parameters.items() if one.required
        }
