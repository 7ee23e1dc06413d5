"""OpenAPI description, made of the operations and the types that they use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from anomaly import __version__
from anomaly.web.api.operation import PATH_PATTERNS, PREFIX, Operation
from anomaly.web.api.schemas.error import Refusal
from anomaly.web.security.authentication import COOKIE

_REFERENCE = "#/components/schemas/{model}"
_USUAL = (400, 401, 403, 404, 408, 413, 414, 421, 422, 429, 503)
_WORDS = {
    400: "the request cannot be read",
    401: "nobody is logged in",
    403: "the caller may not, or the action has no CSRF token, or another site sent it",
    404: "there is nothing of this name",
    408: "the body did not arrive in time",
    409: "it does not fit the state of things",
    413: "the body is too long",
    414: "the address is too long",
    415: "the body has another media type",
    421: "the server has another name",
    422: "a value cannot be used; the message names it",
    424: "another program or device did not answer",
    429: "too many requests; try again after Retry-After",
    503: "the database cannot be used now",
}


def description(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of the operations."""
    inputs = [model for one in operations for model in (one.query, one.body) if model is not None]
    results: list[type[BaseModel]] = [one.result for one in operations if not isinstance(one.result, str)]
    pairs: list[tuple[type[BaseModel], Any]] = [(model, "validation") for model in dict.fromkeys(inputs)]
    results.append(Refusal)
    pairs += [(model, "serialization") for model in dict.fromkeys(results)]
    schemas, shared = models_json_schema(pairs, ref_template=_REFERENCE, schema_generator=GenerateJsonSchema)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(PREFIX + one.path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "anomaly",
            "version": __version__,
            "description": "Machines, scores, cases, clips, models and jobs of a site.",
        },
        "paths": paths,
        "components": {
            "schemas": shared.get("$defs", {}),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def _operation(one: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    right = "nobody needs a right" if one.right is None else f"needs the right `{one.right.value}`"
    found: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "description": right,
        "tags": list(one.tags),
        "parameters": [*map(_path_parameter, one.parameters), *_query_parameters(one, schemas)],
        "responses": {str(one.status): _success(one, schemas), **_refusals(one, schemas)},
        "security": [] if one.right is None else [{"token": []}, {"session": []}],
    }
    if one.body is not None:
        content = {"application/json": {"schema": schemas[one.body, "validation"]}}
        found["requestBody"] = {"content": content}
    if one.upload is not None:
        schema = {"type": "string", "contentMediaType": one.upload}
        found["requestBody"] = {"required": True, "content": {one.upload: {"schema": schema}}}
    return found


def _path_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": f"^{PATH_PATTERNS[name]}$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(one: Operation, schemas: dict[Any, Any]) -> list[dict[str, Any]]:
    if one.query is None:
        return []
    schema = one.query.model_json_schema(ref_template=_REFERENCE)
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": value.get("description", ""),
            "schema": {key: item for key, item in value.items() if key != "description"},
        }
        for name, value in schema.get("properties", {}).items()
    ]


def _success(one: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    if isinstance(one.result, str):
        return {"description": one.summary, "content": {one.result: {"schema": {"type": "string"}}}}
    schema = schemas[one.result, "serialization"]
    return {"description": one.summary, "content": {"application/json": {"schema": schema}}}


def _refusals(one: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schemas[Refusal, "serialization"]}}
    statuses = sorted({*_USUAL, *one.refusals, *((415,) if one.body or one.upload else ())})
    return {str(status): {"description": _WORDS[status], "content": content} for status in statuses}
