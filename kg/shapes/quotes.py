"""Whether every quote stands in its record: what SHACL Core cannot say, because a record is no graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from kg.shapes.judges import Found
from kg.shapes.lenses import unescape
from kg.shapes.parts import A, Part
from kg.terms import kg, literal

QUOTE = "evidence-quote"
"""Name under which a quote is reported that its record does not hold."""
_EVIDENCE = kg("Evidence")
_PARTS = tuple((name, kg(name)) for name in ("exactWords", "start", "end", "field", "fromRecord"))

ReadText = Callable[[str], str | None]
"""The text of a record by its IRI (N-Triples); None where there is none."""


def check_quotes(part: Part, read_text: ReadText) -> Iterator[Found]:
    """Evidence whose words do not stand in the record at the place that it names."""
    by_record: dict[str, list[tuple[str, dict[str, str]]]] = defaultdict(list)
    for node, described in part.nodes.items():
        if _EVIDENCE in described.get(A, ()) or kg("exactWords") in described:
            quote = {name: value for name, predicate in _PARTS for value in described.get(predicate, ())[:1]}
            if len(quote) == len(_PARTS):  # missing parts are the shapes' business
                by_record[quote["fromRecord"]].append((node, quote))
    for record, quotes in sorted(by_record.items()):
        text = read_text(record)
        fields = None if text is None else _Fields(text)
        for node, quote in quotes:
            read = {name: _read(value) for name, value in quote.items()}
            fault = "The record of the quote is not in the snapshot." if fields is None else find_fault(read, fields)
            if fault:
                yield Found(node, QUOTE, "Quote", literal(read["exactWords"]), fault)


def _read(value: str) -> str:
    text = value[1 : value.rindex('"')] if value[0] == '"' else value
    return unescape(text) if "\\" in text else text


class _Fields:
    """A record's text, decoded once when a field of it is asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree: Any = None
        self.known: dict[str, str | None] = {"text": text}

    def read(self, field: str) -> str | None:
        """The string at a field; a number or flag as JSON writes it; None where there is nothing."""
        if field not in self.known:
            self.known[field] = self._read(field)
        return self.known[field]

    def _read(self, field: str) -> str | None:
        if self.tree is None:
            try:
                self.tree = msgspec.json.decode(self.text.lstrip("\ufeff"))
            except (msgspec.DecodeError, RecursionError):
                return None
        node = self.tree
        for step in field.split("."):
            if isinstance(node, list) and step.isdecimal() and int(step) < len(node):
                node = node[int(step)]
            elif isinstance(node, dict) and step in node:
                node = node[step]
            else:
                return None
        return node if isinstance(node, str) else msgspec.json.encode(node).decode()


def find_fault(quote: Mapping[str, str], fields: _Fields) -> str:
    """Why a quote cannot be read again at its place, or nothing."""
    if not quote["start"].isdecimal() or not quote["end"].isdecimal():
        return ""
    words = fields.read(quote["field"])
    if words is None:
        return f"The record has no field {quote['field']}."
    if words[int(quote["start"]) : int(quote["end"])] != quote["exactWords"]:
        return f"The words do not stand in the record at {quote['field']} from {quote['start']} to {quote['end']}."
    return ""
