"""Statements as N-Quads lines, with a node of evidence for each that rests on prose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kg.rdf.statements import A, Statement
from kg.terms import boolean, hash_key, integer, kg, literal, mint_under
from kg.vocabularies import load_vocabularies


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
    yield node, A, kg("Evidence")
    yield node, kg("subject"), statement.s
    yield node, kg("predicate"), statement.p
    yield node, kg("object") if statement.o.startswith("<") else kg("objectValue"), statement.o
    yield node, kg("exactWords"), literal(quote.text)
    yield node, kg("start"), integer(quote.start)
    yield node, kg("end"), integer(quote.end)
    yield node, kg("field"), literal(quote.field)
    yield node, kg("rule"), literal(fact.rule or "record.field")
    yield node, kg("basis"), load_vocabularies().node("basis", fact.basis)
    yield node, kg("fromRecord"), record
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
