"""kill -9 at any moment: no case is lost or doubled, and each message arrives."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from anomaly.alerts import DATABASE_NAME, Dispatcher, RetryPolicy, ScoreRow, Store
from anomaly.alerts.sinks.webhook.webhook_sink import WebhookSink
from anomaly.alerts.webhook_receiver import Reply, WebhookReceiver

# Opens and closes cases and scores as fast as it can, and delivers, until it is killed.
MONITOR = """
import itertools, sys, time
from pathlib import Path
from anomaly.alerts import AlertMessage, Case, Dispatcher, RetryPolicy, ScoreRow, Store, iso_utc
from anomaly.alerts.sinks.webhook.webhook_sink import WebhookSink
store = Store.open(Path(sys.argv[1]))
sink = WebhookSink("hook", sys.argv[2], secret=b"k", allow_private=True)
with Dispatcher(store, [sink], retry=RetryPolicy(0.01, 0.05), poll_s=0.01):
    for i in itertools.count():
        now = iso_utc(time.time())
        case = store.cases.open(Case("pump", "machine", now, "bad"), AlertMessage("case.opened", "pump", now))
        print("opened", case.id, flush=True)
        store.history.add_scores([ScoreRow("pump", time.time(), i, 0.1, 0.5, "ALARM")])
        print("scored", i, flush=True)
        store.cases.close(case.id)
        print("closed", case.id, flush=True)
"""
KILLS = 6


def run_and_kill(path: Path, url: str, after_s: float) -> list[list[str]]:
    """Lines that the process wrote, each after a commit, until it was killed."""
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [sys.executable, "-c", MONITOR, str(path), url],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(after_s)
        process.kill()
        # Not communicate(): it reads the pipe past what readline() has taken from it already.
        rest = process.stdout.read()
        errors.seek(0)
        error = errors.read()
    assert "Traceback" not in error
    return [line.split() for line in [first, *rest.splitlines(keepends=True)] if line.endswith("\n")]


def test_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    path = tmp_path / DATABASE_NAME
    chance = random.Random(7)
    said: list[list[str]] = []
    scored = 0
    with WebhookReceiver(secret=b"k") as receiver:
        for _ in range(KILLS):
            receiver.plan(*[Reply(503)] * 3)
            lines = run_and_kill(path, receiver.url, chance.uniform(0.0, 0.3))
            said += lines
            scored += sum(line[0] == "scored" for line in lines)
        with Store.open(path) as store:
            assert store.set_aside is None
            sink = WebhookSink("hook", receiver.url, secret=b"k", allow_private=True)
            with Dispatcher(store, [sink], retry=RetryPolicy(0.01, 0.05), poll_s=0.01) as dispatcher:
                assert dispatcher.drain(20)
            cases = {case.id: case for case in store.cases.select()}
            rows: list[ScoreRow] = store.history.scores("pump")
        got = [(m["event"], m["case"]["id"]) for m in receiver.messages]
    assert {line[1] for line in said if line[0] == "opened"} <= set(cases)
    assert all(not cases[line[1]].is_open for line in said if line[0] == "closed")
    assert sum(case.is_open for case in cases.values()) <= 1
    assert scored <= len(rows) <= scored + KILLS
    opened = [case_id for event, case_id in got if event == "case.opened"]
    closed = [case_id for event, case_id in got if event == "case.closed"]
    assert sorted(opened) == sorted(cases)
    assert sorted(closed) == sorted(case.id for case in cases.values() if not case.is_open)
    assert all(
        got.index(("case.opened", case_id)) < got.index(("case.closed", case_id)) for case_id in closed
    )
