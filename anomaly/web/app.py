"""Application of the dashboard: guard, API, and the pages."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from anomaly.web.api.description import description
from anomaly.web.api.endpoint import endpoint, refusal_response
from anomaly.web.api.operation import PREFIX, Operation
from anomaly.web.api.operations import OPERATIONS
from anomaly.web.errors import ApiError
from anomaly.web.security.guard import Guard
from anomaly.web.services import Services, build_services
from anomaly.web.settings import WebSettings

_FALLBACK = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>anomaly</title><h1>anomaly</h1>"
    f'<p>The pages are not installed. The API is described at <a href="{PREFIX}/openapi.json">'
    f"{PREFIX}/openapi.json</a>.</p></html>"
)


def build_app(settings: WebSettings, services: Services | None = None) -> Starlette:
    """Return the application.

    Args:
        settings: of the server.
        services: in place of those of the settings.

    Raises:
        ConfigError: site file, users or tokens cannot be used, or nobody would have to log in.
    """
    own = build_services(settings) if services is None else services

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        own.monitors.start()
        yield
        await own.live.close()
        await run_in_threadpool(own.monitors.stop)

    app = Starlette(
        routes=[*_api_routes(own), *_page_routes()],
        middleware=[Middleware(Guard, settings=settings)],
        exception_handlers={HTTPException: _http_error, Exception: _bug},
        lifespan=lifespan,
    )
    app.state.services = own
    return app


def _api_routes(services: Services) -> list[BaseRoute]:
    routes = [_route(one, services) for one in OPERATIONS]
    content = description(OPERATIONS)

    async def openapi(request: Request) -> Response:
        return JSONResponse(content)

    return [*routes, Route(f"{PREFIX}/openapi.json", openapi, methods=["GET"])]


def _route(one: Operation, services: Services) -> Route:
    # Names of devices hold slashes and colons as `%2F`; all others are checked by their patterns.
    return Route(PREFIX + one.path, endpoint(one, services), methods=[one.method], name=one.name)


def _page_routes() -> list[BaseRoute]:
    try:
        pages: Any = importlib.import_module("anomaly.web.pages.page_routes")
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("anomaly.web.pages"):
            raise
        return [Route("/", _fallback)]
    found: list[BaseRoute] = pages.page_routes()
    return found


async def _fallback(request: Request) -> Response:
    return HTMLResponse(_FALLBACK)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = refusal_response(ApiError(error.status_code, str(error.detail)))
    response.headers.update(error.headers or {})
    return response


def _bug(request: Request, error: Exception) -> Response:
    return refusal_response(ApiError(500, "this is a bug in anomaly", "see the log of the server"))
