"""Service of answers: HTTP and a real broker, one process of several, kill -9, and what never ends the monitor."""

from __future__ import annotations

import http.client
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from anomaly.alerts import DATABASE_NAME, Case, Dispatcher, Store
from anomaly.alerts.answers.answer_service import AnswerService, answer_secrets
from anomaly.alerts.answers.mqtt_topic import LARGEST_ENVELOPE_BYTES
from anomaly.alerts.signature import signature
from anomaly.alerts.sinks.webhook.webhook_sink import WebhookSink
from anomaly.alerts.webhook_receiver import WebhookReceiver
from anomaly.config import Site
from anomaly.errors import ConfigError
from anomaly.store.cases.answer_receipt import ANSWER_ACCEPTED
from support.answers import SECRET, make_answer, post
from support.mqtt_broker import Broker, Listener, free_port
from support.waiting import wait_until

OpenCase = Callable[..., Case]
SECRETS = {"maximo": SECRET}


def site(folder: Path, **answers: Any) -> Site:
    (folder / "secret").write_bytes(SECRET)
    systems = [{"name": "maximo", "secret_file": str(folder / "secret")}]
    broker = answers.pop("broker", None)
    sinks = {} if broker is None else {"mqtt": [{"name": "house", "host": "127.0.0.1", "port": broker}]}
    values = {"sinks": sinks, "answers": {"systems": systems, **answers}, "state_dir": str(folder)}
    return Site.model_validate(values, context={"folder": folder})


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Publisher:
    """SCADA system at a broker."""

    def __init__(self, port: int) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def publish(self, payload: bytes | str) -> None:
        self._client.publish("anomaly/answers", payload, qos=1).wait_for_publish(10)

    def answer(self, answer: dict[str, Any], secret: bytes = SECRET) -> None:
        body = json.dumps(answer)
        self.publish(json.dumps({"signature": signature(secret, body.encode()), "body": body}))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def results(listener: Listener) -> list[dict[str, Any]]:
    return [one.json for one in listener.on("anomaly/answers/result")]


def refused(listener: Listener) -> list[int]:
    return [one["status"] for one in results(listener) if one["id"] is None]


def test_answers_at_a_broker(
    tmp_path: Path, broker: Broker, listener: Listener, live_store: Store, open_case: OpenCase
) -> None:
    case, scada = open_case(), Publisher(broker.port)
    sent = make_answer(case.id, time.time(), "assign", to="night shift")
    forged = make_answer(case.id, time.time(), "close")
    with AnswerService(site(tmp_path, mqtt=["house"], broker=broker.port), live_store, SECRETS, retry_s=0.05):
        # The first one may be published before the subscription.
        wait_until(lambda: scada.answer(sent) or results(listener), 20)
        found = {**results(listener)[0]}
        assert (found["id"], found["status"], found["changed"]) == (sent["id"], 200, True)
        before = len(results(listener))
        scada.answer(sent)
        scada.answer(forged, b"a secret that is not known")
        scada.publish(json.dumps({"body": json.dumps(forged)}))
        scada.publish(json.dumps(forged))
        scada.publish("{")
        scada.publish(b"x" * (LARGEST_ENVELOPE_BYTES + 1))
        scada.publish(json.dumps({"signature": 5, "body": "{}"}))
        wait_until(lambda: len(refused(listener)) == 6 and len(results(listener)) >= before + 7)
        assert sorted(refused(listener)) == [400, 401, 401, 413, 422, 422]
        # Each repetition got the first result.
        assert all(one == found for one in results(listener) if one["id"] is not None)
    scada.close()
    stored = live_store.cases.get(case.id)
    assert stored is not None
    assert (stored.is_open, stored.assigned_to) == (True, "night shift")
    (event,) = live_store.history.events(case_id=case.id, name="case.assigned")
    assert (event.detail["system"], event.detail["way"]) == ("maximo", "mqtt")
    assert not [one for one in listener.received if one.retained]


def test_a_broker_that_comes_late_and_goes(
    tmp_path: Path, start_broker: Callable[..., Broker], live_store: Store, open_case: OpenCase
) -> None:
    broker = start_broker()
    broker.kill()
    case = open_case()
    with AnswerService(site(tmp_path, mqtt=["house"], broker=broker.port), live_store, SECRETS, retry_s=0.05):
        for number in range(2):
            broker.start()
            scada = Publisher(broker.port)
            sent = make_answer(case.id, time.time(), "comment", note=f"comment {number}")
            wait_until(
                lambda scada=scada, sent=sent, number=number: (
                    scada.answer(sent)
                    or len(live_store.history.events(case_id=case.id, name="case.commented")) > number
                ),
                30,
            )
            scada.close()
            broker.kill()


def test_a_broker_that_does_not_allow_to_read(
    tmp_path: Path, live_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(server: socket.socket) -> None:
        caller, _ = server.accept()
        with caller:
            caller.recv(65_536)
            caller.sendall(bytes([0x20, 3, 0, 0, 0]))
            request = caller.recv(65_536)
            caller.sendall(bytes([0x90, 4, request[2], request[3], 0, 0x87]))
            wait_until(lambda: "does not allow" in caplog.text)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=refuse, args=(server,), daemon=True)
        thread.start()
        settings = site(tmp_path, mqtt=["house"], broker=server.getsockname()[1])
        with AnswerService(settings, live_store, SECRETS, retry_s=0.05):
            thread.join()
    assert "the broker does not allow to read anomaly/answers: Not authorized" in caplog.text


def test_one_of_two_processes_takes_the_answers_and_the_other_follows(
    tmp_path: Path, live_store: Store, open_case: OpenCase, caplog: pytest.LogCaptureFixture
) -> None:
    port, case = free_port(), open_case()
    settings = site(tmp_path, port=port)
    first = AnswerService(settings, live_store, SECRETS, retry_s=0.05)
    second = AnswerService(settings, live_store, SECRETS, retry_s=0.05)
    with second:
        with first:
            wait_until(lambda: accepts(port))
        wait_until(lambda: accepts(port))
        assert post(port, make_answer(case.id, time.time())).status == 200
    assert not accepts(port)
    assert "ERROR" not in caplog.text


def test_a_port_of_another_program_is_tried_again(
    tmp_path: Path, live_store: Store, open_case: OpenCase, caplog: pytest.LogCaptureFixture
) -> None:
    case = open_case()
    with ExitStack() as opened:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            service = AnswerService(site(tmp_path, port=port), live_store, SECRETS, retry_s=0.05)
            opened.enter_context(service)
            wait_until(lambda: "answers cannot be taken here" in caplog.text)
        wait_until(lambda: accepts(port))
        assert post(port, make_answer(case.id, time.time())).status == 200
    assert caplog.text.count("answers cannot be taken here") == 1


def test_a_site_without_answers_opens_nothing(tmp_path: Path, live_store: Store) -> None:
    with AnswerService(Site(), live_store, {}):
        assert not (tmp_path / "answers.lock").exists()


@pytest.mark.parametrize(
    ("text", "words"), [("", "the secret is empty"), ("too short", "fewer than 16 characters")]
)
def test_secrets_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    settings = site(tmp_path, port=1)
    (tmp_path / "secret").write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        answer_secrets(settings)
    assert "answers of maximo" in str(caught.value)
    assert not text or text not in str(caught.value)


def test_messages_carry_the_address_and_a_system_gets_none_about_its_own_answers(
    tmp_path: Path, live_store: Store, open_case: OpenCase
) -> None:
    port = free_port()
    settings = site(tmp_path, port=port, url="https://anomaly.plant.example/answers")
    assert settings.answers is not None
    with WebhookReceiver() as plant, WebhookReceiver() as maximo:
        sinks = [
            WebhookSink("plant", plant.url, allow_private=True),
            WebhookSink("maximo", maximo.url, allow_private=True),
        ]
        with (
            Dispatcher(live_store, sinks, poll_s=0.02, answer_url=settings.answers.address) as dispatcher,
            AnswerService(settings, live_store, SECRETS, retry_s=0.05),
        ):
            case = open_case()
            wait_until(lambda: accepts(port))
            assert post(port, make_answer(case.id, time.time(), "comment", note="hello")).status == 200
            live_store.cases.comment(case.id, "from here", "ann")
            assert dispatcher.drain(20)
        assert [(m["event"], m["by"], m["via"]) for m in plant.messages] == [
            ("case.opened", None, None),
            ("case.commented", "J. Doe", "maximo"),
            ("case.commented", "ann", None),
        ]
        assert [(m["event"], m["by"]) for m in maximo.messages] == [
            ("case.opened", None),
            ("case.commented", "ann"),
        ]
        assert {m["answer_url"] for m in plant.messages} == {"https://anomaly.plant.example/answers"}


# Takes answers until it is killed; the port is free at its start.
MONITOR = """
import sys, time
from pathlib import Path
from anomaly.alerts import Store
from anomaly.alerts.answers.answer_handler import AnswerHandler
from anomaly.alerts.answers.http_endpoint import HttpEndpoint
store = Store.open(Path(sys.argv[1]))
with AnswerHandler(store, {"maximo": sys.argv[2].encode()}, 300.0) as handler:
    with HttpEndpoint(handler, "127.0.0.1", int(sys.argv[3])):
        time.sleep(600)
"""
KILLS = 8


def test_kill_9_between_the_answer_and_its_commit(
    tmp_path: Path, open_case: OpenCase, live_store: Store
) -> None:
    """Each answer is repeated until it is confirmed, and each comment stands once in the history."""
    case, port, dice = open_case(), free_port(), random.Random(17)
    confirmed: list[str] = []
    command = [sys.executable, "-c", MONITOR, str(tmp_path / DATABASE_NAME), SECRET.decode(), str(port)]
    for kill in range(KILLS):
        with subprocess.Popen(command) as process:
            wait_until(lambda: accepts(port), 30)
            for number in range(dice.randrange(20)):
                sent = make_answer(case.id, time.time(), "comment", note=f"{kill}/{number}")
                assert post(port, sent).status == 200
                confirmed.append(sent["note"])
            # The kill falls somewhere between a request and its response, or between two.
            killer = threading.Timer(dice.uniform(0.0, 0.005), process.kill)
            pending = make_answer(case.id, time.time(), "comment", note=f"{kill}/last")
            killer.start()
            with suppress(OSError, http.client.HTTPException, ValueError):
                post(port, pending)
            killer.join()
        with subprocess.Popen(command) as process:
            wait_until(lambda: accepts(port), 30)
            response = post(port, pending)
            assert (response.status, response.content["changed"]) == (200, True)
            confirmed.append(pending["note"])
            process.kill()
    stored = [row.detail["note"] for row in live_store.history.events(case_id=case.id, name="case.commented")]
    assert sorted(stored) == sorted(confirmed)
    assert len(set(stored)) == len(stored)
    assert len(live_store.history.events(name=ANSWER_ACCEPTED)) == len(stored)
