"""Authentication of requests, and the proof that an action comes from our own pages."""

from __future__ import annotations

import getpass
import hashlib
from urllib.parse import urlsplit

from starlette.requests import Request

from anomaly.web.errors import ApiError
from anomaly.web.security.identity import Identity, Role
from anomaly.web.security.sessions import SessionStore
from anomaly.web.security.tokens import TokenFile
from anomaly.web.security.users import UserFile
from anomaly.web.settings import WebSettings

COOKIE = "anomaly_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER = "bearer "
_LOCAL_SESSION = "local"
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class Authentication:
    """Finds out who sends a request.

    Args:
        settings: of the server.
        users: with passwords.
        tokens: of programs.
        sessions: of people who have logged in.
    """

    def __init__(
        self, settings: WebSettings, users: UserFile, tokens: TokenFile, sessions: SessionStore
    ) -> None:
        self._settings, self._users, self._tokens = settings, users, tokens
        self.sessions = sessions

    @property
    def is_open(self) -> bool:
        """True while nobody needs to log in: there are no users and no tokens, and only this computer is served."""
        return not (self._settings.is_open_to_others or self._tokens.identities or self._users.users())

    def identify(self, request: Request) -> Identity | None:
        """Return who sends a request; None for nobody who is known.

        Raises:
            ApiError: a proxy stands before a server without users.
        """
        header = request.headers.get("authorization")
        if header is not None:
            token = header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""
            return self._tokens.identity(token)
        cookie = request.cookies.get(COOKIE)
        if cookie and (found := self._of_session(cookie)) is not None:
            return found
        if not self.is_open:
            return None
        if any(name in request.headers for name in _PROXY_HEADERS):
            raise ApiError(
                403,
                "a proxy stands before a server without users",
                "add a user with `anomaly serve users add`, and name the proxy's address with --url",
            )
        return Identity(_account(), Role.ADMIN, True, "local", _LOCAL_SESSION)

    def token_identity(self, token: str) -> Identity | None:
        """Return the owner of a token."""
        return self._tokens.identity(token)

    def csrf_token(self, identity: Identity) -> str | None:
        """Return the token that the identity's actions must bring along; None where none is needed."""
        return None if identity.way == "token" else self.sessions.csrf_token(identity.session)

    def check_action(self, request: Request, identity: Identity) -> None:
        """Check that an action comes from our own pages, or from a program with a token.

        Raises:
            ApiError: it does not.
        """
        if request.method in _SAFE or identity.way == "token":
            return
        given = request.headers.get(CSRF_HEADER, "")
        if not self.sessions.is_csrf_token(identity.session, given):
            hint = "send the `csrf` of GET /api/v1/site in the header X-CSRF-Token"
            raise ApiError(403, "the action has no valid CSRF token", hint)

    def check_origin(self, request: Request) -> None:
        """Check that a request was not made by a page of another site.

        Raises:
            ApiError: it was.
        """
        origin = request.headers.get("origin")
        own = {f"{request.url.scheme}://{request.headers.get('host', '')}".lower()}
        if self._settings.url is not None:
            parts = urlsplit(self._settings.url)
            own.add(f"{parts.scheme}://{parts.netloc}".lower())
        if origin is not None and origin.lower() not in own:
            raise ApiError(403, "the request comes from a page of another site")
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise ApiError(403, "the request comes from a page of another site")

    def _of_session(self, cookie: str) -> Identity | None:
        session = self.sessions.find(cookie)
        if session is None:
            return None
        if session.token:
            for digest, identity in self._tokens.identities:
                if digest.hex() == session.token:
                    return Identity(identity.name, identity.role, identity.listen, "session", cookie)
            return None
        # Looked up each time: a role that was taken away is gone at once.
        user = self._users.users().get(session.name)
        return None if user is None else Identity(session.name, user.role, user.listen, "session", cookie)


def token_digest(token: str) -> str:
    """Return the name under which a session keeps the token that it was begun with."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an account for this user number
        return "local"
