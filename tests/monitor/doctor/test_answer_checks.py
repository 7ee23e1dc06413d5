"""Checks of the endpoints of answers: secrets, whether a monitor takes them, and who else listens at the port."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from anomaly.alerts import DATABASE_NAME, Store
from anomaly.alerts.answers.answer_service import LOCK_NAME, AnswerService, answer_secrets
from anomaly.alerts.webhook_receiver import WebhookReceiver
from anomaly.config import Site
from anomaly.monitor.doctor.answer_checks import answers
from anomaly.store.database.file_lock import FileLock
from support.answers import SECRET
from support.mqtt_broker import free_port
from support.waiting import wait_until


def site(folder: Path, port: int, host: str = "127.0.0.1") -> Site:
    (folder / "secret").write_bytes(SECRET)
    values = {
        "sinks": {"mqtt": [{"name": "house", "host": "broker", "topic": "plant/7"}]},
        "answers": {
            "systems": [{"name": "maximo", "secret_file": str(folder / "secret")}],
            "host": host,
            "port": port,
            "mqtt": ["house"],
        },
        "state_dir": str(folder),
    }
    return Site.model_validate(values, context={"folder": folder})


def test_without_the_section_there_is_no_check() -> None:
    assert list(answers(Site())) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_endpoint_of_a_running_monitor(tmp_path: Path, host: str) -> None:
    settings = site(tmp_path, free_port(), host)
    assert settings.answers is not None
    places = f"http://{host}:{settings.answers.port}/answers, plant/7/answers at the broker of house"
    (result,) = answers(settings)
    assert (result.level, result.message) == (
        "ok",
        f"answers of maximo: {places}; taken while a monitor runs, and none does now",
    )
    with (
        Store.open(tmp_path / DATABASE_NAME) as store,
        AnswerService(settings, store, answer_secrets(settings), retry_s=0.05),
    ):
        taken = ("ok", f"answers of maximo: {places}")
        wait_until(lambda: [(one.level, one.message) for one in answers(settings)] == [taken])


def test_what_else_can_be_at_the_port(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / LOCK_NAME)
    assert lock.acquire()
    with WebhookReceiver() as other:
        (result,) = answers(site(tmp_path, other.port))
    assert (result.level, result.exit_code) == ("fail", 7)
    assert "another program answers at" in result.message
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    (result,) = answers(site(tmp_path, port))
    assert "does not answer: " in result.message
    lock.release()


def test_a_secret_that_is_missing(tmp_path: Path) -> None:
    settings = site(tmp_path, 8420)
    (tmp_path / "secret").unlink()
    (result,) = answers(settings)
    assert (result.level, result.exit_code) == ("fail", 3)
    assert "answers of maximo: the secret cannot be read" in result.message
