"""Operations: the site, logging in and out."""

from __future__ import annotations

import socket

from starlette.responses import JSONResponse, Response

from anomaly import __version__
from anomaly.web.api.operation import Call, Operation
from anomaly.web.api.schemas.base import Done
from anomaly.web.api.schemas.site import LoggedIn, Login, SiteFacts, UserFacts
from anomaly.web.errors import ApiError
from anomaly.web.security.authentication import COOKIE, token_digest
from anomaly.web.security.identity import Identity, Right
from anomaly.web.security.sessions import SESSION_S

LANGUAGES = ["en", "de"]


def site(call: Call) -> SiteFacts:
    """Return the site and the user."""
    found = call.services.access
    return SiteFacts(
        name=socket.gethostname() if found.file is None else found.file.absolute().parent.name,
        version=__version__,
        node=socket.gethostname(),
        languages=LANGUAGES,
        language=found.site.language,
        user=_facts(call.identity),
        csrf=call.services.authentication.csrf_token(call.identity),
    )


def login(call: Call) -> Response:
    """Begin a session."""
    given, services = call.body, call.services
    address = call.request.client.host if call.request.client else ""
    keys = (f"user {given.name}", f"address {address}")
    wait_s = services.throttle.wait_s(*keys)
    if wait_s > 0:
        raise ApiError(429, "too many wrong passwords", "wait, then try again", retry_after_s=wait_s)
    identity, token = _verified(call, given)
    if identity is None:
        services.throttle.failed(*keys)
        services.audit.add(given.name or "nobody", "login", address=address, status=401)
        raise ApiError(401, "name and password do not belong together")
    services.throttle.succeeded(*keys)
    sessions = services.authentication.sessions
    if old := call.request.cookies.get(COOKIE):
        sessions.end(old)  # a session that somebody else may have put there
    cookie = sessions.begin(identity.name, token)
    services.audit.add(identity.name, "login", address=address, status=200)
    answer = LoggedIn(user=_facts(identity), csrf=sessions.csrf_token(cookie))
    response = Response(answer.model_dump_json(), media_type="application/json")
    secure = services.settings.is_secure
    response.set_cookie(
        COOKIE, cookie, max_age=int(SESSION_S), path="/", secure=secure, httponly=True, samesite="strict"
    )
    return response


def logout(call: Call) -> Response:
    """End the session."""
    if cookie := call.request.cookies.get(COOKIE):
        call.services.authentication.sessions.end(cookie)
    response = JSONResponse(Done().model_dump())
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


def _verified(call: Call, given: Login) -> tuple[Identity | None, str]:
    """Return the identity that name and password, or a token, belong to, and the digest of that token."""
    services = call.services
    if given.token:
        return services.authentication.token_identity(given.token), token_digest(given.token)
    user = services.users.verified(given.name, given.password)
    return (None if user is None else Identity(given.name, user.role, user.listen, "session")), ""


def _facts(identity: Identity) -> UserFacts:
    rights = [right for right in Right if right in identity.rights]
    return UserFacts(name=identity.name, role=identity.role, rights=rights, way=identity.way)


SITE_OPERATIONS = (
    Operation("GET", "/site", "site", "The site and the user of this request", Right.VIEW, site, SiteFacts),
    Operation(
        "POST",
        "/login",
        "login",
        "Begin a session with a cookie",
        None,
        login,
        LoggedIn,
        body=Login,
        logged=False,
    ),
    Operation("POST", "/logout", "logout", "End the session", Right.VIEW, logout, Done),
)
