"""Operation of the API: method, path, who may call it, what goes in and what comes out."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from anomaly.web.security.identity import Identity, Right

if TYPE_CHECKING:
    from anomaly.web.services import Services

PREFIX = "/api/v1"
# Names that stand in paths; whatever else is asked for is not found.
PATH_PATTERNS = {
    "machine": r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}",
    "case": r"[0-9a-f]{4,32}",
    "clip": r"[0-9a-f]{12}",
    "job": r"[0-9a-f]{16}",
    "sink": r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}",
    "device": r"[^/]{1,200}",
}
_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Call:
    """One call of an operation, checked.

    Args:
        services: of the server.
        caller: who calls; None where anybody may, and nobody is known.
        request: of HTTP.
        path: names in the path.
        query: parameters, an instance of the operation's ``query``.
        body: an instance of the operation's ``body``.
    """

    services: Services
    caller: Identity | None
    request: Request
    path: Mapping[str, str]
    query: Any = None
    body: Any = None

    @property
    def identity(self) -> Identity:
        """Caller of an operation that not anybody may call."""
        assert self.caller is not None
        return self.caller


Handler = Callable[[Call], BaseModel | Response | Awaitable[BaseModel | Response]]


@dataclass(frozen=True)
class Operation:
    """Operation of the API.

    Args:
        method: of HTTP.
        path: below ``/api/v1``, with names in braces.
        name: of the operation in the description.
        summary: one sentence.
        right: that the caller needs; None where anybody may call.
        handler: carries it out; one that is no coroutine runs on a thread.
        result: type of the answer, or its media type where it is no JSON.
        query: type of the parameters.
        body: type of the JSON body.
        upload: media type of a body that the handler reads itself.
        status: of success.
        refusals: statuses that a caller must expect beside the usual ones.
        logged: noted in the log of actions; by default all that changes something.
    """

    method: str
    path: str
    name: str
    summary: str
    right: Right | None
    handler: Handler
    result: type[BaseModel] | str
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    upload: str | None = None
    status: int = 200
    refusals: tuple[int, ...] = ()
    logged: bool | None = None
    tags: tuple[str, ...] = field(default=())

    @property
    def parameters(self) -> list[str]:
        """Names in the path."""
        return _PARAMETER.findall(self.path)

    @property
    def is_logged(self) -> bool:
        """Return whether each call is noted in the log of actions."""
        return self.method != "GET" if self.logged is None else self.logged
