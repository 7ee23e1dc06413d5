"""Requests that a dashboard must refuse: traversal, oversized, malformed, foreign, without rights, replayed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

# Ways out of a folder, as they are and encoded.
_TRAVERSALS = (
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "....//....//etc/passwd",
    "..\\..\\windows\\win.ini",
    "%00",
    "pump%00.wav",
    "/etc/passwd",
    "file:///etc/passwd",
    "~root",
)
_MALFORMED = (
    b"{",
    b"[]",
    b"nul",
    b'{"text": 1e999}',
    b"\xff\xfe",
    b'{"text": "\\ud800"}',
    b"[" * 5_000,
    b'{"note": {"a": []}}',
)
_WORDS = (
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "\r\nSet-Cookie: a=b",
    "A" * 5_000,
)
_READ = (
    "/machines/{}",
    "/machines/{}/scores",
    "/machines/{}/model",
    "/cases/{}",
    "/clips/{}.wav",
    "/clips/{}.png",
    "/jobs/{}",
)
_ACTIONS = ("acknowledge", "comment", "shelve", "unshelve", "assign", "close", "normal")


@dataclass(frozen=True)
class HostileRequest:
    """One request, and what is wrong with it."""

    kind: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True)
class Stolen:
    """Values that an attacker may have: a session that has ended, and one of a viewer with its CSRF token."""

    ended_cookie: str
    viewer_cookie: str
    viewer_csrf: str
    case: str


def hostile_requests(stolen: Stolen, count: int = 1_000, seed: int = 0) -> Iterator[HostileRequest]:
    """Yield so many requests of all kinds, in a random order."""
    rng = random.Random(seed)
    kinds = (_traversal, _oversized, _malformed, _foreign, _tokenless, _wrong_role, _replayed, _strange)
    for number in range(count):
        yield kinds[number % len(kinds)](rng, stolen)


def _json(cookie: str = "", csrf: str = "", **more: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json", **more}
    if cookie:
        headers["Cookie"] = f"anomaly_session={cookie}"
    if csrf:
        headers["X-CSRF-Token"] = csrf
    return headers


def _session(stolen: Stolen, **more: str) -> dict[str, str]:
    return _json(stolen.viewer_cookie, stolen.viewer_csrf, **more)


def _action(rng: random.Random, stolen: Stolen) -> str:
    others = [
        "/jobs",
        "/machines",
        "/machines/pump/model/activate",
        "/machines/pump/activate",
        "/sinks/none/test",
    ]
    actions = [f"/cases/{stolen.case}/{name}" for name in _ACTIONS]
    return "/api/v1" + rng.choice(actions + others)


def _traversal(rng: random.Random, stolen: Stolen) -> HostileRequest:
    way = rng.choice(_TRAVERSALS)
    path = rng.choice(["/static/" + way, *("/api/v1" + place.format(way) for place in _READ)])
    return HostileRequest("traversal", "GET", path, _session(stolen))


def _oversized(rng: random.Random, stolen: Stolen) -> HostileRequest:
    if rng.random() < 0.3:
        return HostileRequest("oversized", "GET", f"/api/v1/machines?{'a' * 3_000}=1", _session(stolen))
    body = b'{"note": "' + b"x" * rng.randint(66_000, 200_000) + b'"}'
    return HostileRequest("oversized", "POST", _action(rng, stolen), _session(stolen), body)


def _malformed(rng: random.Random, stolen: Stolen) -> HostileRequest:
    path = rng.choice(["/api/v1/login", _action(rng, stolen)])
    return HostileRequest("malformed", "POST", path, _session(stolen), rng.choice(_MALFORMED))


def _foreign(rng: random.Random, stolen: Stolen) -> HostileRequest:
    more = rng.choice(
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Host": "evil.example"},
            {"Host": "127.0.0.1.evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
        ]
    )
    return HostileRequest("foreign", "POST", _action(rng, stolen), _session(stolen, **more), b"{}")


def _tokenless(rng: random.Random, stolen: Stolen) -> HostileRequest:
    if rng.random() < 0.5:
        return HostileRequest(
            "tokenless", "GET", "/api/v1" + rng.choice(["/site", "/machines", "/cases", "/system"])
        )
    csrf = rng.choice(["", "0" * 64])
    return HostileRequest("tokenless", "POST", _action(rng, stolen), _json(stolen.viewer_cookie, csrf), b"{}")


def _wrong_role(rng: random.Random, stolen: Stolen) -> HostileRequest:
    if rng.random() < 0.3:
        return HostileRequest("wrong role", "GET", "/api/v1/clips/0123456789ab.wav", _session(stolen))
    return HostileRequest("wrong role", "POST", _action(rng, stolen), _session(stolen), b'{"note": ""}')


def _replayed(rng: random.Random, stolen: Stolen) -> HostileRequest:
    headers = _json(stolen.ended_cookie, stolen.viewer_csrf)
    if rng.random() < 0.5:
        return HostileRequest("replayed", "GET", "/api/v1/machines", headers)
    return HostileRequest("replayed", "POST", _action(rng, stolen), headers, b"{}")


def _strange(rng: random.Random, stolen: Stolen) -> HostileRequest:
    words = rng.choice(_WORDS).replace("\r\n", "%0d%0a")
    choices: Sequence[HostileRequest] = (
        HostileRequest("strange", "GET", f"/api/v1/cases?machine={_quoted(words)}", _session(stolen)),
        HostileRequest("strange", "GET", "/api/v1/machines/pump/scores?from=nan&to=inf", _session(stolen)),
        HostileRequest("strange", "DELETE", "/api/v1/machines/pump", _session(stolen)),
        HostileRequest(
            "strange", "GET", "/api/v1/machines", {"Authorization": f"Bearer {_quoted(words)[:200]}"}
        ),
        HostileRequest(
            "strange", "POST", "/api/v1/login", _json(), b'{"name": "admin", "password": "admin12345"}'
        ),
    )
    return rng.choice(choices)


def _quoted(words: str) -> str:
    from urllib.parse import quote

    return quote(words)
