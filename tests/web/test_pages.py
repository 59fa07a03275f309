"""Pages and data of things: names resolve, every quote is shown and marked, and no text of a registry is code."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import rdflib
from markupsafe import escape
from starlette.testclient import TestClient

from kg.graph import open_graph
from kg.pipeline import build
from kg.web.app import make_app
from kg.web.editions import Editions
from kg.web.service import Settings
from kg.web.text import embed_json, find_link, neutralise
from tests.conftest import ROOT

TRIAL = "/id/trial/NCT05574608"
HTML = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
HIDDEN = "[\u202a-\u202e\u2066-\u2069\u200b]"
ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "</script><script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}",
    "abc\u202edef\u2066ghi\u200b",
    '=HYPERLINK("http://a")',
    "' onmouseover='alert(1)",
    "]]><!--",
)


class Page(HTMLParser):
    """Elements, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.marked: list[str] = []
        self.words: list[str] = []
        self._marks = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._marks += tag == "mark"

    def handle_endtag(self, tag: str) -> None:
        self._marks -= tag == "mark"

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._marks:
            self.marked.append(data)

    def all(self, tag: str, name: str) -> list[str]:
        return [attributes[name] for found, attributes in self.tags if found == tag and name in attributes]


@pytest.mark.parametrize(
    ("accept", "place"),
    [
        (HTML["accept"], "/page/trial/NCT05574608"),
        ("*/*", "/page/trial/NCT05574608"),
        ("text/turtle", "/data/trial/NCT05574608.ttl"),
        ("application/n-triples", "/data/trial/NCT05574608.nt"),
        ("application/ld+json", "/data/trial/NCT05574608.jsonld"),
        ("application/rdf+xml", "/data/trial/NCT05574608.rdf"),
        ("application/json", "/data/trial/NCT05574608.json"),
    ],
)
def test_a_name_leads_to_what_is_asked_for(client: TestClient, accept: str, place: str) -> None:
    """303 to the page or to data by Accept; the document is there."""
    answer = client.get(TRIAL, headers={"accept": accept})
    assert (answer.status_code, answer.headers["location"]) == (303, place)
    assert "Accept" in answer.headers["vary"]
    assert client.get(place, headers={"accept": accept}).status_code == 200


@pytest.mark.parametrize("suffix", ["ttl", "nt", "jsonld", "json", "rdf"])
def test_a_suffix_leads_to_data(client: TestClient, suffix: str) -> None:
    """Whatever Accept says."""
    answer = client.get(f"{TRIAL}.{suffix}", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/data/trial/NCT05574608.{suffix}")


def test_a_name_without_a_fitting_format(client: TestClient) -> None:
    """406."""
    assert client.get(TRIAL, headers={"accept": "image/png"}).status_code == 406


def test_data_of_a_trial_hold_its_facts_and_their_evidence(client: TestClient) -> None:
    """All formats hold the same graph, with the words."""
    graphs = []
    for suffix, form in (("ttl", "turtle"), ("nt", "nt"), ("jsonld", "json-ld"), ("rdf", "xml")):
        text = client.get(f"/data/trial/NCT05574608.{suffix}").text
        graphs.append(set(rdflib.Graph().parse(data=text, format=form)))
    assert graphs[0] == graphs[1]
    assert len({len(graph) for graph in graphs}) == 1
    assert any("exactWords" in str(p) for _, p, _ in graphs[0])


@pytest.mark.parametrize("path", ["antigen/IL3RA", "cell-source/allogeneic", "condition/acute-myeloid-leukemia"])
def test_terms_resolve(client: TestClient, path: str) -> None:
    """A term of a vocabulary has a page and data."""
    page = client.get(f"/page/{path}", headers=HTML)
    assert page.status_code == 200
    assert "prefLabel" in page.text or "label" in page.text
    assert client.get(f"/data/{path}.ttl").status_code == 200


def test_the_ontology_resolves(client: TestClient) -> None:
    """As a page with an anchor for each term, and as Turtle."""
    assert 'id="cellSource"' in client.get("/ontology", headers=HTML).text
    turtle = client.get("/ontology", headers={"accept": "text/turtle"}).text
    assert len(rdflib.Graph().parse(data=turtle, format="turtle")) > 100


@pytest.mark.parametrize(
    "path",
    ["/id/%00", "/data/trial/none.ttl", "/page/trial/none", "/page/nothing/here", "/page/a%20b%3Cc", "/data/x.exe",
     "/data/antigen/IL3RA.json", "/queries/none", "/page/" + "x" * 3_000, "/data/%2e%2e/%2e%2e/etc/passwd.ttl",
     "/static/../app.py", "/static/%2e%2e/app.py"],
)  # fmt: skip
def test_unknown_names_are_not_found(client: TestClient, path: str) -> None:
    """404 or 400 as a page, without a stack trace."""
    answer = client.get(path, headers=HTML)
    if answer.status_code == 303:
        answer = client.get(answer.headers["location"], headers=HTML)
    assert answer.status_code in (400, 404), answer.text[:200]
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/page/a%20b", "/page/trial/a%22b", "/page/caf%C3%A9", "/page/a%7Bb"])
def test_a_page_whose_name_no_iri_may_be_is_not_found(client: TestClient, path: str) -> None:
    """404, and nothing of a query, of which the reader knows nothing."""
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 404
    assert "the query" not in answer.text


def test_an_unknown_trial_has_a_page_that_leads_on(client: TestClient) -> None:
    """404 for every way to ask, and the ids here that are nearest, as links."""
    answer = client.get("/page/trial/NCT05574609", headers=HTML)
    assert answer.status_code == 404
    assert "/page/trial/NCT05574608" in Page(answer.text).all("a", "href")
    card = client.get("/data/trial/NCT05574609.json")
    assert card.status_code == 404
    assert "trial:NCT05574608" in card.text
    problem = client.get("/api/trials/NCT05574609")
    assert problem.status_code == 404
    assert "trial:NCT05574608" in problem.json()["detail"]
    assert "/page/trial" not in client.get("/page/trial/zzzz", headers=HTML).text


def test_a_page_that_another_program_made_is_sent_anew(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has the page of the same snapshot from before an upgrade gets the new one."""
    page = "/page/trial/NCT05574608"
    tag = client.get(page, headers=HTML).headers["etag"]
    assert client.get(page, headers={**HTML, "if-none-match": tag}).status_code == 304
    monkeypatch.setattr("kg.web.replies.mark_program", lambda: "another")
    assert client.get(page, headers={**HTML, "if-none-match": tag}).status_code == 200


def test_a_number_that_is_not_stated_is_no_lack_of_the_things(client: TestClient, store: Path) -> None:
    """Two arms are listed, and nobody says how many there are: the number is not stated, the arms are."""
    card = open_graph(store).card("NCT05574608")
    assert card["arms"]
    assert "number_of_arms" in card["not_stated"]
    text = client.get("/page/trial/NCT05574608", headers=HTML).text
    assert "<li>number of arms</li>" in text
    assert "<li>number of sites</li>" in text
    assert "<li>arms</li>" not in text


def test_a_trial_page_shows_every_quote_and_marks_it(client: TestClient, store: Path) -> None:
    """Every quote of the card stands on the page, leads to its place, and is marked in the record's text."""
    graph = open_graph(store)
    for card in graph.cards():
        page = Page(client.get("/page/trial/" + card["trial"].rpartition("/")[2], headers=HTML).text)
        marked = "".join(page.marked)
        anchors = set(page.all("span", "id"))
        assert {link[1:] for link in page.all("a", "href") if re.fullmatch(r"#w\d+", link)} <= anchors
        for one in card["evidence"]:
            assert all(neutralise(part) in marked for part in re.split(r"\s+", one["quote"]) if part), one
        for value in filter(None, (card["title"], card["sponsor"], *card["conditions"])):
            assert neutralise(value) in "".join(page.words)


def test_no_quote_is_cut_off_for_good(client: TestClient, store: Path) -> None:
    """What does not stand beside its fact at once, a fourth quote or the rest of a long one, can be unfolded."""
    graph = open_graph(store)
    for card in graph.cards():
        text = client.get("/page/trial/" + card["trial"].rpartition("/")[2], headers=HTML).text
        quoted = set(re.findall(r"<q>(.*?)</q>", text, re.DOTALL))
        facts = [one["quote"] for one in card["evidence"] if one["about"].split(".")[0] in ("sites", "criteria")]
        assert {str(escape(neutralise(quote))) for quote in facts} <= quoted


@pytest.mark.parametrize("key", ["nct05574608", "Nct05574608"])
def test_another_spelling_of_an_id_leads_to_its_page(client: TestClient, key: str) -> None:
    """As the REST interface finds it too."""
    answer = client.get(f"/page/trial/{key}", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/page/trial/NCT05574608")


def test_what_is_not_stated_is_shown_as_such(client: TestClient, store: Path) -> None:
    """Each key of ``not_stated`` stands in the list, and no value is made up for it."""
    card = open_graph(store).card("NCT05574608")
    text = client.get("/page/trial/NCT05574608", headers=HTML).text
    listed = re.search(r'<ul class="tags">(.*?)</ul>', text, re.DOTALL)
    assert listed
    assert listed[1].count("<li>") == len(card["not_stated"]) > 3
    assert text.count('class="none">not stated') > 3


def test_a_trial_page_describes_itself_to_search_engines(client: TestClient) -> None:
    """schema.org JSON-LD with the type, the name and the condition."""
    text = client.get("/page/trial/NCT05574608", headers=HTML).text
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    assert found
    described = json.loads(found[1])
    assert described["@type"] == "MedicalTrial"
    assert "NCT05574608" in described["identifier"]
    assert described["healthCondition"][0]["@type"] == "MedicalCondition"


def test_every_answer_has_the_headers_of_security(client: TestClient) -> None:
    """Pages, data, faults and files alike."""
    for path in (
        "/",
        "/page/trial/NCT05574608",
        "/nothing",
        "/api/queries/none",
        "/static/style.css",
        "/sparql?query=",
    ):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_pages_have_no_script_and_no_foreign_part(client: TestClient) -> None:
    """Scripts are data only; pictures, sheets and forms are ours."""
    for path in ("/", "/page/trial/NCT05574608", "/page/antigen/IL3RA", "/sparql", "/queries/trials", "/ontology"):
        page = Page(client.get(path, headers=HTML).text)
        assert {one.get("type") for tag, one in page.tags if tag == "script"} <= {"application/ld+json"}
        for tag, name in (("img", "src"), ("link", "href"), ("form", "action"), ("script", "src")):
            assert all(value.startswith("/") and not value.startswith("//") for value in page.all(tag, name))
        assert not [name for _, one in page.tags for name in one if name.startswith("on") or name == "style"]


@pytest.fixture(scope="module")
def hostile_client(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A graph of a record whose every text is an attack."""
    folder = tmp_path_factory.mktemp("hostile")
    source = next(path for path in (ROOT / "tests/fixtures/records").iterdir() if "summer" in path.name)
    study = json.loads(source.read_text(encoding="utf-8"))
    numbers = iter(range(10_000))

    def spoil(node: Any, key: str = "") -> Any:
        if isinstance(node, dict):
            return {name: spoil(value, name) for name, value in node.items()}
        if isinstance(node, list):
            return [spoil(value, key) for value in node]
        keep = not isinstance(node, str) or re.fullmatch(r"[A-Z0-9_]+|[\d-]+|\d+ \w+", node)
        return node if keep else f"{node} \u202e{ATTACKS[next(numbers) % len(ATTACKS)]}"

    (folder / "study.json").write_text(json.dumps(spoil(study)), encoding="utf-8")
    build([str(folder / "study.json")], folder / "store", workers=1)
    settings = Settings(store=str(folder / "store"), workers=2)
    with TestClient(make_app(Editions(settings)), raise_server_exceptions=False, follow_redirects=False) as running:
        yield running


def test_text_of_a_registry_is_never_code(hostile_client: TestClient) -> None:
    """Whatever a record says, its page has our elements only, no script, no odd link, no hidden control."""
    iri = hostile_client.get("/api/queries/trials").json()["rows"][0]["trial"]
    key = iri.rpartition("/")[2]
    for path in (f"/page/trial/{key}", "/queries/trials", "/queries/sites_by_trial"):
        text = hostile_client.get(path, headers=HTML).text
        page = Page(text)
        assert not re.search(HIDDEN, text)
        assert "49" not in re.findall(r"\b49\b", text)
        assert {one.get("type") for tag, one in page.tags if tag == "script"} <= {"application/ld+json"}
        assert not [name for _, one in page.tags for name in one if name.startswith("on")]
        links = page.all("a", "href")
        assert all(re.match(r"/|#|https?://|\?", link) for link in links)
        assert page.all("img", "src") == ["/static/icon.svg"]
    assert "⟨U+202E⟩" in hostile_client.get(f"/page/trial/{key}").text
    for path in (f"/api/trials/{key}", "/api/queries/trials", "/api/queries/sites_by_trial", f"/data/trial/{key}.json"):
        answer = hostile_client.get(path)
        assert not re.search(HIDDEN, answer.text)
        assert re.search(HIDDEN, json.dumps(answer.json(), ensure_ascii=False))
    for suffix, form in (("ttl", "turtle"), ("nt", "nt"), ("jsonld", "json-ld"), ("rdf", "xml")):
        rdflib.Graph().parse(data=hostile_client.get(f"/data/trial/{key}.{suffix}").text, format=form)


def test_no_cell_of_csv_is_a_formula(hostile_client: TestClient) -> None:
    """A spreadsheet runs nothing."""
    for name in ("trials", "sites_by_trial", "records"):
        text = hostile_client.get(f"/api/queries/{name}?output=csv").text
        assert not re.search(r'(?:^|,|\n)"?[=+@]', text)


@pytest.mark.parametrize(
    "iri",
    ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "vbscript:x", "http:x", "//evil", "/\\evil",
     "http://a\\@b", "file:///etc/passwd", "http://[bad", " javascript:x", "java\tscript:x"],
)  # fmt: skip
def test_odd_addresses_are_no_links(iri: str) -> None:
    """Only http and https with a host lead anywhere."""
    assert find_link(iri) == ""


@pytest.mark.parametrize("text", ATTACKS)
def test_json_in_a_page_cannot_end_its_element(text: str) -> None:
    """And reads as what was written."""
    written = embed_json({"a": text})
    assert not set("<>&") & set(str(written))
    assert json.loads(str(written)) == {"a": text}


def test_json_in_a_page_hides_nothing() -> None:
    """Controls that reorder or hide text are escaped, and read as before."""
    text = "a\u202eb\u200bc\u2066d"
    assert embed_json(text) == r'"a\u202eb\u200bc\u2066d"'
    assert json.loads(embed_json(text)) == text
