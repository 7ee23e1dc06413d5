"""Output that cannot be written never ends the monitoring."""

from __future__ import annotations

import pytest

from anomaly.monitor.events import EventName
from anomaly.monitor.records import EventRecord, Record
from anomaly.monitor.telemetry.output import TolerantOutput


def test_lost_records_are_counted_and_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    shown: list[Record] = []
    full = False

    def show(record: Record) -> bool:
        if record.time_s == 3:
            return False  # nothing to print: that proves nothing of the disk
        if full:
            raise OSError(28, "No space left on device")
        shown.append(record)
        return True

    output = TolerantOutput(show)
    records = [EventRecord(EventName.DRIFT, "pump", float(second), "slow") for second in range(6)]
    for second, record in enumerate(records):
        full = 2 <= second < 5
        output.show(record)
    assert shown == [records[0], records[1], records[5]]
    assert output.lost == 2
    assert [one.getMessage()[:34] for one in caplog.records] == [
        "the output cannot be written, moni",
        "the output can be written again; i",
    ]
    assert caplog.messages[1].endswith("it lacks 2 records")
