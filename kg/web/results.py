"""Write a query's results within bounds: SPARQL 1.1 results as JSON, XML, CSV and TSV, and graphs as RDF.

https://www.w3.org/TR/sparql11-results-json/, https://www.w3.org/TR/rdf-sparql-XMLres/,
https://www.w3.org/TR/sparql11-results-csv-tsv/
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import msgspec
from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    serialize,
)

from kg.terms import PREFIXES, XSD

GRAPH_FORMATS = {
    "ttl": RdfFormat.TURTLE,
    "nt": RdfFormat.N_TRIPLES,
    "jsonld": RdfFormat.JSON_LD,
    "rdf": RdfFormat.RDF_XML,
}
_BOOLEAN_FORMATS = {
    "json": QueryResultsFormat.JSON,
    "xml": QueryResultsFormat.XML,
    "csv": QueryResultsFormat.CSV,
    "tsv": QueryResultsFormat.TSV,
}
_STRING = f"{XSD}string"
_LANG_STRING = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"
_XML_ILLEGAL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535), "�")


class Written(msgspec.Struct, frozen=True):
    """A whole document. ``truncated`` names the bound that was reached, ``rows`` or ``bytes``, or is empty."""

    body: bytes
    rows: int
    truncated: str = ""


def write_results(found: Any, form: str, max_rows: int, max_bytes: int) -> Written:
    """Write whatever a query gave; cut at the bounds after a whole row, and say so."""
    if isinstance(found, QuerySolutions):
        return _write_rows(found, form, max_rows, max_bytes)
    if isinstance(found, QueryBoolean):
        return Written(found.serialize(format=_BOOLEAN_FORMATS[form]) or b"", 1)
    return write_graph(found, form, max_rows, max_bytes)


def write_graph(triples: Iterable[Any], form: str, max_rows: int, max_bytes: int) -> Written:
    """Write triples; a graph is not cut by bytes, since half a document would be left."""
    kept = list(itertools.islice(triples, max_rows + 1))
    cut = "rows" if len(kept) > max_rows else ""
    prefixes = PREFIXES if form in ("ttl", "rdf") else None
    body = serialize(kept[:max_rows], format=GRAPH_FORMATS[form], prefixes=prefixes) or b""
    return Written(body, min(len(kept), max_rows), "bytes" if len(body) > max_bytes else cut)


def _write_rows(found: QuerySolutions, form: str, max_rows: int, max_bytes: int) -> Written:
    names = [variable.value for variable in found.variables]
    head, row, foot = _WRITERS[form]
    chunks, size, count = [head(names)], 0, 0
    truncated = ""
    for solution in found:
        if count >= max_rows:
            truncated = "rows"
            break
        chunk = row(names, list(solution), count)
        size += len(chunk)
        if size > max_bytes:
            truncated = "bytes"
            break
        chunks.append(chunk)
        count += 1
    return Written(b"".join((*chunks, foot)), count, truncated)


def _json_head(names: Sequence[str]) -> bytes:
    return b'{"head":{"vars":' + msgspec.json.encode(list(names)) + b'},"results":{"bindings":['


def _json_row(names: Sequence[str], terms: Sequence[Any], number: int) -> bytes:
    bound = {name: _json_term(term) for name, term in zip(names, terms, strict=True) if term is not None}
    return (b",\n" if number else b"\n") + msgspec.json.encode(bound)


def _json_term(term: Any) -> dict[str, Any]:
    if isinstance(term, NamedNode):
        return {"type": "uri", "value": term.value}
    if isinstance(term, BlankNode):
        return {"type": "bnode", "value": term.value}
    if isinstance(term, Literal):
        shown = {"type": "literal", "value": term.value}
        if term.language:
            shown["xml:lang"] = term.language
        elif term.datatype.value != _STRING:
            shown["datatype"] = term.datatype.value
        return shown
    parts = {"subject": term.subject, "predicate": term.predicate, "object": term.object}
    return {"type": "triple", "value": {name: _json_term(part) for name, part in parts.items()}}


def _xml_head(names: Sequence[str]) -> bytes:
    variables = "".join(f"<variable name={quoteattr(name)}/>" for name in names)
    return (
        '<?xml version="1.0"?>\n<sparql xmlns="http://www.w3.org/2005/sparql-results#">'
        f"<head>{variables}</head><results>\n"
    ).encode()


def _xml_row(names: Sequence[str], terms: Sequence[Any], _: int) -> bytes:
    cells = "".join(
        f"<binding name={quoteattr(name)}>{_xml_term(term)}</binding>"
        for name, term in zip(names, terms, strict=True)
        if term is not None
    )
    return f"<result>{cells}</result>\n".encode()


def _xml_term(term: Any) -> str:
    if isinstance(term, Literal):
        mark = ""
        if term.language:
            mark = f" xml:lang={quoteattr(term.language)}"
        elif term.datatype.value != _STRING:
            mark = f" datatype={quoteattr(term.datatype.value)}"
        text = escape(term.value.translate(_XML_ILLEGAL), {"\r": "&#13;"})
        return f"<literal{mark}>{text}</literal>"
    if isinstance(term, NamedNode):
        return f"<uri>{escape(term.value)}</uri>"
    if isinstance(term, BlankNode):
        return f"<bnode>{escape(term.value)}</bnode>"
    parts = (("subject", term.subject), ("predicate", term.predicate), ("object", term.object))
    return f"<triple>{''.join(f'<{name}>{_xml_term(part)}</{name}>' for name, part in parts)}</triple>"


def _csv_head(names: Sequence[str]) -> bytes:
    return (",".join(names) + "\r\n").encode()


def _csv_row(_: Sequence[str], terms: Sequence[Any], __: int) -> bytes:
    return (",".join("" if term is None else _csv_cell(term) for term in terms) + "\r\n").encode()


def _csv_cell(term: Any) -> str:
    text = str(term) if isinstance(term, BlankNode) or not hasattr(term, "value") else term.value
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text


def _tsv_head(names: Sequence[str]) -> bytes:
    return ("\t".join(f"?{name}" for name in names) + "\n").encode()


def _tsv_row(_: Sequence[str], terms: Sequence[Any], __: int) -> bytes:
    return ("\t".join("" if term is None else str(term).replace("\t", "\\t") for term in terms) + "\n").encode()


_Row = Callable[[Sequence[str], Sequence[Any], int], bytes]
_WRITERS: dict[str, tuple[Callable[[Sequence[str]], bytes], _Row, bytes]] = {
    "json": (_json_head, _json_row, b"\n]}}\n"),
    "xml": (_xml_head, _xml_row, b"</results></sparql>\n"),
    "csv": (_csv_head, _csv_row, b""),
    "tsv": (_tsv_head, _tsv_row, b""),
}
