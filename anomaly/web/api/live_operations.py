"""Operations: the live stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from anomaly.web.api.operation import PATH_PATTERNS, Call, Operation
from anomaly.web.api.schemas.base import Sent
from anomaly.web.errors import ApiError
from anomaly.web.live.viewer import Viewer
from anomaly.web.security.identity import Right

_NAME = PATH_PATTERNS["machine"]
_MOST_PICTURED = 8


class LiveQuery(Sent):
    """Machines to watch, with pictures; without any, scores, states and cases of all."""

    machine: Annotated[str, Field(pattern=rf"^{_NAME}(,{_NAME})*$")] | None = Field(
        default=None, description="names, with commas between them"
    )


async def live(call: Call) -> Response:
    """Begin a stream of events."""
    names = None if call.query.machine is None else call.query.machine.split(",")
    if names is not None:
        known = await run_in_threadpool(_known, call)
        missing = [name for name in names if name not in known]
        if missing:
            raise ApiError(404, f"there is no machine {missing[0]!r}")
        if len(names) > _MOST_PICTURED:
            raise ApiError(422, f"at most {_MOST_PICTURED} machines have pictures in one stream")
    hub = call.services.live
    viewer = hub.join(names, listens=Right.LISTEN in call.identity.rights)
    if names is not None and viewer.listens:
        address = call.request.client.host if call.request.client else ""
        call.services.audit.add(call.identity.name, "live", address=address, status=200, machines=names)

    async def events() -> AsyncIterator[bytes]:
        try:
            async for part in viewer.stream():
                yield part
        finally:
            hub.leave(viewer)

    return _stream(events(), viewer)


def _stream(events: AsyncIterator[bytes], viewer: Viewer) -> Response:
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


def _known(call: Call) -> set[str]:
    return set(call.services.access.machines()) | set(call.services.access.site.machines)


LIVE_OPERATIONS = (
    Operation(
        "GET",
        "/live",
        "live",
        "Server-sent events `score`, `state`, `case` and `mel`",
        Right.VIEW,
        live,
        "text/event-stream",
        query=LiveQuery,
    ),
)
