"""Operations: level and spectrum of an input, before a machine listens to it."""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field
from starlette.responses import Response, StreamingResponse

from anomaly.web.api.operation import PREFIX, Call, Operation
from anomaly.web.api.schemas.base import Sent
from anomaly.web.api.schemas.job import ListenStream
from anomaly.web.errors import ApiError
from anomaly.web.live.input_meter import meter_events
from anomaly.web.security.identity import Right


class ListenQuery(Sent):
    """Key that the action before has given."""

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


def listen(call: Call) -> ListenStream:
    """Allow one stream of the level and spectrum of an input."""
    device = call.path["device"]
    known = {entry.id for entry in call.services.inputs()}
    if device not in known:
        raise ApiError(404, f"there is no input {device!r}", "see GET /api/v1/devices")
    key = call.services.listen_keys.issue(device, call.identity.name)
    path = call.request.url.path
    return ListenStream(stream=f"{path}?key={key}" if path.startswith(PREFIX) else path)


async def level(call: Call) -> Response:
    """Stream the level, the spectrum and the faults of an input, four times a second."""
    if not call.services.listen_keys.take(call.query.key, call.path["device"], call.identity.name):
        raise ApiError(403, "the key is not one for this input, or was used before", "ask for another one")
    events = meter_events(call.path["device"], until_s=time.monotonic() + 600.0)
    return StreamingResponse(events, media_type="text/event-stream")


DEVICE_OPERATIONS = (
    Operation(
        "POST",
        "/devices/{device}/listen",
        "listen_to_device",
        "Allow one stream of the level of an input",
        Right.ADMINISTER,
        listen,
        ListenStream,
    ),
    Operation(
        "GET",
        "/devices/{device}/listen",
        "device_level",
        "Server-sent events `level`: level, spectrum and faults of an input",
        Right.ADMINISTER,
        level,
        "text/event-stream",
        query=ListenQuery,
    ),
)
