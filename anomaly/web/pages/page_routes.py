"""Routes of the pages and of the files that they load."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from anomaly.web.pages.shell import page_shell
from anomaly.web.pages.static_files import StaticFile, static_files

PAGES = {
    "/": "overview",
    "/login": "login",
    "/cases": "cases",
    "/cases/{case}": "case",
    "/machines/{machine}": "machine",
    "/machines/{machine}/trend": "trend",
    "/machines/{machine}/model": "model",
    "/system": "system",
    "/setup": "setup",
}
"""Path of each page, and the script that fills it."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""All that the pages need: nothing inline, nothing from elsewhere."""


def page_routes() -> list[Route]:
    """Return the routes of all pages, and of the static files."""
    pages = [Route(path, _page(name), name=f"page-{name}") for path, name in PAGES.items()]
    return [*pages, Route("/static/{path:path}", _static, name="static")]


def _page(name: str) -> Callable[[Request], Awaitable[Response]]:
    shell = page_shell(name)

    async def answer(request: Request) -> Response:
        return _response(request, shell)

    return answer


async def _static(request: Request) -> Response:
    found = static_files().get(request.path_params["path"])
    if found is None:
        return Response("no such file", status_code=404, media_type="text/plain")
    return _response(request, found)


def _response(request: Request, file: StaticFile) -> Response:
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(file.compressed, headers=headers, media_type=file.media_type)
    return Response(file.content, headers=headers, media_type=file.media_type)
