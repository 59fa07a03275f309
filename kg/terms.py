"""Namespaces, and the one place where IRIs are minted.

Keys are stable under insertion: they come from what a thing is (its role and normalised name), never from its position.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

KG = "https://w3id.org/trialkg/ontology#"
ID = "https://w3id.org/trialkg/id/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
XSD = "http://www.w3.org/2001/XMLSchema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
PROV = "http://www.w3.org/ns/prov#"
DCTERMS = "http://purl.org/dc/terms/"
SH = "http://www.w3.org/ns/shacl#"
GEO = "http://www.w3.org/2003/01/geo/wgs84_pos#"
OBO = "http://purl.obolibrary.org/obo/"
DATASET = "https://w3id.org/trialkg/dataset"
"""Name of the graph as a data set, and of its default graph in the SPARQL protocol."""
LOAD = "https://w3id.org/trialkg/load#"
"""What ``kg load`` keeps on a server beside the graph: the texts of the records, and the snapshot's manifest."""

PREFIXES = {
    "kg": KG,
    "rdf": RDF,
    "rdfs": RDFS,
    "owl": OWL,
    "xsd": XSD,
    "skos": SKOS,
    "prov": PROV,
    "dcterms": DCTERMS,
    "sh": SH,
    "geo": GEO,
    "obo": OBO,
    "trial": f"{ID}trial/",
    "record": f"{ID}record/",
    "antigen": f"{ID}antigen/",
    "modality": f"{ID}modality/",
    "source": f"{ID}cell-source/",
    "celltype": f"{ID}cell-type/",
    "phase": f"{ID}phase/",
    "status": f"{ID}status/",
    "condition": f"{ID}condition/",
    "country": f"{ID}country/",
    "kind": f"{ID}endpoint-kind/",
    "measure": f"{ID}measure/",
    "site": f"{ID}site/",
    "organisation": f"{ID}organisation/",
    "date": f"{ID}date/",
    "timeframe": f"{ID}time-frame/",
    "product": f"{ID}product/",
    "role": f"{ID}antigen-role/",
    "logic": f"{ID}logic/",
    "binder": f"{ID}binder-type/",
}
"""Prefixes bound in every serialisation, in this order."""

_ESCAPES = {
    ord("\\"): "\\\\",
    ord('"'): '\\"',
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    **{code: f"\\u{code:04X}" for code in (*range(0x20), 0x7F) if code not in (9, 10, 13)},
}
_NEEDS_ESCAPE = re.compile(r'[\x00-\x1f"\\\x7f]').search
_KEY_CHARS = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else ord(" ") for code in range(256))
"""Letters and digits as keys hold them, in lower case; spaces for all else."""


@lru_cache(maxsize=1024)
def kg(name: str) -> str:
    """A term of the project's ontology as N-Triples.

    >>> kg("cellSource")
    '<https://w3id.org/trialkg/ontology#cellSource>'
    """
    return f"<{KG}{name}>"


def iri(value: str) -> str:
    """An IRI as N-Triples."""
    return f"<{value}>"


def literal(text: str) -> str:
    """A plain string as N-Triples.

    >>> literal('a "b"')
    '"a \\\\"b\\\\""'
    """
    return f'"{text.translate(_ESCAPES) if _NEEDS_ESCAPE(text) else text}"'


def typed(value: object, datatype: str) -> str:
    """A typed literal as N-Triples; ``datatype`` is an XSD local name."""
    return f'"{value}"^^<{XSD}{datatype}>'


@lru_cache(maxsize=4096)
def integer(value: int) -> str:
    """An xsd:integer."""
    return typed(value, "integer")


@lru_cache(maxsize=1 << 14)
def decimal(value: float) -> str:
    """An xsd:decimal in canonical form, never in exponent notation.

    >>> decimal(365.25), decimal(1e9)
    ('"365.25"^^<http://www.w3.org/2001/XMLSchema#decimal>', '"1000000000.0"^^<http://www.w3.org/2001/XMLSchema#decimal>')
    """
    text = f"{value:.6f}".rstrip("0")
    return typed(text + "0" if text.endswith(".") else text, "decimal")


def boolean(value: bool) -> str:
    """An xsd:boolean."""
    return typed("true" if value else "false", "boolean")


def hash_key(text: str) -> str:
    """Twelve hexadecimal digits that identify ``text``."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@lru_cache(maxsize=1 << 16)
def slug(text: str, limit: int = 60) -> str:
    """A readable key for ``text``; a hash follows where readable characters alone would not tell two texts apart.

    >>> slug("Suzhou, Jiangsu, China")
    'suzhou-jiangsu-china'
    >>> slug("IL-3Rα")
    'il-3r-a592a0bbf9e7'
    """
    spread = text if text.isascii() else unicodedata.normalize("NFKD", text)
    key = b"-".join(spread.encode("ascii", "ignore").translate(_KEY_CHARS).split()).decode()
    is_lossy = not spread.isascii() and any(
        ord(char) > 127 and not unicodedata.combining(char) for char in spread if char.isalnum()
    )
    if len(key) > limit or is_lossy or not key:
        return f"{key[:limit].strip('-')}-{hash_key(text)}".strip("-")
    return key


def mint(kind: str, key: str) -> str:
    """An entity's IRI as N-Triples, for example ``mint("trial", "NCT05574608")``."""
    return f"<{ID}{kind}/{key}>"


def mint_load_graph(graph: str | None) -> str:
    """IRI of the graph beside ``graph`` (None: the default graph) that holds the texts of the records.

    >>> mint_load_graph("urn:trials")
    'urn:trials/load'
    """
    return f"{graph.rstrip('/#')}/load" if graph else LOAD.rstrip("#")


def mint_under(parent: str, kind: str, key: str) -> str:
    """IRI of a part of ``parent`` (an IRI as N-Triples)."""
    return f"{parent[:-1]}/{kind}/{key}>"
