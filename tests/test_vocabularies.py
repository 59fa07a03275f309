"""The lint of the vocabularies: each term is whole, its ids are real, its names are its own, and its examples run."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import Literal, NamedNode, parse

from kg.extract.antigens import find_mentions
from kg.lexicon import expand_form, fold, open_lexicon
from kg.model import Passage
from kg.parameters import resolve_term
from kg.resources import list_files
from kg.terms import DCTERMS, ID, RDF, SKOS
from kg.vocabularies import Term, load_vocabularies

FILES = [path for path in list_files("ontology", ".ttl") if path.name != "kg.ttl"]
TERMS = tuple(load_vocabularies().by_iri.values())
SCHEMES = load_vocabularies().schemes()
LICENCE = "http://www.apache.org/licenses/LICENSE-2.0"
FIELDS = {
    "modality": "modality",
    "cell_type": "cell-type",
    "cell_source": "cell-source",
    "cell_source_detail": "cell-source",
    "basis": "basis",
    "logic": "logic",
    "binder_type": "binder-type",
    "antigen role": "antigen-role",
    "endpoint role": "endpoint-role",
    "endpoint kind": "endpoint-kind",
    "criterion measure": "measure",
    "phase": "phase",
    "disease_setting": "disease-setting",
    "dose role": "dose-role",
}
"""Scheme that holds the values of each field of ``terms.tsv``."""
NOT_TERMS = {"null", "both"}
"""Values of the card that stand for none or for two terms."""
IS_ONLY_NAMED = re.compile(
    r"\b(?:named in|antibody|on (?:\w+ ){0,2}(?:cells|tissue)|mismatch|expression"
    r"|receptor for)\b"
)
"""Examples of a term that no product binds yet: the name stands there as marker, reagent or companion drug."""
BEYOND_THE_SLIM = {"0000623", "0000814", "0000815"}
"""Natural killer cell, mature NK T cell and regulatory T cell: in the Cell Ontology, not in the shared slim of it."""
_BLOCK = re.compile(r"(?m)^(\S+) a ")


def name_phrase(value: object) -> str:
    return value.notation if isinstance(value, Term) else str(value)


def split_phrases(kind: str) -> tuple[list[tuple[Term, str]], list[tuple[Term, str]]]:
    """Examples or counter-examples: those of antigens, and those of other terms."""
    found = [(term, phrase) for term in TERMS for phrase in getattr(term, kind)]
    return [one for one in found if one[0].scheme == "antigen"], [one for one in found if one[0].scheme != "antigen"]


OF_ANTIGENS, OF_OTHERS = split_phrases("examples")
AGAINST_ANTIGENS, AGAINST_OTHERS = split_phrases("counter_examples")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_has_one_block_per_term(path: Path) -> None:
    """A term is written in one place: no subject heads two blocks, and none is declared in a second file."""
    heads = _BLOCK.findall(path.read_text(encoding="utf-8"))
    assert sorted({head for head in heads if heads.count(head) > 1}) == []
    subjects = {triple.subject for triple in parse(path=str(path))}
    assert len(subjects) == len(heads)
    for other in FILES:
        if other != path:
            assert not subjects & {triple.subject for triple in parse(path=str(other))}, other.name


def read_properties(path: Path) -> dict[str, dict[str, list[str]]]:
    """Values in a file by subject and predicate."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for triple in parse(path=str(path)):
        assert isinstance(triple.subject, NamedNode)
        assert isinstance(triple.object, NamedNode | Literal)
        found[triple.subject.value][triple.predicate.value].append(triple.object.value)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_describes_its_schemes_and_terms(path: Path) -> None:
    """A scheme has label, definition and licence; a term one of each property that it needs."""
    found = read_properties(path)
    schemes = {iri for iri, has in found.items() if has[f"{RDF}type"] == [f"{SKOS}ConceptScheme"]}
    assert schemes
    for iri, has in found.items():
        needed = ["prefLabel", "definition"]
        if iri in schemes:
            assert has[f"{DCTERMS}license"] == [LICENCE], iri
        else:
            assert f"{SKOS}Concept" in has[f"{RDF}type"], iri
            assert has[f"{SKOS}inScheme"][0] in schemes, iri
            assert iri.startswith(f"{has[f'{SKOS}inScheme'][0]}/"), iri
            needed = ["inScheme", "notation", "prefLabel", *([] if iri.startswith(f"{ID}country/") else ["definition"])]
        assert {name: len(has[f"{SKOS}{name}"]) for name in needed} == dict.fromkeys(needed, 1), iri


@pytest.mark.parametrize("scheme", SCHEMES)
def test_labels_are_distinct(scheme: str) -> None:
    """No two terms of a scheme have the same label or notation; notations differ by more than case."""
    terms = load_vocabularies().scheme(scheme)
    for names in ([term.label for term in terms.values()], [fold(notation) for notation in terms]):
        assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_form_is_claimed_twice(scheme: str) -> None:
    """No spelling means two terms of a scheme; forms bound to a case may differ by case alone."""
    owners: dict[str, dict[str, set[str]]] = defaultdict(lambda: {"": set()})
    for term in load_vocabularies().scheme(scheme).values():
        for form in (*term.forms, *term.context_forms):
            for spelling in expand_form(form):
                owners[fold(spelling)][""].add(term.notation)
        for form in term.case_forms:
            for spelling in expand_form(form):
                owners[fold(spelling)].setdefault(spelling, set()).add(term.notation)
    claims = {frozenset(spellings[""] | claimants) for spellings in owners.values() for claimants in spellings.values()}
    assert sorted(sorted(names) for names in claims if len(names) > 1) == []


@pytest.mark.parametrize("term", [term for term in TERMS if term.broader], ids=name_phrase)
def test_wider_terms_exist_and_do_not_turn_in_circles(term: Term) -> None:
    """Each wider term is declared in the same scheme, and none is its own."""
    wider = load_vocabularies().widen(term)
    assert {one.scheme for one in wider} == {term.scheme}
    assert all(term.iri not in one.broader for one in wider)


def test_forms_are_tidy() -> None:
    """No form is empty or padded, and no antigen is found by two letters in any case."""
    forms = [(term, form) for term in TERMS for form in (*term.forms, *term.case_forms, *term.context_forms)]
    assert [(term.iri, form) for term, form in forms if not form or form != " ".join(form.split())] == []
    assert [
        (term.iri, form) for term, form in forms if term.scheme == "antigen" and form in term.forms and len(form) < 3
    ] == []


def test_controlled_values_are_terms(shared: Path) -> None:
    """Every value of ``terms.tsv`` is a term of its scheme."""
    with (shared / "gold" / "terms.tsv").open(encoding="utf-8", newline="") as rows:
        found = [(row["field"], row["value"]) for row in csv.DictReader(rows, delimiter="\t")]
    assert {field for field, _ in found} >= set(FIELDS)
    assert [
        (field, value)
        for field, value in found
        if field in FIELDS and value not in NOT_TERMS and not load_vocabularies().find(FIELDS[field], value)
    ] == []


def test_named_targets_resolve(shared: Path) -> None:
    """Every target that the gold table names is a name of a known antigen."""
    with (shared / "gold" / "dev.csv").open(encoding="utf-8", newline="") as rows:
        names = {name.strip() for row in csv.DictReader(rows) for name in row["targets"].split(";") if name.strip()}
    assert len(names) > 40
    for name in sorted(names):
        assert resolve_term("antigen", name).scheme == "antigen"


def split_id(iri: str) -> tuple[str, str]:
    """Vocabulary and bare id of an outward match.

    >>> split_id("http://identifiers.org/hgnc/6012")
    ('hgnc', '6012')
    >>> split_id("http://purl.obolibrary.org/obo/CL_0000084")
    ('CL', '0000084')
    """
    head, _, last = iri.rpartition("/")
    name, _, number = last.partition("_")
    return (name, number) if number else (head.rpartition("/")[2], last)


def read_genes(vocabularies: Path) -> dict[str, dict[str, str]]:
    """Approved genes of HGNC by the number of their id."""
    with gzip.open(vocabularies / "hgnc_entries.tsv.gz", "rt", encoding="utf-8") as rows:
        return {
            row["HGNC ID"].removeprefix("HGNC:"): row
            for row in csv.DictReader(rows, delimiter="\t")
            if row["Status"] == "Approved"
        }


def list_ids(term: Term) -> dict[str, set[str]]:
    """Outward ids of a term by vocabulary."""
    ids: dict[str, set[str]] = defaultdict(set)
    for name, number in map(split_id, term.matches):
        ids[name].add(number)
    return ids


def check_genes(term: Term, genes: dict[str, dict[str, str]], symbols: dict[str, str]) -> Iterator[str]:
    """What is wrong with an antigen's HGNC, UniProt and NCBI Gene ids."""
    ids = list_ids(term)
    if not ids["hgnc"]:
        if ids["uniprot"] or ids["ncbigene"]:
            yield "an id without a gene"
        if term.notation in symbols:
            yield "a symbol without its id"
        return
    yield from (f"HGNC:{number} is no approved gene" for number in sorted(ids["hgnc"] - set(genes)))
    rows = [genes[number] for number in ids["hgnc"] & set(genes)]
    proteins = {one for row in rows for one in re.split(r"[,\s]+", row["UniProt ID(supplied by UniProt)"])}
    yield from (f"{one} is not its protein" for one in sorted(ids["uniprot"] - proteins))
    numbers = {row["NCBI Gene ID(supplied by NCBI)"] for row in rows}
    yield from (f"{one} is not its NCBI gene" for one in sorted(ids["ncbigene"] - numbers))
    if term.notation in symbols and symbols[term.notation] not in ids["hgnc"]:
        yield "another gene's symbol"
    if len(rows) == 1 and ids["uniprot"] and rows[0]["Approved symbol"] != term.notation:
        yield "not the approved symbol"


def test_antigen_ids_are_those_of_one_gene(shared: Path) -> None:
    """HGNC, UniProt and NCBI Gene ids belong to one approved gene, whose symbol is the notation."""
    genes = read_genes(shared / "gold" / "vocab")
    symbols = {row["Approved symbol"]: number for number, row in genes.items()}
    assert [
        (term.notation, fault)
        for term in load_vocabularies().scheme("antigen").values()
        for fault in check_genes(term, genes, symbols)
    ] == []


def read_column(path: Path, column: str) -> set[str]:
    """Ids of a table without their prefix."""
    with path.open(encoding="utf-8", newline="") as rows:
        return {re.sub(r"^[A-Z]+[:_]", "", row[column]) for row in csv.DictReader(rows)}


def test_outward_ids_are_in_the_reference_tables(shared: Path) -> None:
    """MONDO, Cell Ontology, CTO and EFO ids exist."""
    tables = shared / "gold" / "vocab"
    known = {
        "MONDO": {one["id"] for one in read_diseases(tables)},
        "CL": read_column(tables / "cl_blood_immune.csv", "cl_id") | BEYOND_THE_SLIM,
        "CTO": read_column(tables / "cto_terms.csv", "id"),
        "EFO": read_column(tables / "efo_endpoints.csv", "efo_id"),
    }
    assert (
        sorted(
            (name, number)
            for name, number in {split_id(iri) for term in TERMS for iri in term.matches}
            if name in known and number not in known[name]
        )
        == []
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_exact_matches_are_of_one_term(path: Path) -> None:
    """No two terms of a scheme claim to be the same thing of another vocabulary; genes have variants, so they may."""
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    for iri, has in read_properties(path).items():
        for match in has[f"{SKOS}exactMatch"]:
            owners[has[f"{SKOS}inScheme"][0], match].append(iri)
    assert {match: iris for (scheme, match), iris in owners.items() if len(iris) > 1 and scheme != f"{ID}antigen"} == {}


def read_diseases(vocabularies: Path) -> list[dict[str, Any]]:
    """MONDO's diseases with id, name and synonyms."""
    with gzip.open(vocabularies / "mondo.json.gz", "rt", encoding="utf-8") as file:
        found: list[dict[str, Any]] = json.load(file)
    return found


def squeeze(name: str) -> str:
    """A name without case, hyphens, spaces and British spelling.

    >>> squeeze("Anti-synthetase Leukaemia")
    'antisynthetaseleukemia'
    """
    return re.sub(r"[\W_]+", "", fold(name)).replace("tumour", "tumor").replace("leukaemia", "leukemia")


def test_conditions_share_a_name_with_their_exact_match(shared: Path) -> None:
    """A condition that claims to be a MONDO disease has a name in common with it."""
    diseases = {
        one["id"]: {squeeze(name) for name in (one["name"], *one.get("synonyms", ()))}
        for one in read_diseases(shared / "gold" / "vocab")
    }
    unlike = []
    for iri, has in read_properties(next(path for path in FILES if path.name == "conditions.ttl")).items():
        for name, number in map(split_id, has[f"{SKOS}exactMatch"]):
            term = load_vocabularies().refer(iri)
            names = set(map(squeeze, (term.label, term.notation, *term.alt_labels, *term.forms, *term.case_forms)))
            if name == "MONDO" and not names & diseases[number]:
                unlike.append((term.notation, number))
    assert unlike == []


def test_product_codes_are_those_of_nci(shared: Path) -> None:
    """The NCIt code of a product is an agent of the NCI table, whose target, if it names one, is the product's."""
    with (shared / "gold" / "vocab" / "ncit_cell_therapy_agents.csv").open(encoding="utf-8", newline="") as rows:
        agents = {row["ncit_code"]: row for row in csv.DictReader(rows) if row["ncit_code"]}
    wrong = []
    for term in load_vocabularies().scheme("product").values():
        for vocabulary, number in map(split_id, term.matches):
            agent = agents.get(number)
            if vocabulary != "NCIT" or agent is None:
                wrong.append((term.notation, number))
                continue
            targets = {load_vocabularies().refer(iri).notation for iri in term.extra.get("productTarget", ())}
            told = {match.term.notation for match in open_lexicon("antigen").find(agent["target"].replace(";", " ; "))}
            if told and targets and not told & targets:
                wrong.append((term.notation, agent["target"]))
    assert wrong == []


def test_vocabularies_are_large_enough() -> None:
    """At least 180 antigens and 150 products are known; each product tells its modality."""
    assert len(load_vocabularies().scheme("antigen")) >= 180
    products = load_vocabularies().scheme("product").values()
    assert len(products) >= 150
    assert [term.notation for term in products if "productModality" not in term.extra] == []


def test_antigens_carry_their_own_test() -> None:
    """Each antigen shows a phrase that names it, and one that must not make it a target."""
    assert [
        term.notation
        for term in load_vocabularies().scheme("antigen").values()
        if not term.examples or not term.counter_examples
    ] == []


def find_roles(term: Term, phrase: str) -> set[str]:
    mentions = find_mentions([Passage("title", "text", 0, phrase)])
    return {mention.role for mention in mentions if mention.antigen == term.notation}


@pytest.mark.parametrize(("term", "phrase"), OF_ANTIGENS, ids=name_phrase)
def test_antigen_example_is_found(term: Term, phrase: str) -> None:
    """The phrase names the antigen as target; as anything, where it only says that cells carry it."""
    roles = find_roles(term, phrase)
    assert roles if IS_ONLY_NAMED.search(phrase) else "target" in roles


@pytest.mark.parametrize(("term", "phrase"), AGAINST_ANTIGENS, ids=name_phrase)
def test_antigen_counter_example_is_no_target(term: Term, phrase: str) -> None:
    """The phrase does not make the antigen a target."""
    assert "target" not in find_roles(term, phrase)


def find_names(term: Term, phrase: str, *, is_strict: bool = False) -> list[str]:
    """Names of the term, found as the reader finds them: beside the look-alikes of its scheme."""
    beside = ("other-measure",) if term.scheme == "measure" else ()
    return [
        phrase[match.start : match.end]
        for match in open_lexicon(term.scheme, *beside).find(phrase)
        if match.term is term and not (is_strict and match.is_contextual)
    ]


@pytest.mark.parametrize(("term", "phrase"), OF_OTHERS, ids=name_phrase)
def test_example_is_found(term: Term, phrase: str) -> None:
    """The phrase holds a name of the term."""
    assert find_names(term, phrase)


@pytest.mark.parametrize(("term", "phrase"), AGAINST_OTHERS, ids=name_phrase)
def test_counter_example_is_not_found(term: Term, phrase: str) -> None:
    """The phrase holds no name that means the term without help of the words around it."""
    assert find_names(term, phrase, is_strict=True) == []
