"""Check of the endpoints at which other systems answer to cases."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from http import HTTPStatus

from anomaly.alerts.answers.answer_service import LOCK_NAME, answer_secrets
from anomaly.config import Answers, Site
from anomaly.errors import AnomalyError, RemoteError
from anomaly.monitor.doctor.check_result import CheckResult, failed
from anomaly.store.database.file_lock import is_locked

_PROBE_S = 5.0


def answers(site: Site) -> Iterator[CheckResult]:
    """Check the secrets, and while a monitor runs that its endpoint refuses an answer without a signature."""
    settings = site.answers
    if settings is None:
        return
    try:
        answer_secrets(site)
    except AnomalyError as error:
        yield failed("site.answers", error)
        return
    places = [settings.address] if settings.address is not None else []
    places += [f"{_topic(site, name)} at the broker of {name}" for name in settings.mqtt]
    taken = f"answers of {', '.join(system.name for system in settings.systems)}: {', '.join(places)}"
    if not is_locked(site.state_dir / LOCK_NAME):
        yield CheckResult("site.answers", "ok", f"{taken}; taken while a monitor runs, and none does now")
        return
    fault = None if settings.port is None else _fault(settings, settings.port)
    if fault is None:
        yield CheckResult("site.answers", "ok", taken)
    else:
        remedy = "see the log of the monitor: another program may listen at this port"
        yield CheckResult("site.answers", "fail", f"{taken}; {fault}", remedy, RemoteError.exit_code)


def _topic(site: Site, name: str) -> str:
    bases = {entry.config.name: getattr(entry.config, "topic", "") for entry in site.sinks}
    return f"{bases.get(name, '')}/answers"


def _fault(settings: Answers, port: int) -> str | None:
    """Return what is wrong with the HTTP endpoint; None if it refuses an answer that nobody has signed."""
    # An endpoint at all addresses of this computer has no address of its own.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host.strip("[]"), settings.host.strip("[]"))
    connection = http.client.HTTPConnection(host, port, timeout=_PROBE_S)
    try:
        connection.request("POST", "/answers", b"{}", {"Content-Type": "application/json"})
        answer = connection.getresponse()
        status, server = answer.status, answer.headers.get("Server", "")
    except (OSError, http.client.HTTPException) as error:
        return f"{host}:{port} does not answer: {error}"
    finally:
        connection.close()
    if (status, server) != (HTTPStatus.UNAUTHORIZED, "anomaly"):
        return f"another program answers at {host}:{port}"
    return None
