"""Service of a running monitor that takes answers over HTTP and MQTT.

Of several monitors of one site one takes them, and another follows when it ends. A port that cannot be used is tried
again and again: the machines are monitored all the same.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack

from anomaly.alerts.answers.answer_handler import AnswerHandler
from anomaly.alerts.sinks.registry import SinkContext, configured_sinks
from anomaly.alerts.sinks.secret_text import read_secret
from anomaly.config import Answers, Site
from anomaly.errors import AnomalyError, ConfigError
from anomaly.store.database.file_lock import FileLock
from anomaly.store.store import Store

LOCK_NAME = "answers.lock"
# A shorter secret can be guessed from a single signature.
_SHORTEST_SECRET = 16
_RETRY_S = 10.0

_LOG = logging.getLogger(__name__)


def answer_secrets(site: Site, environ: Mapping[str, str] | None = None) -> dict[str, bytes]:
    """Return the secret of each system that may answer; none without the section ``answers``.

    Raises:
        ConfigError: a secret is missing, empty or too short.
    """
    found: dict[str, bytes] = {}
    for system in () if site.answers is None else site.answers.systems:
        where = f"answers of {system.name}"
        secret = read_secret(
            system.secret_env, system.secret_file, where, os.environ if environ is None else environ
        )
        if secret is None or len(secret) < _SHORTEST_SECRET:
            raise ConfigError(
                f"the secret has fewer than {_SHORTEST_SECRET} characters",
                where=where,
                hint="make one with `openssl rand -hex 32`",
            )
        if secret.encode() in found.values():
            hint = "give each system a secret of its own: the history shows who has answered"
            raise ConfigError("another system has the same secret", where=where, hint=hint)
        found[system.name] = secret.encode()
    return found


class AnswerService:
    """Endpoints of a site while its ``with`` block runs; none without the section ``answers``.

    Args:
        site: with the section.
        store: of the cases.
        secrets: from ``answer_secrets``.
        retry_s: interval at which an endpoint that another process or program holds is tried again.
    """

    def __init__(
        self, site: Site, store: Store, secrets: Mapping[str, bytes], *, retry_s: float = _RETRY_S
    ) -> None:
        self._site, self._store, self._secrets, self._retry_s = site, store, secrets, retry_s
        self._lock = FileLock(store.path.with_name(LOCK_NAME))
        self._stopping = threading.Event()
        self._open = ExitStack()
        self._reported: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="answers", daemon=True)

    def __enter__(self) -> AnswerService:
        if self._site.answers is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no more answers; those that have arrived are finished. May be repeated."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._open.close()
        self._lock.release()

    def _run(self) -> None:
        settings = self._site.answers
        assert settings is not None
        waiting = [(f"{name}", opener) for name, opener in self._openers(settings).items()]
        handler: AnswerHandler | None = None
        while waiting and not self._stopping.is_set():
            if handler is None and self._has_lock():
                handler = self._open.enter_context(
                    AnswerHandler(self._store, self._secrets, settings.window_s)
                )
            if handler is not None:
                waiting = [
                    (name, opener) for name, opener in waiting if not self._opened(name, opener, handler)
                ]
            self._stopping.wait(self._retry_s)

    def _openers(
        self, settings: Answers
    ) -> dict[str, Callable[[AnswerHandler], AbstractContextManager[object]]]:
        """Return what opens each endpoint, by its name in the log."""
        found: dict[str, Callable[[AnswerHandler], AbstractContextManager[object]]] = {}
        if settings.port is not None:
            from anomaly.alerts.answers.http_endpoint import HttpEndpoint

            host, port = settings.host, settings.port
            found[f"{host}:{port}"] = lambda handler: HttpEndpoint(handler, host, port)
        for sink in configured_sinks(self._site):
            if sink.kind == "mqtt" and sink.name in settings.mqtt:
                found[f"broker of {sink.name}"] = _subscriber(sink.settings, sink.context)
        return found

    def _opened(
        self,
        name: str,
        opener: Callable[[AnswerHandler], AbstractContextManager[object]],
        handler: AnswerHandler,
    ) -> bool:
        try:
            self._open.enter_context(opener(handler))
        except AnomalyError as error:
            if name not in self._reported:
                _LOG.error("%s; it is tried again every %g s", error, self._retry_s)
                self._reported.add(name)
            return False
        _LOG.info("answers are taken: %s", name)
        return True

    def _has_lock(self) -> bool:
        try:
            return self._lock.acquire(wait=False)
        except ConfigError:
            return bool(
                self._store.fault
            )  # the folder takes no lock file; the database is in this process's memory


def _subscriber(
    settings: object, context: SinkContext
) -> Callable[[AnswerHandler], AbstractContextManager[object]]:
    from anomaly.alerts.answers.mqtt_topic import MqttTopic
    from anomaly.alerts.sinks.mqtt.mqtt_kind import MqttConfig

    assert isinstance(settings, MqttConfig)
    return lambda handler: MqttTopic(handler, settings, context)
