"""MQTT topic of answers: a signed answer arrives on ``<base>/answers``, its result leaves on ``<base>/answers/result``.

An account at the broker is not enough: whoever may publish there still needs the secret.
"""

from __future__ import annotations

import json
import logging
from concurrent.futures import Future
from http import HTTPStatus

from anomaly.alerts.answers.answer_handler import AnswerHandler, AnswerResult, SignedAnswer, refusal
from anomaly.alerts.answers.strict_json import LARGEST_BYTES, MalformedJsonError, parsed_json
from anomaly.alerts.sinks.mqtt.mqtt_connection import MqttConnection
from anomaly.alerts.sinks.mqtt.mqtt_kind import MqttConfig, answer_connection
from anomaly.alerts.sinks.mqtt.subscription import Subscription
from anomaly.alerts.sinks.registry import SinkContext

# The body of an answer is a text in the JSON of its envelope: each character may become two.
LARGEST_ENVELOPE_BYTES = 2 * LARGEST_BYTES + 512

_LOG = logging.getLogger(__name__)


def answer_topic(base: str) -> str:
    """Return the topic that takes answers, below the first levels of a sink."""
    return f"{base}/answers"


class MqttTopic:
    """Subscriber at the broker of one sink while its ``with`` block runs.

    Args:
        handler: takes the answers.
        config: section of the sink in the site file.
        context: its surroundings, for its password.

    Raises:
        ConfigError: a secret or a certificate cannot be used.
    """

    def __init__(self, handler: AnswerHandler, config: MqttConfig, context: SinkContext) -> None:
        self._handler = handler
        self._topic = answer_topic(config.topic)
        subscription = Subscription(self._topic, self._received, self._refused)
        self._connection: MqttConnection = answer_connection(config, context, subscription)

    @property
    def is_connected(self) -> bool:
        """Return whether the broker has accepted the connection."""
        return self._connection.is_connected

    def __enter__(self) -> MqttTopic:
        self._connection.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _received(self, payload: bytes) -> None:
        """Take an answer; the network thread waits for nothing."""
        signed = _signed(payload)
        if isinstance(signed, AnswerResult):
            self._send(signed)
            return
        try:
            self._handler.submit(signed).add_done_callback(self._answered)
        except RuntimeError:  # the handler ends
            self._send(
                refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the monitor ends: try again with the same id")
            )

    def _answered(self, future: Future[AnswerResult]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._send(future.result())

    def _send(self, result: AnswerResult) -> None:
        self._connection.send(f"{self._topic}/result", json.dumps(result.content))

    def _refused(self, reason: str) -> None:
        _LOG.error(
            "%s: the broker does not allow to read %s: %s", self._connection.where, self._topic, reason
        )


def _signed(payload: bytes) -> SignedAnswer | AnswerResult:
    """Return the answer in an envelope, or the refusal of what is none."""
    if len(payload) > LARGEST_ENVELOPE_BYTES:
        words = f"the message is longer than {LARGEST_ENVELOPE_BYTES} bytes"
        return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words)
    try:
        envelope = parsed_json(payload)
    except MalformedJsonError as error:
        return refusal(HTTPStatus.BAD_REQUEST, str(error))
    names = {"signature", "body"}
    if not isinstance(envelope, dict) or envelope.keys() - names or "body" not in envelope:
        words = "the message must be an object with body and signature"
        return refusal(HTTPStatus.UNPROCESSABLE_ENTITY, words)
    body, signature = envelope["body"], envelope.get("signature", "")
    if not isinstance(body, str) or not isinstance(signature, str):
        return refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "body and signature must be texts")
    return SignedAnswer(body.encode("utf-8", "replace"), signature, "mqtt")
