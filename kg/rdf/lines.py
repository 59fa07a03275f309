"""Statements as N-Quads lines, with a node of evidence for each that rests on prose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kg.rdf.statements import A, Statement
from kg.terms import boolean, hash_key, integer, kg, literal, mint_under
from kg.vocabularies import load_vocabularies

_EVIDENCE, _SUBJECT, _PREDICATE = map(kg, ("Evidence", "subject", "predicate"))
_OBJECT, _VALUE = map(kg, ("object", "objectValue"))
_WORDS, _START, _END, _FIELD = map(kg, ("exactWords", "start", "end", "field"))
_RULE, _BASIS, _RECORD = map(kg, ("rule", "basis", "fromRecord"))


def write_evidence(
    statement: Statement, trial: str, record: str, *, is_superseded: bool = False
) -> Iterator[tuple[str, str, str]]:
    """The evidence node of a statement, as triples."""
    fact = statement.fact
    if fact is None:
        return
    quote = fact.quote
    key = hash_key(
        "\x1f".join(
            (statement.s, statement.p, statement.o, record, quote.field, str(quote.start), str(quote.end), fact.rule)
        )
    )
    node = mint_under(trial, "evidence", key)
    yield node, A, _EVIDENCE
    yield node, _SUBJECT, statement.s
    yield node, _PREDICATE, statement.p
    yield node, _OBJECT if statement.o.startswith("<") else _VALUE, statement.o
    yield node, _WORDS, literal(quote.text)
    yield node, _START, integer(quote.start)
    yield node, _END, integer(quote.end)
    yield node, _FIELD, literal(quote.field)
    yield node, _RULE, literal(fact.rule or "record.field")
    yield node, _BASIS, load_vocabularies().node("basis", fact.basis)
    yield node, _RECORD, record
    if is_superseded:
        yield node, kg("superseded"), boolean(True)


def write_statements(statements: Iterable[Statement], trial: str, record: str) -> list[str]:
    """Statements, and a node of evidence for each that rests on prose, as sorted N-Quads lines."""
    end = f" {record} .\n"
    held = list(statements)
    lines = {f"{one.s} {one.p} {one.o}{end}" for one in held}
    for one in held:
        if (fact := one.fact) is not None and fact.rule:
            lines.update([f"{s} {p} {o}{end}" for s, p, o in write_evidence(one, trial, record)])
    return sorted(lines)


def to_triple(line: str) -> str:
    """An N-Quads line of ours without its graph.

    >>> to_triple('<s:s> <p:p> "a <x> ." <g:g> .').strip()
    '<s:s> <p:p> "a <x> ." .'
    """
    head, _, _ = line.rpartition(" <")
    return head + " .\n"
