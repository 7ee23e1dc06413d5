"""Pages and static files: what is served, with which headers, and what is not."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from anomaly.web.pages import page_routes
from anomaly.web.pages.page_routes import PAGES
from anomaly.web.pages.shell import imported_modules
from anomaly.web.pages.static_files import STATIC, static_files

INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|javascript:", re.IGNORECASE)
ELSEWHERE = re.compile(r"""["'(](?:https?:)?//(?!www\.w3\.org/2000/svg)""")
FIRST_PAGE_BYTES = 300_000


class Client:
    """Client of an application that has the pages only."""

    def __init__(self) -> None:
        self._app = Starlette(routes=list(page_routes()))

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return asyncio.run(self._get(path, headers))

    async def _get(self, path: str, headers: dict[str, str] | None) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
            return await client.get(path, headers=headers)


@pytest.fixture(scope="module")
def client() -> Client:
    return Client()


def address(path: str) -> str:
    return path.replace("{machine}", "pump").replace("{case}", "ab12")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_a_shell_with_its_script(client: Client, path: str) -> None:
    answer = client.get(address(path))
    assert answer.status_code == 200
    assert f'src="/static/js/pages/{PAGES[path]}.js"' in answer.text
    assert not INLINE.search(answer.text)
    assert "{" not in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_all_that_a_page_names_is_served(client: Client, path: str) -> None:
    for name in re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get(address(path)).text):
        assert client.get(name).status_code == 200, name


def test_the_first_page_is_small(client: Client) -> None:
    shell = client.get("/", headers={"Accept-Encoding": "gzip"})
    named = set(re.findall(r'(?:href|src)="/static/([^"]+)"', shell.text)) | {"text/en.json"}
    transferred = sum(len(static_files()[name].compressed) for name in named)
    assert transferred < FIRST_PAGE_BYTES / 4


def test_modules_that_are_imported_through_others_are_named(client: Client) -> None:
    modules = imported_modules("js/pages/overview.js")
    assert {"js/pages/overview.js", "js/charts/spark.js", "js/i18n.js"} <= set(modules)
    text = client.get("/").text
    assert all(f'"modulepreload" href="/static/{module}"' in text for module in modules)


def test_an_unchanged_file_is_not_sent_again(client: Client) -> None:
    first = client.get("/static/css/tokens.css")
    again = client.get("/static/css/tokens.css", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_a_browser_that_knows_no_gzip_gets_plain_bytes(client: Client) -> None:
    answer = client.get("/static/js/api.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.content == (STATIC / "js" / "api.js").read_bytes()


@pytest.mark.parametrize(
    "path", ["../pages/shell.py", "..%2fpages%2fshell.py", "%2e%2e/__init__.py", "/etc/passwd", "css", ""]
)
def test_other_files_are_not_served(client: Client, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


def own_files() -> list[Path]:
    return [path for path in sorted(STATIC.rglob("*")) if path.is_file() and "vendor" not in path.parts]


def test_nothing_is_loaded_from_elsewhere() -> None:
    found = own_files()
    assert len(found) > 40
    assert [path.name for path in found if ELSEWHERE.search(path.read_text(encoding="utf-8"))] == []


def test_scripts_never_set_markup() -> None:
    unsafe = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
    scripts = [path for path in own_files() if path.suffix == ".js"]
    assert [path.name for path in scripts if unsafe.search(path.read_text(encoding="utf-8"))] == []


def test_scripts_and_styles_stay_short() -> None:
    assert [
        path.name
        for path in own_files()
        if path.suffix in (".js", ".css") and len(path.read_text("utf-8").splitlines()) > 300
    ] == []
