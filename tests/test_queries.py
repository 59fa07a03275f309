"""Every stored query answers as its ``queries/<name>.tsv`` says, in the embedded engine and in rdflib alike.

A TSV file holds blocks: a line ``# params: {json}``, a line of columns, and the expected rows, written from reading
``fixtures/records``. Empty cells are unbound values; columns that are not listed are not compared.
``id:`` stands for the namespace of entities.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import rdflib
from pyoxigraph import DefaultGraph, Literal, NamedNode, RdfFormat
from pyoxigraph import Store as Engine

from kg.orders import sort_rows
from kg.parameters import make_term
from kg.pipeline import build
from kg.queries import StoredQuery, bind_parameters, load_queries, run_query, run_text, to_value
from kg.resources import list_files
from kg.store import open_snapshot
from kg.terms import GEO, ID, KG, SKOS, XSD
from kg.vocabularies import load_vocabularies

HERE = Path(__file__).parent
RECORDS = HERE / "fixtures" / "records"
QUERIES = load_queries()


@dataclass(frozen=True)
class Case:
    """Parameters of a query, and the rows that it must give."""

    name: str
    params: dict[str, str]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    at: str


def read_cases(path: Path) -> Iterator[Case]:
    """The blocks of one file."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip("\n")]
    starts = [number for number, line in enumerate(lines) if line.startswith("# params:")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        block = [line for line in lines[start + 1 : end] if not line.startswith("#")]
        columns, rows = block[0].split("\t"), block[1:]
        yield Case(
            path.stem.partition("--")[0],
            json.loads(lines[start].removeprefix("# params:")),
            tuple(columns),
            tuple(tuple((row + "\t" * (len(columns) - 1 - row.count("\t"))).split("\t")) for row in rows),
            f"{path.name} {lines[start][10:].strip()}",
        )


CASES = [case for path in sorted((HERE / "queries").glob("*.tsv")) for case in read_cases(path)]


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The graph of the fixture records, in memory."""
    store = tmp_path_factory.mktemp("fixture-graph")
    build([str(RECORDS)], store, workers=1)
    memory = Engine()
    snapshot = open_snapshot(store)
    for quad in snapshot.engine:
        memory.add(quad)
    return memory


@pytest.fixture(scope="session")
def graph(engine: Engine) -> rdflib.Graph:
    """The same triples in rdflib."""
    loaded = rdflib.Graph()
    triples = engine.dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph())
    return loaded.parse(data=triples, format="nt")


def show(value: Any) -> str:
    """A value as a TSV cell: numbers without needless zeros, IRIs and line ends shortened."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value).replace("\n", " ").replace(ID, "id:")


def ask_oxigraph(engine: Engine, query: StoredQuery, params: dict[str, str]) -> list[tuple[str, ...]]:
    return [tuple(show(row[column]) for column in query.columns) for row in run_query(engine, query, params).rows]


def ask_rdflib(graph: rdflib.Graph, query: StoredQuery, params: dict[str, str]) -> list[tuple[str, ...]]:
    answer = graph.query(bind_parameters(query, params))
    assert [str(variable) for variable in answer.vars or ()] == list(query.columns)
    return [tuple(show(read_term(term)) for term in row) for row in answer]  # type: ignore[union-attr]


def read_term(term: Any) -> Any:
    """An rdflib term as `to_value` gives it."""
    if not isinstance(term, rdflib.Literal):
        return None if term is None else str(term)
    return to_value(Literal(str(term), datatype=NamedNode(str(term.datatype))) if term.datatype else Literal(str(term)))


def pick(rows: list[tuple[str, ...]], query: StoredQuery, case: Case) -> list[tuple[str, ...]]:
    """The columns that the case names."""
    wanted = [list(query.columns).index(column) for column in case.columns]
    return [tuple(row[number] for number in wanted) for row in rows]


@pytest.mark.parametrize("case", CASES, ids=[case.at for case in CASES])
def test_answers_as_expected(case: Case, engine: Engine, graph: rdflib.Graph) -> None:
    """The rows and their order are those read from the records, in both engines."""
    query = QUERIES[case.name]
    assert pick(ask_oxigraph(engine, query, case.params), query, case) == list(case.rows)
    assert pick(ask_rdflib(graph, query, case.params), query, case) == list(case.rows)


@pytest.mark.parametrize("case", CASES, ids=[case.at for case in CASES])
def test_a_file_answers_as_it_stands(case: Case, engine: Engine) -> None:
    """Without being fitted to what is given, with terms in its VALUES lines, as any tool can run it."""
    query = QUERIES[case.name]
    text = query.text
    for name, value in case.params.items():
        term = make_term(query.parameters[name], value)
        text = text.replace(f"VALUES ?p_{name} {{ UNDEF }}", f"VALUES ?p_{name} {{ {term} }}")
    assert run_text(engine, text, tuple(query.columns)) == run_query(engine, query, case.params)


@pytest.mark.parametrize("case", CASES, ids=[case.at for case in CASES])
def test_rows_are_put_in_order_on_this_side(case: Case, engine: Engine) -> None:
    """As the engine orders them, whatever order a server gives them in."""
    query = QUERIES[case.name]
    rows = list(run_query(engine, query, case.params).rows)
    given = [tuple(row[key.column] for key in query.order) for row in rows]
    random.Random(3).shuffle(rows)  # noqa: S311  # an order, no secret
    assert [tuple(row[key.column] for key in query.order) for row in sort_rows(rows, query.order)] == given


def test_every_query_has_expected_rows() -> None:
    """No query goes untested, and no file of rows is left over."""
    assert {case.name for case in CASES} == set(QUERIES)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_each_parameter_is_tested_or_runs(name: str, engine: Engine, graph: rdflib.Graph) -> None:
    """A parameter that no case uses gives the same rows in both engines with its header's example."""
    query = QUERIES[name]
    needed = {key: parameter.example for key, parameter in query.parameters.items() if parameter.required}
    seen = {key for case in CASES if case.name == name for key in case.params}
    for key in query.parameters.keys() - seen:
        params = {**needed, key: query.parameters[key].example}
        assert ask_oxigraph(engine, query, params) == ask_rdflib(graph, query, params), params


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_bound_text_stays_a_literal(name: str, engine: Engine) -> None:
    """Text that looks like SPARQL is only text: no error, and no row that it makes true."""
    query = QUERIES[name]
    needed = {key: parameter.example for key, parameter in query.parameters.items() if parameter.required}
    for key, parameter in query.parameters.items():
        if parameter.type == "string":
            for attack in ('"} DROP ALL #', "' } UNION { ?s ?p ?o } #", '\\" } }\n', "{ UNDEF }"):
                rows = run_query(engine, query, {**needed, key: attack}).rows
                assert all(row.get("answer", "yes") != "yes" for row in rows)
                assert len(engine) > 0


def test_rules_on_the_whole_graph_hold(engine: Engine) -> None:
    """Queries that must give no rows give none; checks of what records say have their own cases (tests/shapes)."""
    rules = [query for query in QUERIES.values() if query.must_be_empty and not query.name.startswith("check_")]
    assert rules
    for query in rules:
        assert run_query(engine, query).rows == ()


@pytest.mark.parametrize("predicate", ["cellSource", "hasDose", "hasCriterion", "antigen", "lymphodepletion"])
def test_finds_facts_without_quote(predicate: str, engine: Engine) -> None:
    """A fact whose evidence is taken away is found, and only that fact."""
    damaged = Engine()
    gone = {
        str(row["e"])
        for row in engine.query(  # type: ignore[union-attr]
            f"SELECT ?e WHERE {{ ?e <{KG}predicate> <{KG}{predicate}> ; <{KG}exactWords> ?words }}"
        )
    }
    for quad in engine:
        if str(quad.subject) not in gone:
            damaged.add(quad)
    rows = run_query(damaged, QUERIES["facts_without_quote"]).rows
    assert rows
    assert {row["property"] for row in rows} == {f"{KG}{predicate}"}


def test_what_is_not_told_hides_no_smallest_and_no_largest() -> None:
    """A trial without a number of people, and an endpoint without a time, stand beside those that have one."""
    mixed = Engine()
    mixed.load(
        f"""@prefix kg: <{KG}> . @prefix skos: <{SKOS}> .
        <{ID}antigen/CD19> skos:notation "CD19" .
        <x:b> kg:antigen <{ID}antigen/CD19> . <x:i> kg:hasBinding <x:b> .
        <x:one> kg:hasIntervention <x:i> ; kg:enrollmentMax 20 . <x:two> kg:hasIntervention <x:i> .
        <x:kind> skos:inScheme <{ID}endpoint-kind> ; skos:notation "survival" ; kg:within <x:kind> .
        <x:one> kg:hasEndpoint <x:e1> . <x:e1> kg:endpointKind <x:kind> ; kg:timeFrame [ kg:maxDays 28.0 ] .
        <x:two> kg:hasEndpoint <x:e2> . <x:e2> kg:endpointKind <x:kind> .""".encode(),
        format=RdfFormat.TURTLE,
    )
    (row,) = run_query(mixed, QUERIES["enrollment_by_target"]).rows
    assert (row["trials"], row["stating"], row["participants"], row["largest"]) == (2, 1, 20, 20)
    (row,) = run_query(mixed, QUERIES["endpoints_by_kind"]).rows
    assert (row["endpoints"], row["with_days"], row["shortest_days"], row["longest_days"]) == (2, 1, 28.0, 28.0)


def test_within_is_broader_any_number_of_times(engine: Engine) -> None:
    """What a build works out is what the path would find, in every scheme."""
    path = f"SELECT * WHERE {{ ?term <{SKOS}inScheme> ?scheme ; <{SKOS}broader>* ?wider }}"
    step = f"SELECT * WHERE {{ ?term <{KG}within> ?wider }}"
    found = [
        {(str(row["term"]), str(row["wider"])) for row in engine.query(text)}  # type: ignore[union-attr]
        for text in (path, step)
    ]
    assert found[0] == found[1]
    assert len(found[0]) > len(load_vocabularies().by_iri)


# Lint: what the engines do not tell, they answer wrongly.


def body_of(query: StoredQuery) -> str:
    return "\n".join(line for line in query.text.splitlines() if not line.startswith("#"))


def find_groups(text: str) -> Iterator[tuple[str, int, str]]:
    """Each braced group as its keyword, the number of OPTIONALs around it, and its own text without inner groups."""
    stack: list[tuple[str, int, list[str]]] = [("", 0, [])]
    start = 0
    for found in re.finditer(r"[{}]", re.sub(r'"[^"]*"', '""', text)):
        clean = re.sub(r'"[^"]*"', '""', text)
        stack[-1][2].append(clean[start : found.start()])
        start = found.end()
        if found[0] == "{":
            word = re.search(r"(\w+)\s*$", "".join(stack[-1][2]))
            keyword = word[1].upper() if word else ""
            depth = stack[-1][1] + (keyword == "OPTIONAL")
            stack.append((keyword, 0 if keyword == "EXISTS" else depth, []))
        else:
            keyword, depth, parts = stack.pop()
            yield keyword, depth, " ".join(parts)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_parameters_stay_in_scope(name: str) -> None:
    """A VALUES variable is out of scope in a nested OPTIONAL: every stated answer would silently become "no"."""
    for _, depth, text in find_groups(body_of(QUERIES[name])):
        assert depth < 2 or "?p_" not in text, text


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_order_is_total(name: str) -> None:
    """Rows come in one order: ORDER BY holds every variable that tells two rows apart."""
    body = body_of(QUERIES[name])
    ordered = set(re.findall(r"\?(\w+)", body.rpartition("ORDER BY")[2]))
    outer = body.rpartition("\n}\n")[2]
    grouped = re.search(r"GROUP BY ([^\n]*)", outer)
    needed = set(re.findall(r"\?(\w+)", grouped[1])) if grouped else set(QUERIES[name].columns) - {"trial"}
    for old, new in re.findall(r"\(\?(\w+) AS \?(\w+)\)", body):
        ordered |= {old, new} if {old, new} & ordered else set()
    assert needed <= ordered


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_terms_are_declared(name: str) -> None:
    """Each kg: term stands in the ontology, and each term of a vocabulary in its scheme."""
    body = body_of(QUERIES[name])
    (ontology,) = (path for path in list_files("ontology", ".ttl") if path.name == "kg.ttl")
    declared = set(re.findall(r"^kg:(\w+) a ", ontology.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bkg:(\w+)", body)) <= declared
    vocabularies = load_vocabularies()
    known = {*vocabularies.by_iri, *(f"{ID}{scheme}" for scheme in vocabularies.schemes())}
    assert set(re.findall(rf"<({re.escape(ID)}[\w/-]+)>", re.sub(r"PREFIX \w+: <[^>]*>", "", body))) <= known
    for prefix, namespace in re.findall(rf"PREFIX (\w+): <({re.escape(ID)}[^>]*)>", body):
        used = set(re.findall(rf"\b{prefix}:([\w-]+)", body.replace(f"PREFIX {prefix}:", "")))
        assert used, f"{prefix} is not used"
        assert {namespace + one for one in used} <= known


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_an_answer_is_worked_out_last(name: str) -> None:
    """Virtuoso loses an OPTIONAL behind a BIND and EXISTS inside OPTIONAL, and refuses expressions over aggregates."""
    body = body_of(QUERIES[name])
    assert not re.search(r"^( +)BIND\([^\n]*\n(?:\1 [^\n]*\n)*(?:\1BIND[^\n]*\n)*\1OPTIONAL", body, re.MULTILINE)
    assert not re.search(r"OPTIONAL \{[^{}]*FILTER EXISTS", body)
    assert not re.search(r"(?:IF|COALESCE)\((?:COUNT|MIN|MAX|SUM)\(", body)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_keeps_to_what_all_engines_agree_on(name: str) -> None:
    """No construct that Virtuoso answers differently, and no prefix that goes unused or undeclared."""
    body = body_of(QUERIES[name])
    assert not re.search(r"GROUP_CONCAT|BIND\s*\(\s*(?:NOT\s+)?EXISTS|\bSERVICE\b|\bLATERAL\b|\bFROM\b", body)
    assert "\t" not in body
    text = re.sub(r'"[^"]*"|<[^>]*>', "", body)
    declared = set(re.findall(r"PREFIX (\w+):", text))
    used = set(re.findall(r"(?<![\w?])(\w+):\w", re.sub(r"PREFIX \w+:", "", text)))
    assert declared == used


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ((39.9, 116.4), (39.1422, 117.1767)),
        ((0.0, 0.0), (3.0, 3.0)),
        ((69.0, 20.0), (69.5, 31.0)),
        ((-33.9, 151.2), (-37.8, 147.0)),
        ((52.0, 179.5), (52.3, -178.9)),
        ((31.0, 121.0), (31.0, 121.0)),
        ((40.0, -74.0), (40.001, -74.001)),
        ((84.0, 0.0), (84.5, 40.0)),
    ],
)
def test_distance_agrees_with_haversine(here: tuple[float, float], there: tuple[float, float]) -> None:
    """Distances are right within 1 % and 100 m, at the equator, in the north and across the date line."""
    site = f'<s:point> <{GEO}{{}}> "{{}}"^^<{XSD}decimal> .\n'
    data = (
        site.format("lat", there[0])
        + site.format("long", there[1])
        + f"<s:site> <{KG}location> <s:point> .\n<s:trial> <{KG}hasSite> <s:site> .\n"
        f"<s:trial> <{KG}status> <{ID}status/RECRUITING> .\n"
    )
    place = Engine()
    place.load(data.encode(), format=RdfFormat.N_TRIPLES)
    asked = {"latitude": here[0], "longitude": here[1]}
    (row,) = run_query(place, QUERIES["recruiting_near"], {**asked, "km": 600}).rows
    lat1, lat2, apart = math.radians(here[0]), math.radians(there[0]), math.radians(there[1] - here[1])
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin(apart / 2) ** 2
    true = 2 * 6371.0088 * math.asin(math.sqrt(h))
    assert row["km"] == pytest.approx(true, rel=0.01, abs=0.1)
    nearer = run_query(place, QUERIES["recruiting_near"], {**asked, "km": max(true * 0.99 - 0.2, 0)}).rows
    assert not nearer or true < 1
