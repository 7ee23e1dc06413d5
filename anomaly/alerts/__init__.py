"""Advisory generation (ISO 13374): alarms become cases, cases become messages, messages go to operators and systems.

The path of an alarm: ``case`` → ``store`` (stored with its ``message`` in one transaction) → ``outbox`` (delivered
until confirmed) → ``sinks``. Importing this loads no HTTP and no MQTT library.
"""

from anomaly.alerts.outbox import Dispatcher
from anomaly.alerts.retry_policy import RetryPolicy
from anomaly.alerts.sinks import build_sink, build_sinks
from anomaly.store.cases.case import Case, CaseState, iso_utc
from anomaly.store.database.rows import EventRow, ScoreRow
from anomaly.store.outbox.message import AlertMessage
from anomaly.store.store import DATABASE_NAME, Store

__all__ = [
    "DATABASE_NAME",
    "AlertMessage",
    "Case",
    "CaseState",
    "Dispatcher",
    "EventRow",
    "RetryPolicy",
    "ScoreRow",
    "Store",
    "build_sink",
    "build_sinks",
    "iso_utc",
]
