"""``kg ask`` understands what analysts write, says how, and refuses the rest. ``ask.tsv`` holds the phrasings."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyoxigraph import Store as Engine

from kg.ask import Reply, answer_question, understand_question
from kg.ask.graph_names import GraphNames
from kg.ask.intents import INTENTS, list_other_intents
from kg.ask.readings import MAX_LENGTH, read_question
from kg.graph import open_graph
from kg.pipeline import build
from kg.queries import load_queries
from kg.store import open_snapshot
from tests.conftest import ROOT
from tests.growth import MOST, measure_growth
from tests.test_cli import run_kg

FIXTURES = Path(__file__).parent / "fixtures" / "records"
CELL_SOURCE_WORDS = "Allogenic CD123-CAR-NK Cells in the Treatment of Refractory/Relapsed"
"""The phrase of the title of NCT05574608 that tells whose cells it gives."""
with (Path(__file__).parent / "ask.tsv").open(encoding="utf-8", newline="") as rows:
    CASES = list(csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("case", CASES, ids=[case["question"] for case in CASES])
def test_understands_as_expected(case: dict[str, str]) -> None:
    """Each phrasing finds its query and parameters, or is refused with a hint that says why."""
    found = understand_question(case["question"])
    if case["query"] == "refused":
        assert (found.query, found.parameters) == ("", {})
        assert case["says"] in found.hint
    else:
        assert (found.query, found.parameters) == (case["query"], json.loads(case["parameters"]))
        assert case["says"] in found.sentence


@pytest.mark.parametrize("name", sorted({intent.query for intent in INTENTS if not intent.refuses}))
def test_intents_name_stored_queries(name: str) -> None:
    """Every intent leads to a query that exists."""
    assert name in load_queries()


@pytest.mark.parametrize("name", sorted(name for name, query in load_queries().items() if not query.must_be_empty))
def test_every_query_can_be_asked(name: str) -> None:
    """No stored query is out of reach: an intent leads to it, or the keywords of its header do."""
    assert name in {intent.query for intent in (*INTENTS, *list_other_intents())}


def test_sentence_says_how_it_was_understood() -> None:
    """The sentence is plain English, and names the query with its parameters."""
    assert understand_question("allogeneic CD123 trials").sentence == (
        "trials binding IL3RA (CD123) with allogeneic cells "
        "[trials_by_target_and_source target=IL3RA cell_source=allogeneic]"
    )


def test_counts_back_from_today() -> None:
    """ "The last 6 months" ends today."""
    found = understand_question("CD19 trials new in the last 30 days", today=date(2025, 3, 31))
    assert found.parameters["date"] == "2025-03-01"


def test_stale_is_two_years_unless_said() -> None:
    """A limit that the question leaves open is filled in, and said."""
    found = understand_question("stale trials", today=date(2025, 3, 31))
    assert found.parameters == {"before": "2023-04-01"}
    assert "not updated since 2023-04-01" in found.sentence


def test_refuses_long_input() -> None:
    """A pasted document is no question."""
    assert "ask in at most" in understand_question("CD19 " * MAX_LENGTH).hint


@settings(deadline=None)
@given(
    st.one_of(
        st.text(max_size=120),
        st.lists(
            st.sampled_from(
                [
                    "CD19",
                    "not",
                    "or",
                    "and",
                    "phase",
                    "I/II",
                    "within",
                    "3",
                    "months",
                    "since",
                    "2024",
                    "by",
                    "at",
                    "X",
                    "§",
                    "¤¤",
                    "allogeneic",
                    "in China",
                    '"',
                    "NCT05574608",
                    "APRIL",
                    "NKG2D",
                    "39.9, 116.4",
                    "\ud800",
                ]
            ),
            max_size=12,
        ).map(" ".join),
    )
)
@example("phase 1 and 2 and 3/4 or i-ii CD19 x CD22 or CD20 and CD33 / CD7 in China, Japan and the US")
@example("in 2024-13-45 or since 99 by 2000-00-00 within 99999999999999 years")
def test_survives_any_text(text: str) -> None:
    """Any text is answered or refused; parameters are always those of the query."""
    found = understand_question(text)
    assert bool(found.query) != bool(found.hint)
    if found.query:
        assert set(found.parameters) <= set(load_queries()[found.query].parameters)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_mentions_lie_in_the_text(text: str) -> None:
    """Mentions are places of the text, in order, and do not overlap."""
    reading = read_question(text)
    places = [(mention.start, mention.end) for mention in reading.mentions]
    assert all(0 <= start < end <= len(reading.text) for start, end in places)
    assert all(first[1] <= second[0] for first, second in pairwise(places))


def test_imports_no_fuzzy_matching() -> None:
    """Spelling correction is loaded only where a word is unknown."""
    code = "import sys, kg.ask; sys.exit('rapidfuzz' in sys.modules or 'rdflib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A graph of the fixture records."""
    folder = tmp_path_factory.mktemp("ask")
    build([str(FIXTURES)], folder, workers=1)
    return open_snapshot(folder).engine


def list_trials(reply: Reply) -> set[str]:
    """Registry ids of the rows."""
    assert reply.answer is not None
    return {row["registry_id"] for row in reply.answer.rows}


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case["query"] != "refused"],
    ids=[case["question"] for case in CASES if case["query"] != "refused"],
)
def test_every_phrasing_runs(engine: Engine, case: dict[str, str]) -> None:
    """What was understood can be asked; only what no record tells at all is refused for that."""
    reply = answer_question(engine, case["question"])
    if reply.answer is None:
        assert reply.hint.startswith("No record")
    else:
        assert reply.query == case["query"]


def test_and_keeps_the_trials_of_both(engine: Engine) -> None:
    """ "CD19 and CD22" are the trials that bind both; "or" those of either."""
    both, either = (list_trials(answer_question(engine, f"CD19 {word} CD22 trials")) for word in ("and", "or"))
    single = list_trials(answer_question(engine, "CD22 trials")), list_trials(answer_question(engine, "CD19 trials"))
    assert both == single[0] & single[1] == {"NCT90000002"}
    assert either == single[0] | single[1] > both


def test_negation_is_not_inverted(engine: Engine) -> None:
    """ "Not allogeneic" gives the answers "no" and "not stated", and never "yes"."""
    reply = answer_question(engine, "trials that bind CD7 with cells that are not autologous")
    assert reply.answer is not None
    assert {row["answer"] for row in reply.answer.rows} <= {"no", "not stated"}
    assert "not known to be with autologous cells" in reply.understood


def test_age_range_is_any_age_in_it(engine: Engine) -> None:
    """A trial for ages 1 to 25 takes people "aged 20-30"; one from 60 on does not, and says so."""
    reply = answer_question(engine, "trials for patients aged 20-30")
    assert reply.parameters == {"age": "20", "up_to": "30"}
    assert reply.answer is not None
    by_answer = {row["registry_id"]: row["answer"] for row in reply.answer.rows}
    assert by_answer["NCT90000002"] == "yes"


def test_counts(engine: Engine) -> None:
    """ "How many" says the number of trials."""
    reply = answer_question(engine, "How many CD19 trials are there?")
    assert reply.understood.endswith(f": {len(list_trials(reply))} trials")


def test_one_is_no_plural(engine: Engine) -> None:
    """A count of one says so in English."""
    assert answer_question(engine, "How many CD22 trials are there?").understood.endswith(": 1 trial")


def test_compared_values_are_counted_each(engine: Engine) -> None:
    """A comparison in numbers tells the number for each side."""
    reply = answer_question(engine, "compare the number of CD22 and BCMA trials")
    assert reply.understood.endswith(": 3 trials (1 CD22, 2 TNFRSF17)")


def test_a_dose_is_no_name(engine: Engine) -> None:
    """An intervention that is called by its dose must not stand for all trials that give this dose."""
    assert answer_question(engine, "trials with a dose of 1x10^6 cells/kg").answer is None


@pytest.mark.parametrize(
    ("question", "verdict"),
    [
        ("is NCT90000002 autologous?", "with autologous cells: yes"),
        ("is NCT90000002 allogeneic?", "with allogeneic cells: no"),
        ("is NCT90000008 allogeneic?", "with allogeneic cells: not stated"),
        ("does NCT90000002 target CD20?", "binding MS4A1 (CD20): no"),
        ("does NCT90000002 measure overall survival?", "measuring overall survival: no"),
        ("is NCT90000002 not allogeneic?", "with allogeneic cells: no"),
        ("is NCT90000002 open to children?", "aged 0 up to 17: yes"),
        ("can a 70-year-old take part in NCT90000002", "aged 70: no"),
        ("is NCT90000008 open to adults", "aged 18 up to 150: not stated"),
        ("are NCT90000002 and NCT90000006 in phase 2?", "in phase 2: only NCT90000002"),
    ],
)
def test_condition_on_one_trial_is_judged(engine: Engine, question: str, verdict: str) -> None:
    """A yes-or-no question about a trial gets its yes, no or not stated beside the fact."""
    assert answer_question(engine, question).understood.endswith(f"; {verdict}")


def test_single_fact_has_its_words(shipped: Path) -> None:
    """A fact that was copied from a field is shown with the field's words; one that is not stated says so."""
    graph = open_graph(shipped)
    for question, expected in (
        ("how many patients in NCT05574608", [("enrolment", "yes", "12", "12")]),
        ("is NCT05574608 allogeneic?", [("cell source", "yes", "allogeneic", CELL_SOURCE_WORDS)]),
        ("when did NCT05574608 start", [("start date", "not stated", None, None)]),
    ):
        reply = graph.ask(question)
        assert reply.answer is not None
        found = [(row["fact"], row["answer"], row["value"], row["quote"]) for row in reply.answer.rows]
        assert found == expected


def test_exclusions_are_no_inclusions(engine: Engine) -> None:
    """ "What does it exclude" lists the exclusions alone."""
    reply = answer_question(engine, "what does NCT90000002 exclude")
    assert reply.answer is not None
    assert [(row["list"], row["measure"]) for row in reply.answer.rows] == [
        ("exclusion", "HIV"),
        ("exclusion", "pregnancy or lactation"),
    ]


def test_unknown_place_is_said(engine: Engine) -> None:
    """An empty answer for a name that no record has says so."""
    reply = answer_question(engine, "trials in Atlantis")
    assert reply.answer is not None
    assert not reply.answer.rows
    assert reply.understood.endswith("no record names a site like 'Atlantis'")


def test_near_name_is_offered(engine: Engine) -> None:
    """A site or sponsor that is nearly one of the graph's is no answer of none."""
    for question, name in (
        ("trials in Bostan", "Boston"),
        ("trials sponsored by Exampel University", "Example University"),
    ):
        reply = answer_question(engine, question)
        assert reply.answer is None
        assert name in reply.hint


def test_names_of_the_graph_are_understood(engine: Engine) -> None:
    """What no vocabulary lists, but a record names, is found by the words before it or by its spelling."""
    for question, query, parameters in (
        ("recruiting trials in houston", "trials_by_site", {"site": "houston", "status": "RECRUITING"}),
        ("Invented Biotech trials", "trials_by_sponsor", {"sponsor": "Invented Biotech"}),
    ):
        reply = answer_question(engine, question)
        assert (reply.query, reply.parameters) == (query, parameters)
        assert reply.answer is not None
        assert reply.answer.rows


def test_filters_keep_and_leave_out(engine: Engine) -> None:
    """A condition that the query does not take narrows its rows to the trials that meet it, or to the others."""
    of_all = list_trials(answer_question(engine, "products with a safety switch"))
    kept = list_trials(answer_question(engine, "products with a safety switch in China"))
    left = list_trials(answer_question(engine, "products with a safety switch, not in China"))
    assert kept == {"NCT90000001", "NCT90000003", "NCT90000004"} & of_all
    assert left == of_all - kept
    assert kept
    assert left


def test_none_is_never_only_a_misreading(engine: Engine) -> None:
    """Where no record states a condition at all, an empty answer says so."""
    reply = answer_question(engine, "quadruple-blind CD19 trials")
    assert reply.answer is not None
    assert not reply.answer.rows
    assert "no record read says: with quadruple masking" in reply.understood


def test_unknown_trial_is_said(engine: Engine) -> None:
    """An id that no record has is told from a trial that states nothing."""
    reply = answer_question(engine, "endpoints of NCT99999999")
    assert reply.understood.endswith("no record read describes NCT99999999")


def test_aggregate_is_not_narrowed_in_silence(engine: Engine) -> None:
    """A count that cannot take a condition is refused with the conditions that it can take."""
    reply = answer_question(engine, "most studied conditions in trials with results")
    assert reply.answer is None
    assert "cannot narrow" in reply.hint
    assert "modality" in reply.hint


@pytest.mark.parametrize(
    ("question", "code", "words"),
    [
        ("who targets KIT?", 0, "understood: trials binding KIT"),
        ("lovely interesting CD999 trials", 2, "CD999 is no antigen that kg knows"),
        ("interesting KIT trials", 0, "not used: interesting"),
        ("GPC3 trials", 0, "none among 5 records read, newest of "),
        ("trials within 99999 km of 39.9, 116.4", 2, "km='99999' is out of range"),
        ("weather in Paris", 2, "'weather' means nothing to kg"),
        ("x" * 2000, 2, "ask in at most"),
    ],
)
def test_command_line(shipped: Path, question: str, code: int, words: str) -> None:
    """An answer exits 0 and a refusal 2; what was made of the question stands on stderr, in lines that fit a screen."""
    done = run_kg("ask", question, store=shipped)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert max(map(len, done.stderr.splitlines())) < 500
    assert not (code and done.stdout)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graph of the records that the project ships."""
    folder = tmp_path_factory.mktemp("shipped") / "store"
    build([str(ROOT / "data" / "trials")], folder, workers=1)
    return folder


def test_refusal_has_no_answer(engine: Engine) -> None:
    """What was not understood is not answered."""
    reply = answer_question(engine, "CD999 trials")
    assert (reply.query, reply.answer) == ("", None)
    assert "CD999" in reply.hint


@pytest.mark.parametrize("word", ["no ", "not ", "in the ", "receiv"])
def test_looking_up_each_word_grows_with_the_text(word: str) -> None:
    """Of what stands before a name only its last words can lead to it."""

    def prepare(size: int) -> Callable[[], object]:
        text, names = word * size, GraphNames(Engine())
        return lambda: [names.find("a-1", text[: place + 1]) for place in range(0, len(text), 10)]

    assert min(measure_growth(prepare, size) for size in (400, 800)) <= MOST
