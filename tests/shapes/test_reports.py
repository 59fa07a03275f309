"""Reports that people read: scores, HTML, baselines, filters, and what a registry cannot hold."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph, URIRef

from kg.errors import SourceError, UsageError
from kg.findings import report
from kg.pipeline import build
from kg.rdf import REGISTRY_ID
from kg.shapes.baselines import read_baseline
from kg.shapes.findings import Checked, find_registry_gaps
from kg.shapes.graphs import read_shapes
from kg.shapes.judges import Found
from kg.shapes.manuals import write_manual
from kg.shapes.registries import load_registries, name_registry
from kg.shapes.runs import Choice, validate
from kg.shapes.scores import Tally, list_items, name_items, score_trial
from kg.shapes.triples import KSH
from kg.sources.pages import Page as RegistryPage
from kg.store import Snapshot, open_snapshot
from kg.terms import ID, SH
from tests.conftest import ROOT

PATTERN = re.compile(r'trial-registry-id-form> <[^>]*#pattern> "([^"]*)"')
NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)> & \"quoted\" 'words' {{ 7 * 7 }}"
STUDY = {
    "protocolSection": {
        "identificationModule": {"nctId": "NCT90000077", "briefTitle": NASTY},
        "sponsorCollaboratorsModule": {"leadSponsor": {"name": f"=cmd|' /C calc'!A0 {NASTY}", "class": "OTHER"}},
        "statusModule": {"overallStatus": "COMPLETED", "lastUpdatePostDateStruct": {"date": "2024-05-01"}},
    }
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The fixture records, and one whose words attack whoever shows them."""
    folder = tmp_path_factory.mktemp("reports")
    (folder / "nasty.json").write_text(json.dumps(STUDY), encoding="utf-8")
    build([str(ROOT / "tests" / "fixtures" / "records"), str(folder / "nasty.json")], folder / "store", workers=1)
    return open_snapshot(folder / "store")


def write(store: Snapshot, form: str, **choice: object) -> str:
    out = io.StringIO()
    report(store, Choice("rudof", workers=1, **choice), form, stream=out)  # type: ignore[arg-type]
    return out.getvalue()


class Page(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_html_is_one_file_and_escapes_everything(store: Snapshot) -> None:
    """No request leaves the page, and the words of a record are only words."""
    text = write(store, "html")
    page = Page(text)
    assert "<script>alert" not in text
    assert "{{ 7 * 7 }}" in text
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not {tag for tag, _ in page.tags} & {"link", "iframe", "object", "embed", "img"}
    assert all(not name.startswith("on") for _, attributes in page.tags for name in attributes)
    addresses = [attributes.get("href") or attributes.get("src") or "" for _, attributes in page.tags]
    assert all(not one or one.startswith("#") for one in addresses)
    assert "&lt;script&gt;alert(1)" in text
    assert re.search(r"default-src &#39;none&#39;|default-src 'none'", text)


def test_text_and_html_give_one_score(store: Snapshot) -> None:
    """The mean score is rounded once, in one way."""
    (text,) = re.findall(r"completeness (\d+ %)", write(store, "text"))
    assert f"<b>{text}</b>mean completeness score" in write(store, "html")


def test_html_charts_and_tables(store: Snapshot) -> None:
    """Two charts drawn here, and tables that can be sorted."""
    tags = [tag for tag, _ in Page(write(store, "html")).tags]
    assert tags.count("svg") == 2
    assert tags.count("table") >= 6
    assert tags.count("details") > 5


def test_csv_cells_do_not_run(store: Snapshot) -> None:
    """A sponsor that begins like a formula is text to a spreadsheet; JSON keeps the words."""
    rows = list(csv.DictReader(io.StringIO(write(store, "csv"))))
    assert all(not cell.startswith("=") for row in rows for cell in row.values())
    found = json.loads(write(store, "json"))
    assert len(found) == len(rows) == len(write(store, "jsonl").splitlines())
    assert any(one["sponsor"].startswith("=cmd") for one in found if one["sponsor"])


def test_each_finding_explains_itself(store: Snapshot) -> None:
    """Record, field or path, why it matters and how to mend it."""
    for one in json.loads(write(store, "json")):
        assert one["message"].endswith(".")
        assert one["mend"].endswith(".")
        assert one["why"].endswith(".")
        assert one["field"] or one["path"]
        assert one["record"] or one["registry"]


def test_what_a_registry_cannot_hold_is_found_once(store: Snapshot) -> None:
    """ClinicalTrials.gov shows no ethics review: one finding for the registry, none for its trials."""
    found = [one for one in json.loads(write(store, "json")) if one["who_item"] == 21]
    assert [(one["trial"], one["registry"], one["severity"]) for one in found] == [("", "ClinicalTrials.gov", "info")]
    assert "does not show them" in found[0]["message"]
    assert find_registry_gaps(["ISRCTN", "no registry"]) == []


IDS = {
    "NCT05574608": "ClinicalTrials.gov",
    "EUCTR2016-004489-24-DE": "EU Clinical Trials Register",
    "2016-004489-24": "EU Clinical Trials Register",
    "2023-508143-51-01": "CTIS",
    "CTIS2023-508143-51-00": "CTIS",
    "ChiCTR2000034346": "ChiCTR",
    "ISRCTN12345678": "ISRCTN",
    "jRCTs031180001": "jRCT",
    "JPRN-UMIN000012345": "jRCT",
    "ACTRN12612000123456": "ANZCTR",
    "CTRI/2020/05/025127": "CTRI",
    "DRKS00012345": "DRKS",
    "KCT0001234": "CRIS",
    "TCTR20120000007": "TCTR",
    "IRCT20080901001165N40": "IRCT",
    "NL-OMON20123": "Dutch trial register",
    "PACTR202001234567890": "PACTR",
    "RBR-4yx9kj": "ReBec",
    "RPCEC00000123": "RPCEC",
    "SLCTR/2020/012": "SLCTR",
    "LBCTR2019070214": "LBCTR",
    "PER-012-20": "REPEC",
    "ITMCTR2024000123": "ITMCTR",
}
"""An id of each registry, in the form that the registry or the WHO portal writes."""


@pytest.mark.parametrize("registry_id", sorted(IDS))
def test_ids_of_registries(registry_id: str) -> None:
    """The reader of pages, the graph, the shape and the table know the same registries; codes of sponsors are none."""
    assert name_registry(registry_id) == IDS[registry_id]
    assert REGISTRY_ID.fullmatch(registry_id)
    (pattern,) = PATTERN.findall(read_shapes().text)
    assert re.fullmatch(pattern, registry_id)
    page = RegistryPage("Registration Number\n" + registry_id, ["Registration Number"])
    page.add_ids(page.under("Registration Number"))
    is_bare = registry_id == "2016-004489-24"  # on a page, a EudraCT number without its prefix may be any code
    assert bool(page.facts.get("registry_id")) != is_bare


@pytest.mark.parametrize("code", ["CD123-001", "PER-12", "RBR", "CTIS-1", "2016-004489", "NCT1234567", "EUCTR"])
def test_codes_of_sponsors_are_no_ids(code: str) -> None:
    """In-house codes never merge records."""
    assert name_registry(code) == "no registry"
    assert not REGISTRY_ID.fullmatch(code)


def test_every_gap_has_a_reason() -> None:
    """A gap names a registry of the table and an item of the 24, and says why; every registry says how it was looked
    at."""
    names = {one.name for one in load_registries()}
    with (ROOT / "shapes" / "registry_gaps.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert rows
    for row in rows:
        assert row["registry"] in names
        assert int(row["who_item"]) in name_items()
        assert len(row["reason"].split()) > 5
    assert all(one.looked_at for one in load_registries())


def test_checks_and_shapes_end_in_one_report(store: Snapshot) -> None:
    """The nasty study is completed and states no participant."""
    found = {
        one["registry_id"]
        for one in json.loads(write(store, "json"))
        if one["shape"] == "check_completed_without_enrolment"
    }
    assert found == {"NCT90000077"}


def test_filters(store: Snapshot) -> None:
    """One trial, one shape."""
    trial = f"{ID}trial/NCT90000004"
    some = json.loads(write(store, "json", trials=frozenset({trial})))
    assert {one["trial"] for one in some} == {trial, ""}
    shape = json.loads(write(store, "json", shapes=frozenset({"trial-start-date"})))
    assert {one["shape"] for one in shape} == {"trial-start-date"}
    assert {one["registry_id"] for one in shape} == {f"NCT900000{number}" for number in ("04", "08", "10", "77")}
    with pytest.raises(UsageError, match="trial-start-date"):
        list(validate(store, Choice(shapes=frozenset({"trial-start-dat"}))))


@pytest.mark.parametrize("form", ["text", "html"])
def test_a_filter_of_shapes_shows_no_scores(store: Snapshot, form: str) -> None:
    """Who asks for one shape is told of that shape alone."""
    whole, some = write(store, form), write(store, form, shapes=frozenset({"trial-start-date"}))
    score = {"text": "completeness", "html": "completeness score"}[form]
    for words in (score, "scientific contact"):
        assert words in whole
        assert words not in some
    assert "No start date is stated." in some


def test_all_formats_count_the_same(store: Snapshot) -> None:
    """The header of the text and the cards of the page count what the rows hold, the registry's gap too."""
    counts = Counter(one["severity"] for one in json.loads(write(store, "json")))
    text, page = write(store, "text"), write(store, "html")
    for severity in ("violation", "warning", "info"):
        (number,) = re.findall(rf"([\d,]+) {severity}s?\b", text.splitlines()[0])
        assert int(number) == counts[severity]
        assert f'<b class="{severity}">{counts[severity]}</b>' in page
    assert write(store, "ttl").count("a sh:ValidationResult") == sum(counts.values())


def test_a_line_of_the_text_counts_trials_and_findings(store: Snapshot) -> None:
    """Each number says what it counts; a registry's gap counts no trial."""
    rows = [one for one in json.loads(write(store, "json")) if one["shape"] == "trial-start-date"]
    text = write(store, "text")
    assert len(rows) == 4
    assert "  4 trials, 4 findings: No start date is stated." in text
    assert "  the registry, 1 finding: ClinicalTrials.gov has no field" in text


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_baseline(store: Snapshot, tmp_path: Path, form: str) -> None:
    """Nothing changed against itself; what only one report has is mended or new."""
    path = tmp_path / f"report.{form}"
    path.write_text(write(store, form), encoding="utf-8")
    same = read_baseline(path)
    out = io.StringIO()
    report(store, Choice("rudof", workers=1), "text", same, out)
    assert "since the baseline: 0 mended, 0 new" in out.getvalue()
    out = io.StringIO()
    some = Choice("rudof", frozenset({f"{ID}trial/NCT90000004"}), workers=1)
    report(store, some, "text", read_baseline(path), out)
    assert re.search(r"since the baseline: 0 mended, 0 new, \d+ as before", out.getvalue())
    out = io.StringIO()
    some = Choice("rudof", shapes=frozenset({"trial-start-date"}), workers=1)
    report(store, some, "text", read_baseline(path), out)
    assert "since the baseline: 0 mended, 0 new, 4 as before" in out.getvalue()


def test_baseline_tells_what_was_mended(store: Snapshot, tmp_path: Path) -> None:
    """A finding that is gone was mended, one that was not there is new, each under its shape."""
    rows = json.loads(write(store, "json"))
    invented = {**rows[0], "focus": f"{ID}nothing", "shape": "trial-phase"}
    path = tmp_path / "report.json"
    path.write_text(json.dumps([*rows[1:], invented]), encoding="utf-8")
    out = io.StringIO()
    report(store, Choice("rudof", workers=1), "text", read_baseline(path), out)
    assert "since the baseline: 1 mended, 1 new" in out.getvalue()
    assert "trial-phase: 1 mended, 0 new" in out.getvalue()


def read_rows(form: str, text: str) -> list[dict[str, Any]]:
    if form == "csv":
        return list(csv.DictReader(io.StringIO(text)))
    return [json.loads(line) for line in text.splitlines()] if form == "jsonl" else json.loads(text)


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_rows_hold_what_was_mended(store: Snapshot, tmp_path: Path, form: str) -> None:
    """Each row says what became of it; a report with mended rows is a baseline without them."""
    rows = json.loads(write(store, "json"))
    invented = {**rows[0], "focus": f"{ID}nothing", "shape": "trial-phase", "registry_id": "NCT90000099"}
    path = tmp_path / "report.json"
    path.write_text(json.dumps([*rows[1:], invented]), encoding="utf-8")
    out = io.StringIO()
    report(store, Choice("rudof", workers=1), form, read_baseline(path), out)
    later = tmp_path / f"later.{form}"
    later.write_text(out.getvalue(), encoding="utf-8")
    lines = read_rows(form, out.getvalue())
    assert Counter(one["change"] for one in lines) == {"same": len(rows) - 1, "new": 1, "mended": 1}
    (mended,) = (one for one in lines if one["change"] == "mended")
    assert (mended["focus"], mended["shape"]) == (f"{ID}nothing", "trial-phase")
    out = io.StringIO()
    report(store, Choice("rudof", workers=1), "text", read_baseline(later), out)
    assert "since the baseline: 0 mended, 0 new" in out.getvalue()


def test_turtle_holds_what_was_mended(store: Snapshot, tmp_path: Path) -> None:
    """It is no result of this report, so it stands beside them."""
    rows = json.loads(write(store, "json"))
    path = tmp_path / "report.json"
    path.write_text(json.dumps([*rows[1:], {**rows[0], "focus": f"{ID}nothing"}]), encoding="utf-8")
    out = io.StringIO()
    report(store, Choice("rudof", workers=1), "ttl", read_baseline(path), out)
    graph = Graph().parse(data=out.getvalue(), format="turtle")
    assert len(list(graph.objects(None, URIRef(f"{SH}result")))) == len(rows)
    (mended,) = graph.objects(None, URIRef(f"{KSH}mended"))
    assert graph.value(mended, URIRef(f"{SH}focusNode")) == URIRef(f"{ID}nothing")
    assert Counter(map(str, graph.objects(None, URIRef(f"{KSH}change")))) == {
        "same": len(rows) - 1,
        "new": 1,
        "mended": 1,
    }


def test_text_and_html_name_trials_that_changed(store: Snapshot, tmp_path: Path) -> None:
    """One lost a finding, one has a finding that it had not."""
    rows = json.loads(write(store, "json"))
    gone = next(one for one in rows if one["registry_id"] == "NCT90000004")
    other = next(one for one in rows if one["registry_id"] == "NCT90000008")
    path = tmp_path / "report.json"
    rows.remove(gone)
    path.write_text(json.dumps([*rows, {**other, "focus": f"{ID}nothing"}]), encoding="utf-8")
    for form, mark in (("text", "{}: {}\n"), ("html", "<b>{}:</b> {}</p>")):
        out = io.StringIO()
        report(store, Choice("rudof", workers=1), form, read_baseline(path), out)
        better, worse = ("Better", "Worse") if form == "html" else ("better", "worse")
        assert mark.format(better, "NCT90000008") in out.getvalue()
        assert mark.format(worse, "NCT90000004") in out.getvalue()


def test_a_baseline_must_be_a_report(tmp_path: Path) -> None:
    """Anything else is named with its file."""
    for text in ('[{"a": 1}]', "[", "a,b\n1,2\n"):
        path = tmp_path / "other"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SourceError, match="other"):
            read_baseline(path)


def make_trial(*shapes: str, study_type: str = "INTERVENTIONAL", registry: str = "ISRCTN") -> Checked:
    found = tuple(Found(f"<{ID}trial/x>", f"{KSH}{name}", "MinCount", None) for name in shapes)
    return Checked(f"{ID}trial/x", None, None, registry, None, 2020, (f"{ID}study-type/{study_type}",), "x", found)


def test_score_of_a_trial() -> None:
    """Two shapes of one item count once; an info does not count; what is not asked is in neither number."""
    asked, given = score_trial(make_trial())
    assert asked == given
    assert asked == set(range(1, 25)) - {3, 6, 20, 23}
    asked, given = score_trial(make_trial("trial-phase", "trial-masking", "trial-sponsor", "trial-has-results"))
    assert asked - given == {5, 15}
    asked, _ = score_trial(make_trial(study_type="EXPANDED_ACCESS", registry="ClinicalTrials.gov"))
    assert {16, 17, 19, 21, 22}.isdisjoint(asked)


def test_tally_counts_trials_and_items() -> None:
    """Means, shares by sponsor, and the least complete trial first."""
    tally = Tally()
    for trial in (make_trial(), make_trial("trial-sponsor", "trial-status")):
        tally.add(trial, trial.findings)
    assert tally.all.trials == 2
    assert tally.items[5] == [2, 1]
    assert tally.all.score == pytest.approx((1 + 18 / 20) / 2)
    assert [one.given for one in tally.worst] == [18, 20]
    assert sum(tally.histogram) == 2


def test_words_of_a_measure_stand_beside_the_trial_on_one_line() -> None:
    """Cut where they are long; a line break or an escape of a record does not reach the terminal."""
    focus, shape = f"<{ID}trial/x/endpoint/1>", f"{KSH}endpoint-time-frame"
    found, long = (
        Found(focus, shape, "MinCount", None, label=label) for label in ("Itching\n\x1b[2J now", "word " * 50)
    )
    for one, words in ((found, "x “Itching [2J now”"), (long, f"x “{'word ' * 11}word…”")):
        trial = Checked(f"{ID}trial/x", None, None, "ISRCTN", None, 2020, (), "x", (one,))
        tally = Tally()
        tally.add(trial, trial.findings)
        assert [line.sample for line in tally.list_lines("warning")] == [[words]]


def test_who_items_are_named_and_decided() -> None:
    """All 24 have a name; all but four are scored."""
    assert set(name_items()) == set(range(1, 25))
    assert {number for number, shapes in list_items().items() if not shapes} == {3, 6, 20, 23}


def test_the_manual_is_current() -> None:
    """docs/shapes.md is what the shapes say; `make docs` writes it."""
    assert (ROOT / "docs" / "shapes.md").read_text(encoding="utf-8") == write_manual()
