"""The OpenAPI document, from the headers of the stored queries."""

from __future__ import annotations

from typing import Any

from kg import __version__
from kg.cards.schemas import make_schema
from kg.queries import Parameter, StoredQuery, load_queries

_TYPES: dict[str, dict[str, Any]] = {
    "integer": {"type": "integer"},
    "decimal": {"type": "number"},
    "date": {"type": "string", "format": "date"},
    "boolean": {"type": "boolean"},
}
_COLUMNS = {"integer": "integer", "decimal": "number", "boolean": "boolean"}
_FAULTS = {"400": "Fault", "406": "Fault", "413": "Fault", "503": "Fault"}
_PAGING = (
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 100}},
    {"name": "offset", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 10**9, "default": 0}},
    {"name": "output", "in": "query", "schema": {"type": "string", "enum": ["json", "csv"]}},
)


def write_openapi(base: str) -> dict[str, Any]:
    """The document for a server at ``base``."""
    paths: dict[str, Any] = {
        "/health": {"get": _operation("health", "Whether the server can answer", (), {"type": "object"})},
        "/api/queries": {"get": _operation("queries", "The stored queries", (), {"type": "object"})},
        "/api/trials/{id}": {
            "get": _operation("trial", "The card of a trial", (_path_id(),), _refer("Card"), missing=True)
        },
        "/api/ask": {"get": _operation("ask", "A question in words", (_question(), *_PAGING), _rows({}), csv=True)},
    }
    for query in load_queries().values():
        paths[f"/api/queries/{query.name}"] = {"get": _describe_query(query)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "trialkg",
            "version": __version__,
            "summary": "Clinical trials of cell therapy, with the words of the record behind every answer",
        },
        "servers": [{"url": base}],
        "paths": paths,
        "components": {
            "responses": {
                "Fault": {
                    "description": "What is wrong, and how to mend it",
                    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Fault"}}},
                }
            },
            "schemas": {
                **_describe_card(),
                "Fault": {
                    "type": "object",
                    "required": ["status", "title"],
                    "properties": {
                        "status": {"type": "integer"},
                        "title": {"type": "string"},
                        "detail": {"type": "string"},
                    },
                }
            },
        },
    }


def _describe_card() -> dict[str, Any]:
    """The schema of a card, and those of the vocabularies that it names."""
    card = make_schema("#/components/schemas/term-")
    terms = card.pop("$defs")
    del card["$schema"]
    return {"Card": card, **{f"term-{name}": schema for name, schema in terms.items()}}


def _refer(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _describe_query(query: StoredQuery) -> dict[str, Any]:
    parameters = tuple(_describe_parameter(one) for one in query.parameters.values())
    described = _operation(query.name, query.title, (*parameters, *_PAGING), _rows(query.columns), csv=True)
    return {**described, "description": query.question, "tags": ["queries"]}


def _describe_parameter(parameter: Parameter) -> dict[str, Any]:
    note = parameter.note or (f"A term of {parameter.scheme}, by any of its names" if parameter.scheme else "")
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "schema": {"maxLength": 1_000, **_TYPES.get(parameter.type, {"type": "string"})},
    }
    if "maxLength" in described["schema"] and described["schema"]["type"] != "string":
        del described["schema"]["maxLength"]
    if note:
        described["description"] = note
    if parameter.example:
        described["example"] = parameter.example
    return described


def _rows(columns: dict[str, str]) -> dict[str, Any]:
    shown = {
        name: {"type": [_COLUMNS.get(kind, "string"), "null"], "description": kind} for name, kind in columns.items()
    }
    return {
        "type": "object",
        "required": ["total", "limit", "offset", "rows", "meta"],
        "properties": {
            "total": {"type": "integer", "minimum": 0},
            "limit": {"type": "integer"},
            "offset": {"type": "integer"},
            "rows": {"type": "array", "items": {"type": "object", "properties": shown}},
            "meta": {"type": "object"},
        },
    }


def _path_id() -> dict[str, Any]:
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        "description": "A registry id, another id of the trial, or the name of a record's file",
    }


def _question() -> dict[str, Any]:
    return {
        "name": "q",
        "in": "query",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 1_000},
        "example": "allogeneic CD123 trials",
    }


def _operation(
    name: str,
    summary: str,
    parameters: tuple[dict[str, Any], ...],
    schema: dict[str, Any],
    *,
    missing: bool = False,
    csv: bool = False,
) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    faults = {**_FAULTS, **({"404": "Fault"} if missing else {})}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        "responses": {
            "200": {"description": "The answer", "content": content},
            "304": {"description": "The client has it"},
            **{code: {"$ref": f"#/components/responses/{kind}"} for code, kind in sorted(faults.items())},
        },
    }
