"""The ontology's own lint: every term is described, declared, used, and fits the data that is written."""

from __future__ import annotations

import ast
import re

import owlrl
import pytest
from pyoxigraph import RdfFormat, parse, serialize
from rdflib import OWL, RDF, RDFS, SKOS, XSD, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from kg import rdf
from kg.model import Rejected
from kg.pipeline import read_trial
from kg.resources import list_files
from kg.sources.inputs import open_sources
from kg.terms import ID, KG, PROV
from tests.conftest import ROOT

ONTOLOGY = URIRef("https://w3id.org/trialkg/ontology")
VOCABULARIES = [path for path in list_files("ontology", ".ttl") if path.name != "kg.ttl"]
KINDS = {OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty}
DCTERMS = Namespace("http://purl.org/dc/terms/")
ERROR = URIRef("http://www.daml.org/2002/03/agents/agent-ont#error")
"""Property of the messages that owlrl adds where it finds a contradiction."""
_PREFIXED = re.compile(r"(?<![\w:])kg:(\w+)")
_COMMENT = re.compile(r"(?m)(?:^|\s)#[^\n]*|\"\"\".*?\"\"\"|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)
_IN_CODE = re.compile(r"\{KG\}(\w+)")


def read_ontology() -> Graph:
    return Graph().parse(ROOT / "ontology" / "kg.ttl")


KG_TTL = read_ontology()
DECLARED = [URIRef(iri) for iri in sorted({str(term) for kind in KINDS for term in KG_TTL.subjects(RDF.type, kind)})]
PROPERTIES = [term for term in DECLARED if (term, RDF.type, OWL.Class) not in KG_TTL]


def write_demo() -> str:
    """The graph of the shipped trials, as N-Triples."""
    lines: set[str] = set()
    for blob in open_sources([str(ROOT / "data" / "trials")]):
        assert not isinstance(blob, Rejected)
        trial = read_trial(blob)
        assert not isinstance(trial, Rejected)
        lines.update(map(rdf.to_triple, rdf.write_record(trial)))
    return "".join(sorted(lines))


@pytest.fixture(scope="module")
def demo() -> Graph:
    return Graph().parse(data=write_demo(), format="nt")


@pytest.fixture(scope="module")
def concepts() -> Graph:
    """All vocabularies in one graph; pyoxigraph reads Turtle faster than rdflib."""
    graph = Graph()
    for path in VOCABULARIES:
        triples = serialize(parse(path=str(path)), format=RdfFormat.N_TRIPLES)
        assert triples is not None
        graph.parse(data=triples, format="nt")
    return graph


def local_name(term: Node) -> str:
    return str(term).removeprefix(KG)


def test_names_its_version_and_licence() -> None:
    """The ontology has a version IRI below its own IRI, the same version as text, a title and the licence."""
    version = str(KG_TTL.value(ONTOLOGY, OWL.versionInfo))
    assert str(KG_TTL.value(ONTOLOGY, OWL.versionIRI)) == f"{ONTOLOGY}/{version}"
    assert str(KG_TTL.value(ONTOLOGY, DCTERMS.license)) == "http://www.apache.org/licenses/LICENSE-2.0"
    assert KG_TTL.value(ONTOLOGY, DCTERMS.title)


@pytest.mark.parametrize("term", DECLARED, ids=local_name)
def test_term_is_described(term: URIRef) -> None:
    """A term has one English label and definition, is ours, and says where it is defined."""
    assert str(term).startswith(KG)
    for predicate in (RDFS.label, SKOS.definition):
        texts = list(KG_TTL.objects(term, predicate))
        assert [text.language for text in texts if isinstance(text, Literal)] == ["en"], predicate
    assert list(KG_TTL.objects(term, RDFS.isDefinedBy)) == [ONTOLOGY]
    assert len({*KG_TTL.objects(term, RDF.type)} & KINDS) == 1


def test_definitions_are_distinct() -> None:
    """No two terms are described by the same words."""
    texts = [str(text) for text in KG_TTL.objects(None, SKOS.definition)]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("term", PROPERTIES, ids=local_name)
def test_range_fits_the_kind_of_property(term: URIRef) -> None:
    """Datatype properties range over datatypes, object properties over classes that are declared or well known."""
    classes = {local_name(one) for one in DECLARED if one not in PROPERTIES}
    for kind in KG_TTL.objects(term, RDFS.range):
        if (term, RDF.type, OWL.DatatypeProperty) in KG_TTL:
            assert str(kind).startswith(str(XSD))
        else:
            assert kind in (SKOS.Concept, RDF.Property) or local_name(kind) in classes
    for kind in KG_TTL.objects(term, RDFS.domain):
        assert kind == SKOS.Concept or local_name(kind) in classes


def test_is_consistent_under_owl_rl(demo: Graph) -> None:
    """The OWL 2 RL closure of the ontology, two vocabularies and the shipped trials holds no contradiction."""
    graph = close(demo)
    assert list(graph.subjects(RDF.type, OWL.Nothing)) == []
    assert list_errors(graph) == []


def test_reasoner_sees_a_contradiction(demo: Graph) -> None:
    """The check above is no empty one: a trial that is an arm, and a word for a number, are found."""
    trial = next(demo.subjects(RDF.type, URIRef(f"{KG}Trial")))
    broken = Graph()
    broken.add((trial, RDF.type, URIRef(f"{KG}Trial")))
    broken.add((trial, RDF.type, URIRef(f"{KG}Arm")))
    assert list_errors(close(broken))
    broken = Graph()
    broken.add((trial, URIRef(f"{KG}numberOfArms"), Literal("two", datatype=XSD.integer, normalize=False)))
    assert list_errors(close(broken))


def close(data: Graph) -> Graph:
    """Data with the ontology, and everything that OWL 2 RL lets one conclude from them."""
    graph = Graph()
    for part in (data, KG_TTL):
        graph += part
    for name in ("registry.ttl", "cells.ttl"):
        graph.parse(ROOT / "ontology" / name)
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    return graph


def list_errors(graph: Graph) -> list[str]:
    return sorted(map(str, graph.objects(None, ERROR)))


def list_prefixed(text: str) -> set[str]:
    """Local names behind ``kg:`` outside comments and strings."""
    return set(_PREFIXED.findall(_COMMENT.sub(" ", text)))


def list_in_code() -> tuple[set[str], set[str]]:
    """Names that the code surely means as terms (``kg("name")``, ``{KG}name``), and all its short strings."""
    sure: set[str] = set()
    texts: set[str] = set()
    for path in sorted((ROOT / "kg").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        sure.update(_IN_CODE.findall(source))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "kg":
                sure.update(str(one.value) for one in node.args if isinstance(one, ast.Constant))
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    return sure, texts


def list_uses(demo: Graph) -> tuple[set[str], set[str]]:
    """Names used for sure, and names that may be uses, outside ``kg.ttl``."""
    sure, texts = list_in_code()
    for folder, suffix in (("ontology", ".ttl"), ("shapes", ".ttl"), ("queries", ".rq")):
        for path in list_files(folder, suffix):
            if path.name != "kg.ttl":
                sure |= list_prefixed(path.read_text(encoding="utf-8"))
    sure |= {local_name(term) for triple in demo for term in triple if isinstance(term, URIRef) and term.startswith(KG)}
    return sure, texts


def test_every_used_term_is_declared(demo: Graph) -> None:
    """Ontology, shapes, queries, code and data use no kg: term that ``kg.ttl`` does not declare."""
    sure, _ = list_uses(demo)
    assert sorted(sure - set(map(local_name, DECLARED))) == []


def test_every_declared_term_is_used(demo: Graph) -> None:
    """A term of ``kg.ttl`` is used somewhere else, is the domain or range of one that is, or annotates terms."""
    sure, texts = list_uses(demo)
    annotations = {
        local_name(term) for term in KG_TTL.subjects(RDF.type, OWL.AnnotationProperty) if (None, term, None) in KG_TTL
    }
    used = sure | texts | annotations
    spanned = {
        local_name(kind)
        for term in PROPERTIES
        if local_name(term) in used
        for predicate in (RDFS.domain, RDFS.range)
        for kind in KG_TTL.objects(term, predicate)
    }
    assert [local_name(term) for term in DECLARED if local_name(term) not in used | spanned] == []


def test_data_uses_declared_classes(demo: Graph) -> None:
    """Every class of the written graph is ours and declared, or PROV's."""
    classes = {str(kind) for kind in demo.objects(None, RDF.type)}
    assert sorted(classes - {str(term) for term in DECLARED if term not in PROPERTIES} - {f"{PROV}Entity"}) == []


def test_data_fits_ranges(demo: Graph, concepts: Graph) -> None:
    """A literal has exactly the declared datatype; a thing has the declared class or is a term of a vocabulary."""
    assert (
        sorted(
            {
                f"{local_name(p)} {o.n3()}"
                for s, p, o in demo
                if str(p).startswith(KG)
                for kind in KG_TTL.objects(p, RDFS.range)
                if not is_in_range(o, kind, demo, concepts)
            }
        )
        == []
    )


def is_in_range(value: Node, kind: Node, demo: Graph, concepts: Graph) -> bool:
    if isinstance(value, Literal):
        return (value.datatype or XSD.string) == kind
    if kind == RDF.Property:
        return value in PROPERTIES or value == RDFS.label
    if kind == SKOS.Concept or (kind, RDFS.subClassOf, SKOS.Concept) in KG_TTL:
        return (value, SKOS.inScheme, None) in concepts
    return (value, RDF.type, kind) in demo


def test_vocabularies_fit_ranges(concepts: Graph) -> None:
    """What the vocabularies say with our properties has the declared datatype, or leads to a term."""
    assert (
        sorted(
            {
                f"{local_name(p)} {o.n3()}"
                for s, p, o in concepts
                if str(p).startswith(KG)
                for kind in KG_TTL.objects(p, RDFS.range)
                if not is_in_range(o, kind, Graph(), concepts)
            }
        )
        == []
    )


def test_data_fits_domains(demo: Graph) -> None:
    """The subject of a statement has the declared domain, or a class below it."""
    wrong = {
        f"{local_name(p)} of {s.n3()}"
        for s, p, _ in demo
        if str(p).startswith(KG)
        for kind in KG_TTL.objects(p, RDFS.domain)
        if not any((s, RDF.type, one) in demo for one in KG_TTL.transitive_subjects(RDFS.subClassOf, kind))
    }
    assert sorted(wrong) == []


def test_data_links_fit_property_kinds(demo: Graph) -> None:
    """Object properties lead to things, datatype properties to literals."""
    wrong = {
        local_name(p)
        for _, p, o in demo
        if ((p, RDF.type, OWL.ObjectProperty) in KG_TTL and isinstance(o, Literal))
        or ((p, RDF.type, OWL.DatatypeProperty) in KG_TTL and not isinstance(o, Literal))
    }
    assert wrong == set()


def test_antigen_terms_are_concepts(concepts: Graph) -> None:
    """What ``kg:productTarget`` and ``kg:bindsAntigen`` point at is a term of the antigen scheme."""
    scheme = URIRef(f"{ID}antigen")
    for name in ("productTarget", "bindsAntigen"):
        assert [
            target
            for target in concepts.objects(None, URIRef(f"{KG}{name}"))
            if (target, SKOS.inScheme, scheme) not in concepts
        ] == []
