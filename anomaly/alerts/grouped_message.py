"""One message for people about many cases that changed at about the same time."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

from anomaly.store.outbox.message import AlertMessage


def grouped_message(messages: Sequence[AlertMessage]) -> AlertMessage:
    """Return the message about the most urgent case, with all cases in its ``group``.

    Its key follows from those of the messages, so that a repetition of the same group carries the same one.

    Args:
        messages: of the same event, each about another case.
    """
    first = max(messages, key=lambda message: 0 if message.case is None else message.case.urgency)
    keys = "\n".join(sorted(message.id for message in messages))
    cases = [message.case for message in messages if message.case is not None]
    return dataclasses.replace(
        first,
        id=hashlib.sha256(keys.encode()).hexdigest()[:32],
        group=tuple(sorted(cases, key=lambda case: (-case.urgency, case.machine))),
    )
