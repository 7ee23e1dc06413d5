"""Guard before all routes: names of this server, headers of answers, and limits of requests."""

from __future__ import annotations

import ipaddress
import json
import math
import socket
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anomaly.web.security.limits import RateLimit
from anomaly.web.settings import LOOPBACK_NAMES, WebSettings, is_loopback

UPLOAD_PATH = "/api/v1/score"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
}
_LARGEST_PATH = 2_048


class BodyTooLarge(Exception):  # noqa: N818 - a state of the request, which its operation turns into 413
    """The body of a request is longer than it may be."""


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        settings: of the server.
    """

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app, self._settings = app, settings
        self._names = _own_names(settings)
        limits = settings.limits
        self._rate = RateLimit(limits.per_s, limits.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # a WebSocket, of which there are none
        guarded = _with_headers(send, api=scope["path"].startswith("/api/"), tls=self._settings.is_secure)
        headers = {name.lower(): value for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(guarded, *refusal)
            return
        await self._app(scope, self._limited(scope, receive), guarded)

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, str, float] | None:
        """Return status, words and waiting time of a request that is refused here."""
        if not self._is_own_name(headers.get(b"host", b"").decode("latin-1")):
            return 421, "this server has another name: name it with --url", 0.0
        if len(scope["path"]) > _LARGEST_PATH or len(scope.get("query_string", b"")) > _LARGEST_PATH:
            return 414, "the address is too long", 0.0
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > self._largest(scope):
            return 413, "the body is too long", 0.0
        client = scope.get("client") or ("", 0)
        wait_s = self._rate.take(str(client[0]))
        return None if wait_s == 0 else (429, "too many requests from this address", wait_s)

    def _largest(self, scope: Scope) -> int:
        limits = self._settings.limits
        return limits.upload_bytes if scope["path"] == UPLOAD_PATH else limits.body_bytes

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        largest, received = self._largest(scope), 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > largest:
                raise BodyTooLarge
            return message

        return limited

    def _is_own_name(self, host: str) -> bool:
        """Return whether a page of another name, which resolves to this address, cannot have sent the request."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        # An address cannot be made to point elsewhere.
        return self._settings.is_open_to_others or address.is_loopback


def _own_names(settings: WebSettings) -> frozenset[str]:
    names = {*LOOPBACK_NAMES, settings.host.lower()}
    if settings.url is not None:
        names.add((urlsplit(settings.url).hostname or "").lower())
    if not is_loopback(settings.host):
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(names - {""})


def _with_headers(send: Send, *, api: bool, tls: bool) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            added = dict(_HEADERS)
            if api:
                added[b"cache-control"] = b"no-store"
            if tls:
                added[b"strict-transport-security"] = b"max-age=31536000"
            message["headers"] = [
                *message["headers"],
                *((name, value) for name, value in added.items() if name not in present),
            ]
        await send(message)

    return guarded


async def _refuse(send: Send, status: int, words: str, wait_s: float) -> None:
    body = json.dumps({"error": {"status": status, "message": words, "hint": None}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if wait_s:
        headers.append((b"retry-after", str(math.ceil(wait_s)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
