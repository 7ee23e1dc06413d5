"""Command `alerts schema`: the JSON Schema of what sinks send."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def payload_schema(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as alert-message or answer.")],
) -> None:
    """Print the JSON Schema of a payload, for those who receive or send it."""
    from anomaly.alerts.payload_schemas import PAYLOAD_SCHEMAS
    from anomaly.errors import UsageError

    if name not in PAYLOAD_SCHEMAS:
        raise UsageError(f"there is no payload {name!r}", hint=f"payloads: {', '.join(PAYLOAD_SCHEMAS)}")
    typer.echo(json.dumps(PAYLOAD_SCHEMAS[name](), indent=2))
