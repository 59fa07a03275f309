"""The lint of the vocabularies: each term is whole, its ids are real, its names are its own, and its examples run."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, parse

from kg.extract.antigens import find_mentions
from kg.lexicon import expand_form, fold, open_lexicon
from kg.model import Passage
from kg.queries import resolve_term
from kg.resources import list_files
from kg.terms import DCTERMS, ID, RDF, SKOS
from kg.vocabularies import Term, load_vocabularies

FILES = [path for path in list_files("ontology", ".ttl") if path.name != "kg.ttl"]
TERMS = tuple(load_vocabularies().by_iri.values())
SCHEMES = load_vocabularies().schemes()
LICENCE = "http://www.apache.org/licenses/LICENSE-2.0"
FIELDS = {"modality": "modality", "cell_type": "cell-type", "cell_source": "cell-source", "cell_source_detail": "cell-source",
          "basis": "basis", "logic": "logic", "binder_type": "binder-type", "antigen role": "antigen-role",
          "endpoint role": "endpoint-role", "endpoint kind": "endpoint-kind", "criterion measure": "measure", "phase": "phase",
          "disease_setting": "disease-setting", "dose role": "dose-role"}
"""Scheme that holds the values of each field of ``terms.tsv``."""
NOT_TERMS = {"null", "both"}
"""Values of the card that stand for none or for two terms."""
IS_ONLY_NAMED = re.compile(r"\bnamed in\b|\bantibody\b|\bon (?:\w+ ){0,2}(?:cells|tissue)\b|\bmismatch\b|\bexpression\b|\breceptor for\b")
"""Examples of a term that no product binds yet: the name stands there as marker, reagent or companion drug."""
_BLOCK = re.compile(r"(?m)^(\S+) a ")


def list_phrases(kind: str) -> list[tuple[Term, str]]:
    return [(term, phrase) for term in TERMS for phrase in (term.examples if kind == "example" else term.counter_examples)]


def name_phrase(value: object) -> str:
    return value.notation if isinstance(value, Term) else str(value)


EXAMPLES = list_phrases("example")
COUNTER_EXAMPLES = list_phrases("counter-example")


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


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_describes_its_schemes_and_terms(path: Path) -> None:
    """A scheme has label, definition and licence; a term one of each property that it needs."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for triple in parse(path=str(path)):
        assert isinstance(triple.subject, NamedNode)
        assert isinstance(triple.object, NamedNode | Literal)
        found[triple.subject.value][triple.predicate.value].append(triple.object.value)
    schemes = {iri for iri, has in found.items() if has[f"{RDF}type"] == [f"{SKOS}ConceptScheme"]}
    assert schemes
    for iri, has in found.items():
        if iri in schemes:
            assert has[f"{DCTERMS}license"] == [LICENCE], iri
            needed = ["prefLabel", "definition"]
        else:
            assert f"{SKOS}Concept" in has[f"{RDF}type"], iri
            assert has[f"{SKOS}inScheme"][0] in schemes, iri
            assert iri.startswith(f"{has[f'{SKOS}inScheme'][0]}/"), iri
            needed = ["inScheme", "notation", "prefLabel", *(["definition"] if not iri.startswith(f"{ID}country/") else [])]
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
    owners: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for term in load_vocabularies().scheme(scheme).values():
        for form in (*term.forms, *term.context_forms):
            for spelling in expand_form(form):
                owners[fold(spelling)]["any case"].add(term.notation)
        for form in term.case_forms:
            for spelling in expand_form(form):
                owners[fold(spelling)][spelling].add(term.notation)
    clashes = {frozenset(cases["any case"] | claimants) for cases in owners.values() for claimants in (*cases.values(), set())}
    assert sorted(sorted(names) for names in clashes if len(names) > 1) == []


@pytest.mark.parametrize("term", [term for term in TERMS if term.broader], ids=lambda term: term.iri.removeprefix(ID))
def test_wider_terms_exist_and_do_not_turn_in_circles(term: Term) -> None:
    """Each wider term is declared in the same scheme, and none is its own."""
    wider = load_vocabularies().widen(term)
    assert {one.scheme for one in wider} == {term.scheme}
    assert all(term.iri not in one.broader for one in wider)


def test_forms_are_tidy() -> None:
    """No form is empty, padded, or so short that it would be found by chance in any case."""
    untidy = [(term.iri, form) for term in TERMS for form in (*term.forms, *term.case_forms, *term.context_forms)
              if form != form.strip() or "  " in form or not form]
    assert untidy == []
    assert [(term.iri, form) for term in TERMS if term.scheme == "antigen" for form in term.forms if len(form) < 3] == []


def test_controlled_values_are_terms(shared: Path) -> None:
    """Every value of ``terms.tsv`` is a term of its scheme."""
    with (shared / "gold" / "terms.tsv").open(encoding="utf-8", newline="") as rows:
        found = [(row["field"], row["value"]) for row in csv.DictReader(rows, delimiter="\t")]
    assert {field for field, _ in found} >= set(FIELDS)
    assert [(field, value) for field, value in found if field in FIELDS and value not in NOT_TERMS
            and not load_vocabularies().find(FIELDS[field], value)] == []


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


def test_antigen_ids_are_those_of_one_gene(shared: Path) -> None:
    """HGNC, UniProt and NCBI Gene ids of an antigen belong to one approved gene; a symbol as notation is that gene's."""
    with gzip.open(shared / "gold" / "vocab" / "hgnc_entries.tsv.gz", "rt", encoding="utf-8") as rows:
        genes = {row["HGNC ID"].removeprefix("HGNC:"): row for row in csv.DictReader(rows, delimiter="\t")}
    symbols = {row["Approved symbol"]: number for number, row in genes.items()}
    wrong: list[tuple[str, str]] = []
    for term in load_vocabularies().scheme("antigen").values():
        ids: dict[str, set[str]] = defaultdict(set)
        for iri in term.matches:
            ids[split_id(iri)[0]].add(split_id(iri)[1])
        if not ids["hgnc"]:
            wrong += [(term.notation, "id without a gene")] if ids["uniprot"] or ids["ncbigene"] else []
            wrong += [(term.notation, "symbol without its id")] if term.notation in symbols else []
            continue
        rows_of = [genes.get(number) for number in sorted(ids["hgnc"])]
        wrong += [(term.notation, "no such gene") for row in rows_of if row is None]
        proteins = {one for row in rows_of if row for one in re.split(r"[,\s]+", row["UniProt ID(supplied by UniProt)"])}
        numbers = {row["NCBI Gene ID(supplied by NCBI)"] for row in rows_of if row}
        wrong += [(term.notation, f"{one} is not its protein") for one in ids["uniprot"] - proteins]
        wrong += [(term.notation, f"{one} is not its gene") for one in ids["ncbigene"] - numbers]
        if term.notation in symbols and symbols[term.notation] not in ids["hgnc"]:
            wrong.append((term.notation, "another gene's symbol"))
    assert wrong == []


def test_gene_notation_is_the_approved_symbol(shared: Path) -> None:
    """An antigen with one gene and no variant name is shown by the approved symbol."""
    with gzip.open(shared / "gold" / "vocab" / "hgnc_entries.tsv.gz", "rt", encoding="utf-8") as rows:
        symbols = {row["HGNC ID"].removeprefix("HGNC:"): row["Approved symbol"] for row in csv.DictReader(rows, delimiter="\t")}
    exact = {term.notation: [split_id(iri)[1] for iri in term.matches if split_id(iri)[0] == "uniprot"]
             for term in load_vocabularies().scheme("antigen").values()}
    unlike = [term.notation for term in load_vocabularies().scheme("antigen").values()
              for numbers in [[split_id(iri)[1] for iri in term.matches if split_id(iri)[0] == "hgnc"]]
              if len(numbers) == 1 and exact[term.notation] and symbols.get(numbers[0]) != term.notation]
    assert unlike == []


def list_known_ids(vocabularies: Path) -> dict[str, set[str]]:
    """Ids that the reference tables hold, by vocabulary."""
    with gzip.open(vocabularies / "mondo.json.gz", "rt", encoding="utf-8") as file:
        known = {"MONDO": {one["id"] for one in json.load(file)}}
    for name, file_name, column in (("CL", "cl_blood_immune.csv", "cl_id"), ("CTO", "cto_terms.csv", "id"), ("EFO", "efo_endpoints.csv", "efo_id")):
        with (vocabularies / file_name).open(encoding="utf-8", newline="") as rows:
            known[name] = {re.sub(r"^[A-Z]+[:_]", "", row[column]) for row in csv.DictReader(rows)}
    return known


def test_outward_ids_are_in_the_reference_tables(shared: Path) -> None:
    """MONDO, Cell Ontology, CTO and EFO ids exist; each outward id belongs to one term of a scheme."""
    known = list_known_ids(shared / "gold" / "vocab")
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    for term in TERMS:
        for iri in term.matches:
            owners[term.scheme, iri].append(term.notation)
    ids = {split_id(iri) for term in TERMS for iri in term.matches}
    assert sorted(one for one in ids if one[0] in known and one[1] not in known[one[0]]) == []
    assert {iri: names for (scheme, iri), names in owners.items() if len(names) > 1 and scheme != "antigen"} == {}


def test_product_codes_are_those_of_nci(shared: Path) -> None:
    """The NCIt code of a product is an agent of the NCI table, and agrees with it on the target where the table names one."""
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
    assert [term.notation for term in load_vocabularies().scheme("antigen").values()
            if not term.examples or not term.counter_examples] == []


def find_roles(term: Term, phrase: str) -> set[str]:
    return {mention.role for mention in find_mentions([Passage("title", "text", 0, phrase)]) if mention.antigen == term.notation}


@pytest.mark.parametrize(("term", "phrase"), [one for one in EXAMPLES if one[0].scheme == "antigen"], ids=name_phrase)
def test_antigen_example_is_found(term: Term, phrase: str) -> None:
    """The phrase names the antigen as target; as anything, where it only says that cells carry it."""
    roles = find_roles(term, phrase)
    assert roles if IS_ONLY_NAMED.search(phrase) else "target" in roles


@pytest.mark.parametrize(("term", "phrase"), [one for one in COUNTER_EXAMPLES if one[0].scheme == "antigen"], ids=name_phrase)
def test_antigen_counter_example_is_no_target(term: Term, phrase: str) -> None:
    """The phrase does not make the antigen a target."""
    assert "target" not in find_roles(term, phrase)


def find_names(term: Term, phrase: str) -> Iterator[str]:
    return (phrase[match.start:match.end] for match in open_lexicon(term.scheme).find(phrase) if match.term is term)


@pytest.mark.parametrize(("term", "phrase"), [one for one in EXAMPLES if one[0].scheme != "antigen"], ids=name_phrase)
def test_example_is_found(term: Term, phrase: str) -> None:
    """The phrase holds a name of the term."""
    assert list(find_names(term, phrase))


@pytest.mark.parametrize(("term", "phrase"), [one for one in COUNTER_EXAMPLES if one[0].scheme != "antigen"], ids=name_phrase)
def test_counter_example_is_not_found(term: Term, phrase: str) -> None:
    """The phrase holds no name of the term."""
    assert list(find_names(term, phrase)) == []
