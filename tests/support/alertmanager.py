"""The real Prometheus Alertmanager on this computer, and a proxy before it that notes what it has taken."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.mqtt_broker import free_port
from support.waiting import wait_until

ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
PASSWORD = "a-secret-that-must-not-show"
# bcrypt of PASSWORD and of another one, with the least cost.
_HASH = "$2b$04$abcdefghijklmnopqrstuudt7UlayQtdJgGVA8lRaHHFpSk.na5j6"
_OTHER_HASH = "$2b$04$abcdefghijklmnopqrstuuW839tY81OgYwy4gFNdslinRlf6MvQ8m"


class Alertmanager:
    """Process of Alertmanager at a free port, with the account ``anomaly``."""

    def __init__(self, folder: Path) -> None:
        assert ALERTMANAGER is not None
        self.port = free_port()
        self._web = folder / "web.yml"
        self.accept_password()
        (folder / "alertmanager.yml").write_text(CONFIG)
        self._process = subprocess.Popen(
            [
                ALERTMANAGER,
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--web.config.file={self._web}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                f"--storage.path={folder / 'data'}",
                "--cluster.listen-address=",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._is_ready)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def accept_password(self) -> None:
        """Accept ``PASSWORD``; it reads the file at each request."""
        self._web.write_text(f"basic_auth_users: {{anomaly: '{_HASH}'}}\n")

    def refuse_password(self) -> None:
        """Accept another password alone."""
        self._web.write_text(f"basic_auth_users: {{anomaly: '{_OTHER_HASH}'}}\n")

    def firing(self, **labels: str) -> list[dict[str, Any]]:
        """Return the alerts that are not resolved and have these labels."""
        found = self._get("/api/v2/alerts").json()
        return [one for one in found if labels.items() <= one["labels"].items()]

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _is_ready(self) -> bool:
        try:
            return self._get("/-/ready").is_success
        except httpx.HTTPError:
            return False

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", auth=("anomaly", PASSWORD), trust_env=False)


class NotingProxy:
    """HTTP proxy before a server that notes the bodies of the requests that the server has confirmed."""

    def __init__(self, target: str) -> None:
        self.confirmed: list[Any] = []
        self.port = free_port()
        self._target = target
        self._server: ThreadingHTTPServer | None = None
        self.start()

    def start(self) -> None:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept = ("content-type", "authorization")
                headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
                answer = httpx.post(
                    f"{proxy._target}{self.path}", headers=headers, content=body, trust_env=False
                )
                if answer.is_success:
                    proxy.confirmed.append(json.loads(body))
                self.send_response(answer.status_code)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: Any) -> None:
                """Write nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="session")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """One Alertmanager for all tests: they use cases of their own."""
    if ALERTMANAGER is None:
        pytest.fail("there is no prometheus-alertmanager: apt-get install prometheus-alertmanager")
    started = Alertmanager(tmp_path_factory.mktemp("alertmanager"))
    yield started
    started.stop()


@pytest.fixture
def noting_proxy(alertmanager: Alertmanager) -> Iterator[NotingProxy]:
    alertmanager.accept_password()
    started = NotingProxy(alertmanager.url)
    yield started
    started.stop()
