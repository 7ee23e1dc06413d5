"""Endpoint of an operation: checks the caller and the input, runs the handler, and writes the answer."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from anomaly.errors import AnomalyError
from anomaly.store.database.database_error import DatabaseError
from anomaly.web.api.operation import PATH_PATTERNS, Call, Operation
from anomaly.web.errors import ApiError, refusal_of
from anomaly.web.security.guard import BodyTooLarge
from anomaly.web.security.identity import Identity
from anomaly.web.services import Services

_LOG = logging.getLogger(__name__)
# A body of at most 64 KiB that takes longer is sent to hold the server up.
_BODY_S = 10.0
_PATTERNS = {name: re.compile(pattern) for name, pattern in PATH_PATTERNS.items()}
_RETRY_AFTER_S = 5.0


def endpoint(operation: Operation, services: Services) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of an operation for Starlette."""

    async def answer(request: Request) -> Response:
        identity: Identity | None = None
        try:
            identity = await run_in_threadpool(_identified, services, request)
            _check_right(operation, services, request, identity)
            response = await _carried_out(operation, services, request, identity)
        except Exception as error:
            response = _refused(error)
        _note(operation, services, request, identity, response.status_code)
        return response

    return answer


def refusal_response(error: ApiError) -> Response:
    """Return the answer to a request that is refused."""
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    content = {"status": error.status, "message": error.message, "hint": error.hint}
    return JSONResponse({"error": content}, error.status, headers)


def _identified(services: Services, request: Request) -> Identity | None:
    """Return who calls; None for nobody who is known.

    Raises:
        ApiError: a page of another site calls.
    """
    services.authentication.check_origin(request)
    return services.authentication.identify(request)


def _check_right(
    operation: Operation, services: Services, request: Request, identity: Identity | None
) -> None:
    """Check that the caller may do this.

    Raises:
        ApiError: the caller may not.
    """
    if operation.right is None:
        return
    if identity is None:
        raise ApiError(401, "log in first", "POST /api/v1/login, or a token in the header Authorization")
    services.authentication.check_action(request, identity)
    if operation.right not in identity.rights:
        raise ApiError(
            403, f"{identity.name} has not the right {operation.right.value!r}", "ask an administrator"
        )


async def _carried_out(
    operation: Operation, services: Services, request: Request, identity: Identity | None
) -> Response:
    path = {name: str(request.path_params[name]) for name in operation.parameters}
    for name, value in path.items():
        if not _PATTERNS[name].fullmatch(value):
            raise ApiError(404, f"there is no such {name}")
    query = None if operation.query is None else _parsed_query(operation.query, request)
    body = None if operation.body is None else await _parsed_body(operation.body, request)
    call = Call(services, identity, request, path, query, body)
    if inspect.iscoroutinefunction(operation.handler):
        result: Any = await operation.handler(call)
    else:
        result = await run_in_threadpool(operation.handler, call)
    if isinstance(result, Response):
        return result
    assert isinstance(result, BaseModel)
    content = await run_in_threadpool(partial(result.model_dump_json, by_alias=True))
    return Response(content, operation.status, media_type="application/json")


def _parsed_query(model: type[BaseModel], request: Request) -> BaseModel:
    given = request.query_params.multi_items()
    values = dict(given)
    if len(values) != len(given):
        raise ApiError(422, "a parameter stands twice in the address")
    unknown = values.keys() - {field.alias or name for name, field in model.model_fields.items()}
    if unknown:
        raise ApiError(422, f"there is no parameter {sorted(unknown)[0]!r}")
    return model.model_validate(values)


async def _parsed_body(model: type[BaseModel], request: Request) -> BaseModel:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    content = await asyncio.wait_for(request.body(), _BODY_S)
    if media_type != "application/json" and (content or media_type):
        raise ApiError(415, "the body is no JSON", "send Content-Type: application/json")
    return model.model_validate_json(content or b"{}")


def _refused(error: Exception) -> Response:
    """Return the answer to an error; what nobody has foreseen is logged."""
    if isinstance(error, ApiError):
        return refusal_response(error)
    if isinstance(error, DatabaseError):
        _LOG.warning("the database cannot be used: %s", error)
        words = "the database cannot be used now"
        return refusal_response(ApiError(503, words, "try again", retry_after_s=_RETRY_AFTER_S))
    if isinstance(error, AnomalyError):
        return refusal_response(refusal_of(error))
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return refusal_response(ApiError(422, f"{place}: {first['msg']}" if place else str(first["msg"])))
    if isinstance(error, BodyTooLarge):
        return refusal_response(ApiError(413, "the body is too long"))
    if isinstance(error, TimeoutError):
        return refusal_response(ApiError(408, "the body did not arrive in time"))
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)
    _LOG.error("a request failed", exc_info=error)
    return refusal_response(ApiError(500, "this is a bug in anomaly", "see the log of the server"))


def _note(
    operation: Operation, services: Services, request: Request, identity: Identity | None, status: int
) -> None:
    refused = status in (401, 403) and operation.method != "GET"
    if not (refused or (operation.is_logged and identity is not None)):
        return
    who = "nobody" if identity is None else identity.name
    address = request.client.host if request.client else ""
    services.audit.add(who, operation.name, address=address, status=status, **dict(request.path_params))
