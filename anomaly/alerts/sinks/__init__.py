"""Where alerts go: each sink is told a message and returns when the other side has confirmed it.

Each kind of sink stands in a module of its own, and only building one loads its library.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anomaly.alerts.sinks.sink import LiveSink, Sink, SinkError
from anomaly.errors import ConfigError

if TYPE_CHECKING:
    from anomaly.config import Mqtt, Site, Webhook

__all__ = ["LiveSink", "Sink", "SinkError", "build_sink", "build_sinks"]


def build_sinks(site: Site, environ: Mapping[str, str] | None = None) -> list[Sink]:
    """The sinks of a site. Nothing is connected yet.

    Raises:
        ConfigError: a secret is missing, or an address or a certificate file cannot be used.
    """
    environ = os.environ if environ is None else environ
    hooks: list[Sink] = [_webhook(sink, environ) for sink in site.sinks.webhook]
    return hooks + [_mqtt(sink, site, environ) for sink in site.sinks.mqtt]


def build_sink(site: Site, name: str, environ: Mapping[str, str] | None = None) -> Sink:
    """The sink of a site that has this name.

    Raises:
        ConfigError: as for ``build_sinks``, or no sink has this name.
    """
    environ = os.environ if environ is None else environ
    for hook in site.sinks.webhook:
        if hook.name == name:
            return _webhook(hook, environ)
    for broker in site.sinks.mqtt:
        if broker.name == name:
            return _mqtt(broker, site, environ)
    known = ", ".join(site.sinks.names) or "none"
    raise ConfigError(f"there is no sink {name!r}", hint=f"sinks of this site: {known}")


def _webhook(sink: Webhook, environ: Mapping[str, str]) -> Sink:
    from anomaly.alerts.sinks.webhook import WebhookSink

    secret = _secret(sink.secret_env, sink.secret_file, environ, f"webhook {sink.name}")
    return WebhookSink(
        sink.name,
        sink.url,
        mode=sink.mode,
        secret=None if secret is None else secret.encode(),
        timeout_s=sink.timeout_s,
        ca_file=sink.ca_file,
    )


def _mqtt(sink: Mqtt, site: Site, environ: Mapping[str, str]) -> Sink:
    from anomaly.alerts.sinks.mqtt import MqttSink

    return MqttSink(
        sink.name,
        sink.host,
        port=sink.port,
        topic=sink.topic,
        discovery_prefix=sink.discovery,
        machines=tuple(site.machines),
        username=sink.username,
        password=_secret(sink.password_env, sink.password_file, environ, f"mqtt {sink.name}"),
        tls=sink.tls,
        ca_file=sink.ca_file,
        protocol=sink.protocol,
        timeout_s=sink.timeout_s,
    )


def _secret(env: str | None, file: Path | None, environ: Mapping[str, str], where: str) -> str | None:
    if env is not None:
        source, secret = f"environment variable {env}", environ.get(env, "")
    elif file is not None:
        try:
            source, secret = str(file), file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the secret cannot be read: {error}", where=where) from error
    else:
        return None
    if not secret:
        hint = "put the secret there before the command; the site file never holds it"
        raise ConfigError(f"the secret is empty: {source}", where=where, hint=hint)
    return secret
