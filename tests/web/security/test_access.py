"""Access: without users, with users, with tokens; and requests of other sites."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.errors import ConfigError
from anomaly.web.settings import Limits
from support.dashboard import CLIP_ID, PASSWORD, Dashboard

TOKEN = "0123456789abcdef0123456789abcdef"


def test_without_users_this_computer_is_the_administrator(dashboard: Dashboard) -> None:
    site = dashboard.get("/site")
    assert (site["user"]["role"], site["user"]["way"]) == ("admin", "local")


def test_other_computers_need_users(make_dashboard: Callable[..., Dashboard], tmp_path: Path) -> None:
    for options in ({"host": "0.0.0.0"}, {"url": "https://anomaly.plant.example"}):
        with pytest.raises(ConfigError, match="nobody would have to log in"):
            make_dashboard(**options)


def test_a_proxy_before_a_server_without_users_is_refused(dashboard: Dashboard) -> None:
    answer = dashboard.client.get("/api/v1/site", headers={"X-Forwarded-For": "10.0.0.1"})
    assert answer.status_code == 403


def test_log_in_and_out(dashboard: Dashboard) -> None:
    dashboard.add_user("anna", "operator")
    assert dashboard.client.get("/api/v1/machines").status_code == 401
    dashboard.login("anna")
    assert dashboard.get("/site")["user"] == {
        "name": "anna",
        "role": "operator",
        "rights": ["view", "act"],
        "way": "session",
    }
    cookie = dashboard.client.cookies["anomaly_session"]
    dashboard.post("/logout")
    dashboard.client.cookies.set("anomaly_session", cookie)
    assert dashboard.client.get("/api/v1/machines").status_code == 401


def test_the_cookie_cannot_be_read_or_sent_by_other_sites(make_dashboard: Callable[..., Dashboard]) -> None:
    dashboard = make_dashboard()
    dashboard.add_user("anna", "viewer")
    answer = dashboard.client.post("/api/v1/login", json={"name": "anna", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie


def test_the_cookie_is_secure_behind_tls(make_dashboard: Callable[..., Dashboard]) -> None:
    make_dashboard().add_user("anna", "viewer")
    found = make_dashboard("https://anomaly.plant.example", url="https://anomaly.plant.example")
    answer = found.client.post("/api/v1/login", json={"name": "anna", "password": PASSWORD})
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "strict-transport-security" in answer.headers


def test_sessions_survive_a_restart_and_end_with_their_user(make_dashboard: Callable[..., Dashboard]) -> None:
    first = make_dashboard()
    first.add_user("anna", "viewer")
    first.login("anna")
    second = make_dashboard()
    second.client.cookies = first.client.cookies
    assert second.get("/site")["user"]["name"] == "anna"
    second.client.app.state.services.users.remove("anna")  # type: ignore[attr-defined]
    second.add_user("bert", "viewer")
    assert second.client.get("/api/v1/site").status_code == 401


def test_wrong_passwords_must_wait(dashboard: Dashboard) -> None:
    dashboard.add_user("anna", "viewer")
    wrong = {"name": "anna", "password": "wrong password"}
    answers = [dashboard.client.post("/api/v1/login", json=wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 4 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) >= 1
    right = {"name": "anna", "password": PASSWORD}
    assert dashboard.client.post("/api/v1/login", json=right).status_code == 429


@pytest.mark.parametrize(
    ("role", "listen", "allowed"),
    [("viewer", False, set()), ("viewer", True, {"listen"}), ("operator", False, {"operate"})],
)
def test_rights(dashboard: Dashboard, role: str, listen: bool, allowed: set[str]) -> None:
    dashboard.add_user("anna", role, listen=listen)
    dashboard.login("anna")
    status = dashboard.client.get(f"/api/v1/clips/{CLIP_ID}.wav").status_code
    assert status == (200 if "listen" in allowed else 403)
    status = 200 if "operate" in allowed else 403
    dashboard.post(f"/cases/{dashboard.case.id}/acknowledge", status=status)


def test_actions_need_the_token_of_the_session(dashboard: Dashboard) -> None:
    path = f"/api/v1/cases/{dashboard.case.id}/acknowledge"
    assert dashboard.client.post(path, json={}).status_code == 403
    assert dashboard.client.post(path, json={}, headers={"X-CSRF-Token": "0" * 64}).status_code == 403
    dashboard.post(
        f"/cases/{dashboard.case.id}/acknowledge", headers={"Origin": "http://evil.example"}, status=403
    )
    dashboard.post(f"/cases/{dashboard.case.id}/acknowledge", headers={"Origin": "null"}, status=403)
    dashboard.post(
        f"/cases/{dashboard.case.id}/acknowledge", headers={"Sec-Fetch-Site": "cross-site"}, status=403
    )
    dashboard.post(f"/cases/{dashboard.case.id}/acknowledge", headers={"Origin": "http://127.0.0.1:8421"})


def test_other_names_of_the_server_are_refused(dashboard: Dashboard) -> None:
    statuses = {
        host: dashboard.client.get("/api/v1/site", headers={"Host": host}).status_code
        for host in ("localhost:8421", "127.0.0.1", "[::1]:8421", "evil.example", "10.0.0.1", "", "a b", "[")
    }
    assert {host for host, status in statuses.items() if status == 200} == {
        "localhost:8421",
        "127.0.0.1",
        "[::1]:8421",
    }


def test_tokens(make_dashboard: Callable[..., Dashboard], tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# programs\nhistorian viewer+listen {TOKEN}\n")
    file.chmod(0o600)
    found = make_dashboard("http://127.0.0.1:8421", token_file=file, host="0.0.0.0")
    assert found.client.get("/api/v1/site").status_code == 401
    headers = {"Authorization": f"Bearer {TOKEN}"}
    site = found.get("/site", headers=headers)
    assert (site["user"]["name"], site["user"]["way"], site["csrf"]) == ("historian", "token", None)
    wrong = {"Authorization": "Bearer wrong"}
    assert found.client.get("/api/v1/site", headers=wrong).status_code == 401
    assert found.client.post("/api/v1/login", json={"token": TOKEN}).status_code == 200
    assert found.get("/site")["user"] == {**site["user"], "way": "session"}


def test_a_token_file_that_others_may_read(make_dashboard: Callable[..., Dashboard], tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(TOKEN)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read it"):
        make_dashboard(token_file=file)
    file.chmod(0o600)
    file.write_text("short")
    with pytest.raises(ConfigError, match="fewer than 24 characters"):
        make_dashboard(token_file=file)


def test_headers_of_all_answers(dashboard: Dashboard) -> None:
    for path in ("/", "/api/v1/site", "/nothing", "/api/v1/machines/none"):
        headers = dashboard.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers
    assert dashboard.client.get("/api/v1/site").headers["cache-control"] == "no-store"


def test_actions_and_refusals_are_logged(dashboard: Dashboard) -> None:
    dashboard.add_user("anna", "viewer", listen=True)
    dashboard.login("anna")
    dashboard.post(f"/cases/{dashboard.case.id}/acknowledge", status=403)
    dashboard.client.get(f"/api/v1/clips/{CLIP_ID}.wav")
    file = dashboard.folder / "state/web/audit.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(row["who"], row["action"], row["status"]) for row in rows] == [
        ("anna", "login", 200),
        ("anna", "acknowledge_case", 403),
        ("anna", "clip_sound", 200),
    ]
    assert file.stat().st_mode & 0o077 == 0
    assert PASSWORD not in file.read_text()


def test_bodies_are_limited(dashboard: Dashboard) -> None:
    csrf = dashboard.get("/site")["csrf"]
    path = f"/api/v1/cases/{dashboard.case.id}/comment"
    headers = {"X-CSRF-Token": csrf, "Content-Type": "application/json"}
    big = b'{"text": "' + b"x" * 70_000 + b'"}'
    assert dashboard.client.post(path, content=big, headers=headers).status_code == 413
    parts = (big[at : at + 1_000] for at in range(0, len(big), 1_000))
    assert dashboard.client.post(path, content=parts, headers=headers).status_code == 413
    plain = {**headers, "Content-Type": "text/plain"}
    assert dashboard.client.post(path, content=b"{}", headers=plain).status_code == 415


def test_requests_of_one_address_are_limited(make_dashboard: Callable[..., Dashboard]) -> None:
    found = make_dashboard(limits=Limits(per_s=1.0, burst=5.0))
    statuses = [found.client.get("/api/v1/site").status_code for _ in range(8)]
    assert statuses == [200] * 5 + [429] * 3
