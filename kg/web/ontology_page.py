"""The ontology's terms for a page."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from kg.terms import KG, RDF, RDFS, SKOS

_SHOWN = {
    f"{RDF}type": "kind",
    f"{RDFS}label": "label",
    f"{SKOS}definition": "definition",
    f"{RDFS}comment": "definition",
    f"{RDFS}domain": "domain",
    f"{RDFS}range": "range",
    f"{RDFS}subClassOf": "under",
}


@cache
def list_terms(path: Path) -> list[dict[str, list[str]]]:
    """Classes and properties by name, each with what is said of it."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for triple in parse(path=str(path), format=RdfFormat.TURTLE):
        key = _SHOWN.get(triple.predicate.value)
        if key and isinstance(triple.subject, NamedNode) and isinstance(triple.object, NamedNode | Literal):
            found[triple.subject.value][key].append(triple.object.value)
    return [{"iri": [iri], **values} for iri, values in sorted(found.items()) if iri.startswith(KG)]
