"""Server of the dashboard beside a monitor: a process of its own, with lower priority, that ends with the monitor."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anomaly.audio.capture.child_process import set_parent_death_signal
from anomaly.config.fields import host_and_port
from anomaly.errors import ConfigError, UsageError
from anomaly.web.services import build_services
from anomaly.web.settings import WebSettings

_END_S = 20.0
_READY = "dashboard: "


@contextmanager
def serving_beside(
    address: str, *, config: Path | None, models: Path | None, state: Path | None
) -> Iterator[subprocess.Popen[str]]:
    """Serve the dashboard while the block runs; its address is printed on stderr.

    Args:
        address: host and port.
        config: site file of the command line; so are the next two.
        models: folder of bundles.
        state: folder of the database.

    Raises:
        UsageError: the address is none.
        ConfigError: others could reach the server without logging in, or it cannot start.
    """
    try:
        host, _, port = host_and_port(address).rpartition(":")
    except ValueError as error:
        raise UsageError(str(error), where="--web") from error
    # What is wrong is said before the monitoring begins.
    build_services(
        WebSettings(config=config, models=models, state=state, host=host.strip("[]"), port=int(port))
    )
    command = [sys.executable, "-m", "anomaly", "serve", "--host", host.strip("[]"), "--port", port]
    for option, path in (("--config", config), ("--models", models), ("--state", state)):
        command += [option, str(path)] if path is not None else []
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # Ctrl-C is for the monitor, which ends the server.
        start_new_session=True,
        preexec_fn=set_parent_death_signal(),
    )
    try:
        _wait_until_ready(process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _wait_until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line.strip())
        if line.startswith(_READY):
            sys.stderr.write(line)
            threading.Thread(target=_pass_on, args=(process,), name="dashboard log", daemon=True).start()
            return
    words = next((line for line in lines if line.startswith("error: ")), "error: it ended without a word")
    raise ConfigError(f"the dashboard cannot start: {words.removeprefix('error: ')}", where="--web")


def _pass_on(process: subprocess.Popen[str]) -> None:
    """Print what the server says, so that its pipe is never full."""
    assert process.stderr is not None
    try:
        for line in process.stderr:
            sys.stderr.write(line)
    except (OSError, ValueError):
        return  # the monitor ends
