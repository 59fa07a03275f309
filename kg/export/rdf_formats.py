"""The graph as Turtle, N-Triples, N-Quads and JSON-LD: streamed, in a stable order, the same bytes from run to run.

The snapshot's shards are sorted, so a merge of them is the sorted graph; memory does not grow with it. Turtle is that
of RDF 1.1 (https://www.w3.org/TR/turtle/), and JSON-LD 1.1 has its context inside (https://www.w3.org/TR/json-ld11/).
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import IO, Any

import msgspec
from pyoxigraph import BlankNode, RdfFormat, parse
from pyoxigraph import Triple as Statement

from kg.errors import UsageError
from kg.packing import open_shard
from kg.rdf import to_triple
from kg.resources import list_files
from kg.store import Snapshot
from kg.terms import DATASET, ID, KG, OWL, PREFIXES, RDF, RDFS, XSD, iri, mint
from kg.vocabularies import list_closure

_TYPE = iri(f"{RDF}type")
_LOCAL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
_BARE = {
    iri(f"{XSD}integer"): re.compile(r"[+-]?[0-9]+"),
    iri(f"{XSD}decimal"): re.compile(r"[+-]?(?:(?<![0-9])[0-9]+)?\.[0-9]+"),
    iri(f"{XSD}boolean"): re.compile("true|false"),
}
"""Datatypes that Turtle writes without quotes, and the lexical forms in which it may."""
_BY_NAMESPACE = {namespace: prefix for prefix, namespace in PREFIXES.items()}
_ESCAPED = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_ONTOLOGY = iri(KG.rstrip("#"))
_NEXT = " ;\n    "
Triple = tuple[str, str, str]


def write_rdf(
    snapshot: Snapshot, form: str, stream: IO[bytes], *, trial: str | None = None, with_vocabularies: bool = False
) -> int:
    """Write the graph, or what the records of one trial say; the number of statements written.

    :param form: ``ttl``, ``nt``, ``nq`` (graph = record) or ``jsonld``.
    :param trial: Key of a trial (``NCT05574608``) or its IRI.
    :param with_vocabularies: Whether the ontology and its vocabularies are written too.
    :raises UsageError: the format or the trial is unknown.
    :raises DamageError: a shard is not what was built; nothing is written.
    """
    if form not in FORMATS:
        raise UsageError(f"no RDF format {form!r}", mend=f"One of {', '.join(FORMATS)}")
    snapshot.check_shards()  # all of them, before a line of one is written
    return FORMATS[form](_merge(snapshot, trial, with_vocabularies), stream)


def write_turtle(triples: Iterable[Statement], stream: IO[bytes]) -> int:
    """Write sorted triples of an engine, of this machine or of another, as `write_rdf` does; how many they are."""
    return _write_turtle((f"{triple} {iri(DATASET)} .\n" for triple in triples), stream)


def _merge(snapshot: Snapshot, trial: str | None, with_vocabularies: bool) -> Iterator[str]:
    """N-Quads lines in order, each once."""
    endings = _find_graphs(snapshot, trial) if trial else None
    with ExitStack() as stack:
        shards = [stack.enter_context(open_shard(path)) for path in snapshot.list_shards()]
        kept: list[Iterable[str]] = (
            [(line for line in shard if line.endswith(endings)) for shard in shards] if endings else list(shards)
        )
        if with_vocabularies:
            kept.append(_read_vocabularies())
        for line, _ in itertools.groupby(heapq.merge(*kept)):
            yield line


def _find_graphs(snapshot: Snapshot, trial: str) -> tuple[str, ...]:
    """How the lines of a trial's records end."""
    key = trial.strip("<>").removeprefix(f"{ID}trial/")
    graphs = tuple(f" {stored.iri} .\n" for stored in snapshot.read_records(mint("trial", key)))
    if not graphs:
        raise UsageError(f"no trial {key[:80]!r} in the graph", mend="`kg query trials` lists them")
    return graphs


@cache
def _read_vocabularies() -> tuple[str, ...]:
    """The ontology, its vocabularies and their closure as sorted N-Quads lines in a graph of their own."""
    lines = {line for path in list_files("ontology", ".ttl") for line in _read_vocabulary(path)}
    lines.update(f"{triple} {_ONTOLOGY} .\n" for triple in list_closure())
    return tuple(sorted(lines))


def _read_vocabulary(path: Path) -> Iterator[str]:
    """One file's N-Quads lines; blank nodes are numbered as they come, since the parser names them at random."""
    numbers: dict[str, str] = {}
    for triple in parse(path=str(path), format=RdfFormat.TURTLE):
        terms = (
            numbers.setdefault(str(term), f"_:{path.stem}{len(numbers)}") if isinstance(term, BlankNode) else str(term)
            for term in (triple.subject, triple.predicate, triple.object)
        )
        yield f"{' '.join(terms)} {_ONTOLOGY} .\n"


def _write_quads(lines: Iterator[str], stream: IO[bytes]) -> int:
    count = 0
    for line in lines:
        stream.write(line.encode())
        count += 1
    return count


def _write_triples(lines: Iterator[str], stream: IO[bytes]) -> int:
    return _write_quads(_drop_graphs(lines), stream)


def _drop_graphs(lines: Iterator[str]) -> Iterator[str]:
    """N-Triples lines, each once: the order of quads is the order of their triples."""
    for line, _ in itertools.groupby(map(to_triple, lines)):
        yield line


def _group_subjects(lines: Iterator[str]) -> Iterator[tuple[str, list[Triple]]]:
    triples = (split_triple(line) for line in _drop_graphs(lines))
    for subject, group in itertools.groupby(triples, lambda triple: triple[0]):
        yield subject, list(group)


def split_triple(line: str) -> Triple:
    """The terms of an N-Triples line.

    >>> split_triple('<s:s> <p:p> "a b ." .')
    ('<s:s>', '<p:p>', '"a b ."')
    """
    s, p, rest = line.split(" ", 2)
    return s, p, rest[: rest.rindex(" .")]


def _write_turtle(lines: Iterator[str], stream: IO[bytes]) -> int:
    stream.write("".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items()).encode())
    count = 0
    for subject, triples in _group_subjects(lines):
        said = []
        for predicate, group in itertools.groupby(triples, lambda triple: triple[1]):
            objects = ",\n        ".join(shorten(triple[2]) for triple in group)
            said.append(f"{'a' if predicate == _TYPE else shorten(predicate)} {objects}")
        stream.write(f"\n{shorten(subject)} {_NEXT.join(said)} .\n".encode())
        count += len(triples)
    return count


def shorten(term: str) -> str:
    """An N-Triples term as Turtle.

    >>> shorten("<https://w3id.org/trialkg/ontology#phase>")
    'kg:phase'
    >>> shorten('"28.0"^^<http://www.w3.org/2001/XMLSchema#decimal>')
    '28.0'
    """
    if term.startswith("<"):
        return _shorten_iri(term)
    words, mark, datatype = term.rpartition("^^")
    if not mark or not datatype.startswith("<") or not words.endswith('"'):
        return term
    bare = _BARE.get(datatype)
    return words[1:-1] if bare and bare.fullmatch(words[1:-1]) else f"{words}^^{_shorten_iri(datatype)}"


def _shorten_iri(term: str) -> str:
    cut = max(term.rfind("/"), term.rfind("#")) + 1
    prefix, local = _BY_NAMESPACE.get(term[1:cut]), term[cut:-1]
    return f"{prefix}:{local}" if prefix and _LOCAL.fullmatch(local) else term


def _write_json(lines: Iterator[str], stream: IO[bytes]) -> int:
    coerced = _read_ranges()
    context = {
        **PREFIXES,
        **{_compact(name): {"@id": _compact(name), "@type": _compact(kind)} for name, kind in coerced.items()},
    }
    stream.write(b'{"@context": ' + msgspec.json.format(msgspec.json.encode(context), indent=1) + b',\n"@graph": [')
    count = 0
    for number, (subject, triples) in enumerate(_group_subjects(lines)):
        node: dict[str, Any] = {"@id": _compact(subject.strip("<>"))}
        for p, group in itertools.groupby(triples, lambda triple: triple[1]):
            name = p[1:-1]
            values = [_compact(o.strip("<>")) if p == _TYPE else _to_json(o, coerced.get(name)) for _, _, o in group]
            node["@type" if p == _TYPE else _compact(name)] = values[0] if len(values) == 1 else values
        stream.write((b",\n" if number else b"\n") + msgspec.json.encode(node))
        count += len(triples)
    stream.write(b"\n]}\n")
    return count


@cache
def _read_ranges() -> dict[str, str]:
    """Properties of the ontology whose values have one type: ``@id``, or an XSD datatype other than string."""
    kinds, ranges = {}, {}
    [path] = (path for path in list_files("ontology", ".ttl") if path.stem == "kg")
    for triple in parse(path=str(path), format=RdfFormat.TURTLE):
        name, about, value = (str(term)[1:-1] for term in (triple.subject, triple.predicate, triple.object))
        if about == f"{RDF}type" and value in (f"{OWL}ObjectProperty", f"{OWL}DatatypeProperty"):
            kinds[name] = value
        elif about == f"{RDFS}range" and value.startswith(XSD) and value != f"{XSD}string":
            ranges[name] = value
    return {
        name: "@id" if kind == f"{OWL}ObjectProperty" else ranges[name]
        for name, kind in sorted(kinds.items())
        if kind == f"{OWL}ObjectProperty" or name in ranges
    }


def _compact(name: str) -> str:
    """An IRI with the prefix of the longest namespace it starts with; unlike Turtle's, the rest may hold slashes."""
    cut = len(name)
    while (cut := max(name.rfind("/", 0, cut), name.rfind("#", 0, cut))) > 0:
        prefix = _BY_NAMESPACE.get(name[: cut + 1])
        if prefix and not name.startswith("//", cut + 1):
            return f"{prefix}:{name[cut + 1 :]}"
    return name


def _to_json(term: str, coerced: str | None) -> Any:
    """A term as a JSON-LD value; with the type that the context gives its property, the value alone."""
    if not term.startswith('"'):
        name = _compact(term.strip("<>"))
        return name if coerced == "@id" else {"@id": name}
    end = term.rindex('"')
    text, mark = _unescape(term[1:end]), term[end + 1 :]
    if mark.startswith("@"):
        return {"@value": text, "@language": mark[1:]}
    datatype = mark[3:-1]
    if datatype != (coerced or ""):
        return {"@value": text, "@type": _compact(datatype)} if datatype else {"@value": text}
    if datatype == f"{XSD}boolean" and text in ("true", "false"):
        return text == "true"
    if datatype == f"{XSD}integer" and text.lstrip("-").isdigit() and text == str(int(text)):
        return int(text)
    return text


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPED.sub(
        lambda found: chr(int(found[1] or found[2], 16)) if found[1] or found[2] else _PLAIN.get(found[3], found[3]),
        text,
    )


FORMATS: dict[str, Callable[[Iterator[str], IO[bytes]], int]] = {
    "ttl": _write_turtle,
    "nt": _write_triples,
    "nq": _write_quads,
    "jsonld": _write_json,
}
"""How each format is written."""
