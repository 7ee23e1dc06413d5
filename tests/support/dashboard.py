"""A dashboard on a site with a machine, scores and a case; no monitor runs."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from argon2 import PasswordHasher

from anomaly.alerts import DATABASE_NAME, Case, ScoreRow, Store, iso_utc
from anomaly.monitor.clips.files import ClipFacts, write_clip
from anomaly.store.clip_index import CLIPS_FOLDER
from anomaly.store.database.rows import ClipRow
from anomaly.web.app import build_app
from anomaly.web.security.identity import Role
from anomaly.web.settings import WebSettings

with warnings.catch_warnings():
    # Another package than httpx, which is not well known yet.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

CLIP_ID = "0123456789ab"
PASSWORD = "correct horse battery"
SITE = """
machines:
  pump: {device: "none", location: "Hall 2, line 4", display_name: Feed pump}
  fan: {source: "rtsp://user:secret@camera/audio"}
state_dir: state
models_dir: models
"""


@dataclass
class Dashboard:
    """A site and its server."""

    folder: Path
    settings: WebSettings
    client: TestClient
    case: Case

    def get(self, path: str, **options: Any) -> Any:
        """Body of a successful answer."""
        answer = self.client.get(f"/api/v1{path}", **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        """Body of the answer to an action with its CSRF token."""
        site = self.client.get("/api/v1/site").json()
        headers = {"X-CSRF-Token": site.get("csrf") or "", **options.pop("headers", {})}
        answer = self.client.post(f"/api/v1{path}", json=body or {}, headers=headers, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def login(self, name: str) -> None:
        """Log in as a user that `add_user` has made."""
        body = {"name": name, "password": PASSWORD}
        assert self.client.post("/api/v1/login", json=body).status_code == 200

    def add_user(self, name: str, role: str, *, listen: bool = False) -> None:
        self.client.app.state.services.users.add(name, PASSWORD, Role(role), listen=listen)  # type: ignore[attr-defined]


def fill(state: Path, now_s: float) -> Case:
    """Store ten minutes of scores, an open case and its clip."""
    state.mkdir(parents=True, exist_ok=True)
    with Store.open(state / DATABASE_NAME) as store:
        rows = [ScoreRow("pump", now_s - 600 + at, at, at % 5 + 0.5, 0.3, "OK") for at in range(600)]
        store.history.add_scores(rows)
        store.time_series.sum_up()
        suspect = {"low_hz": 3_000.0, "high_hz": 3_700.0, "deviation": 9.1}
        evidence = {"groups": [0.1, 9.1], "edges_hz": [0.0, 3_000.0, 8_000.0], "suspects": [suspect]}
        case = Case("pump", "machine", iso_utc(now_s - 60), "a tone", peak_score=9.1, evidence=evidence)
        store.cases.open(case)
        samples = np.sin(np.arange(16_000) / 7).astype(np.float32) * 0.5
        facts = ClipFacts(
            CLIP_ID, case.id, "pump", "full", now_s - 70, 16_000, 0, now_s - 60, "student", "", {}, False
        )
        folder = f"pump/{CLIP_ID}"
        size = write_clip(state / CLIPS_FOLDER / folder, facts, samples, None, b"\x89PNG picture")
        store.clips.add(ClipRow(CLIP_ID, case.id, "pump", now_s - 70, 1.0, "full", folder, size))
    return case


@pytest.fixture
def make_dashboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Dashboard]]:
    # Hashes that take no time; those of users are made to take some.
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("anomaly.web.security.users._hasher", lambda: quick)
    filled: list[Case] = []
    with ExitStack() as opened:

        def make(base_url: str = "http://127.0.0.1:8421", **options: Any) -> Dashboard:
            config = tmp_path / "site.yaml"
            if not config.exists():
                config.write_text(SITE)
                filled.append(fill(tmp_path / "state", time.time()))
            settings = WebSettings(config=config, data=tmp_path / "data", **options)
            client = TestClient(build_app(settings), base_url=base_url, raise_server_exceptions=False)
            return Dashboard(tmp_path, settings, opened.enter_context(client), filled[0])

        yield make


@pytest.fixture
def dashboard(make_dashboard: Callable[..., Dashboard]) -> Dashboard:
    """Dashboard of this computer alone, without users."""
    return make_dashboard()
