"""The card as a JSON Schema (draft 2020-12), from the fields that the ontology declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kg.fields import Field, load_fields
from kg.vocabularies import load_vocabularies

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Schema = {"type": "string", "minLength": 1}
_DATE: Schema = {"type": "string", "pattern": r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$"}
_COUNTS = ("enrollment", "number_of_arms", "number_of_sites")
"""Keys of numbers that are never below 0."""
_OPERATORS = ("<", "<=", ">", ">=", "=", "range")
_KINDS: dict[str, Schema] = {
    "string": _TEXT,
    "integer": {"type": "integer"},
    "decimal": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": _DATE,
    "organisation": _TEXT,
    "record": _TEXT,
    "part": _TEXT,
}
"""Values by the kind of their field; of a thing without keys of its own its label is shown."""
_RECORD = {"file": _TEXT, "format": _TEXT, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "iri": _TEXT}
_EVIDENCE = {
    "about": {"type": "string", "description": "Dotted path in this card"},
    "value": {"description": "What stands at the path"},
    "quote": {"type": "string", "description": "Exact words of the record"},
    "field": {"type": "string", "description": "Dotted path of a string in the record; text for a page"},
    "start": {"type": "integer", "minimum": 0, "description": "First code point in the field"},
    "end": {"type": "integer", "minimum": 0, "description": "One past the last"},
    "rule": {"type": "string", "description": "Rule that read it; empty for a copied value"},
}


def make_schema(definitions: str = "#/$defs/") -> Schema:
    """The schema of a card: closed objects, and every key there even where its value is null.

    :param definitions: What stands before the name of a vocabulary in references.
    """
    schema = _close(_describe_group("", definitions) | _describe_rest(definitions))
    defs = {name: _list_terms(name) for name in _list_schemes()}
    return {"$schema": DIALECT, "title": "Trial card", **schema, "$defs": defs}


def _describe_group(group: str, definitions: str) -> Schema:
    """Keys of the things under a card key, with what may stand there."""
    fields = load_fields()
    found: Schema = {}
    if name := fields.name_keys.get(fields.class_of(group)):
        found[name] = _may_be_null(_TEXT) | {"description": "Name as the record gives it"}
    for key, several in fields.of_group(group).items():
        path = f"{group}.{key}" if group else key
        found |= _VIEWS[path](definitions) if path in _VIEWS else {key: _describe_key(path, several, definitions)}
    return found | _ADDED.get(group, {})


def _describe_key(path: str, fields: Sequence[Field], definitions: str) -> Schema:
    if not fields:
        return _may_be_null(_close(_describe_group(path, definitions)))
    field = fields[0]
    told = {"description": field.definition}
    if load_fields().of_group(path):
        return {"type": "array", "items": _close(_describe_group(path, definitions)), **told}
    value = _refer(field, definitions) if field.kind == "term" else _KINDS[field.kind]
    if path in _COUNTS:
        value = {**value, "minimum": 0}
    if len(fields) > 1 and field.kind != "term":
        several = {"type": "array", "items": value, "minItems": 2}
        if len(fields) == len(("low", "high")):
            several["maxItems"] = 2
        return {"oneOf": [{"type": "null"}, value, several], **told}
    if not field.is_many:
        return _may_be_null(value) | told
    return {"type": "array", "items": value, **({"uniqueItems": True} if field.kind == "term" else {}), **told}


def _describe_rest(definitions: str) -> Schema:
    """Keys that the card fills by itself."""
    conflict = _close({"value": {}, "record": _TEXT})
    evidence = _close({**_EVIDENCE, "basis": _refer(load_fields().find("sourceBasis"), definitions), "record": _TEXT})
    return {
        "file": _may_be_null(_TEXT),
        "trial": {"type": "string", "description": "IRI of the trial"},
        "conflicts": {
            "type": "array",
            "items": _close(
                {"key": _TEXT, "of": _TEXT, "values": {"type": "array", "items": conflict, "minItems": 2}}, "of"
            ),
        },
        "records": {"type": "array", "items": _close({**_RECORD, "updated": _may_be_null(_TEXT)})},
        "evidence": {"type": "array", "items": evidence},
        "not_stated": {"type": "array", "items": _TEXT, "uniqueItems": True},
    }


def _close(properties: Schema, *optional: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(set(properties) - set(optional)),
        "additionalProperties": False,
    }


def _may_be_null(schema: Schema) -> Schema:
    return {"oneOf": [{"type": "null"}, schema]}


def _refer(field: Field, definitions: str) -> Schema:
    return {"$ref": f"{definitions}{field.scheme}"}


def _list_schemes() -> list[str]:
    return sorted({one.scheme for one in load_fields().all if one.scheme})


def _list_terms(scheme: str) -> Schema:
    return {"enum": sorted(load_vocabularies().scheme(scheme))}


def _describe_cell_source(definitions: str) -> Schema:
    field = load_fields().find("cellSource")
    term = _refer(field, definitions)
    return {
        "cell_source": {"oneOf": [{"type": "null"}, {"const": "both"}, term], "description": field.definition},
        "cell_source_detail": _may_be_null(term) | {"description": "The narrower term, where one is told"},
    }


def _describe_site_status(definitions: str) -> Schema:
    field = load_fields().find("siteStatus")
    term = _refer(field, definitions)
    several = {"type": "array", "items": term, "minItems": 2}
    return {"oneOf": [{"type": "null"}, term, several], "description": field.definition}


_VIEWS = {
    "file": lambda _: {},
    "records": lambda _: {},
    "not_stated": lambda _: {},
    "brief_summary": lambda _: {"brief_summary": _may_be_null(_TEXT)},
    "criteria.negated": lambda _: {"negated": {"type": "boolean", "description": "Whether absence is asked for"}},
    "criteria.op": lambda _: {"op": {"enum": [None, *_OPERATORS], "description": "How the value is compared"}},
    "sites.status": lambda definitions: {"status": _describe_site_status(definitions)},
    "interventions.targets": lambda definitions: {
        "targets": {"type": "array", "items": _refer(load_fields().find("antigen"), definitions)}
    },
    "interventions.target_as_written": lambda _: {
        "target_as_written": {"oneOf": [{"type": "null"}, _TEXT, {"type": "array", "items": _TEXT, "minItems": 2}]}
    },
    "interventions.cell_source": _describe_cell_source,
}
"""By card key: what `kg.cards.views` shows there."""
_ADDED: dict[str, Schema] = {
    "sites": {
        "latitude": {"type": ["number", "null"], "minimum": -90, "maximum": 90},
        "longitude": {"type": ["number", "null"], "minimum": -180, "maximum": 180},
    },
    "not_targets": {"quote": {"type": ["string", "null"]}},
}
