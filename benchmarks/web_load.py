"""Costs of the dashboard: viewers beside a monitor, hostile requests, a plant with a year of minutes, first page."""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from lib.monitor.monitor_process import (
    MACHINE,
    OPTIONS,
    MonitorProcess,
    environment,
    pump_sound,
    running_sound_server,
    trained_machine,
)
from lib.web.hostile import Stolen, hostile_requests
from lib.web.server_process import Usage, running_server
from lib.web.year_store import machine_names, make_plant

PASSWORD = "a password for the bench"
_PAGE_FILE = re.compile(r'(?:src|href)="(/static/[^"]+)"')


def viewers_beside_monitor(count: int, seconds: float) -> dict[str, Any]:
    """Let viewers watch a machine whose microphone is captured; measure server, monitor and delay of the picture."""
    with trained_machine() as folder, running_sound_server() as sound:
        sound.play(pump_sound())
        monitor = MonitorProcess([*OPTIONS, "--models", "models", "--web", "127.0.0.1:8431"], folder)
        try:
            if not monitor.wait_for_seconds(5):
                raise RuntimeError("the monitor has scored nothing")
            server = _server_of(monitor.pid)
            command = [
                sys.executable,
                "-m",
                "lib.web.viewers",
                "127.0.0.1",
                "8431",
                MACHINE,
                str(count),
                str(seconds),
            ]
            with Usage(server) as usage:
                done = subprocess.run(
                    command,
                    cwd=Path(__file__).parent,
                    env=environment(),
                    capture_output=True,
                    text=True,
                    check=True,
                )
            found = json.loads(done.stdout)
            lost = monitor.events("audio.gap", "device.lost")
            return {
                "viewers": found["viewers"],
                "dropped_frames": sum(int(event.get("gaps", 1)) for event in lost),
                "server_cores": round(usage.cores, 3),
                "peak_mib": round(usage.peak_mib, 1),
                "picture_delay_ms": round(found["p99_ms"], 1),
                "picture_delay_median_ms": round(found["median_ms"], 1),
                "picture_delay_most_ms": round(found["most_ms"], 1),
            }
        finally:
            monitor.stop()


def _server_of(monitor: int) -> psutil.Process:
    """Return the process of the dashboard beside a monitor."""
    children = psutil.Process(monitor).children()
    return next(child for child in children if "serve" in child.cmdline())


def hostile(count: int) -> dict[str, int]:
    """Send requests that must be refused; count those that were not, and those that made the server fail."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_plant(folder, 2, 0.1)
        add = [
            sys.executable,
            "-m",
            "anomaly",
            "serve",
            "users",
            "add",
            "guest",
            "--role",
            "viewer",
            "--password-stdin",
        ]
        subprocess.run(
            add, cwd=folder, env=environment(), input=PASSWORD, text=True, check=True, capture_output=True
        )
        accepted = failed = 0
        with running_server(folder) as server, httpx.Client(base_url=server.url, timeout=30) as client:
            stolen = _stolen(client)
            for request in hostile_requests(stolen, count):
                answer = client.request(
                    request.method, request.path, headers=request.headers, content=request.body
                )
                accepted += answer.status_code < 400
                failed += answer.status_code >= 500
                if answer.status_code < 400 or answer.status_code >= 500:
                    print(
                        f"{answer.status_code} {request.kind} {request.method} {request.path}",
                        file=sys.stderr,
                    )
                time.sleep(0.01)  # below the limit of one address, so that each is refused for what it is
    return {"hostile": count, "hostile_accepted": accepted, "hostile_failed": failed}


def _stolen(client: httpx.Client) -> Stolen:
    login = {"name": "guest", "password": PASSWORD}
    first = client.post("/api/v1/login", json=login)
    ended = first.cookies["anomaly_session"]
    client.post("/api/v1/logout", json={}, headers={"X-CSRF-Token": first.json()["csrf"]}).raise_for_status()
    client.cookies.clear()
    second = client.post("/api/v1/login", json=login)
    found = Stolen(ended, second.cookies["anomaly_session"], second.json()["csrf"], "0" * 32)
    client.cookies.clear()
    return found


def plant(machines: int, days: float, repeats: int = 9) -> dict[str, float]:
    """Time the overview and a year's curve of a large plant, and the first page of a cold browser."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_plant(folder, machines, days)
        with running_server(folder) as server, httpx.Client(base_url=server.url, timeout=60) as client:
            since_s = time.time() - days * 86_400
            curve = f"/api/v1/machines/{machine_names(machines)[machines // 2]}/scores?from={since_s}"
            page_ms, page_kb = _first_page(client)
            return {
                "machines": machines,
                "days": days,
                "database_mib": round((folder / "state/anomaly.sqlite").stat().st_size / 2**20),
                "overview_ms": _median_ms(client, "/api/v1/machines", repeats),
                "year_ms": _median_ms(client, f"{curve}&resolution=hour", repeats),
                "year_days_ms": _median_ms(client, f"{curve}&resolution=day", repeats),
                "first_page_ms": page_ms,
                "first_page_kb": page_kb,
            }


def _median_ms(client: httpx.Client, path: str, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begun_s = time.perf_counter()
        client.get(path).raise_for_status()
        times.append(1_000 * (time.perf_counter() - begun_s))
    return round(statistics.median(times), 1)


def _first_page(client: httpx.Client) -> tuple[float, float]:
    """Fetch the overview as a browser does: the page, its files, the modules that they import, and its data."""
    begun_s, sent = time.perf_counter(), 0
    waiting, seen = ["/"], set[str]()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        with client.stream("GET", path) as answer:
            sent += sum(len(part) for part in answer.iter_raw())
        text = client.get(path).text if path == "/" or path.endswith((".js", ".css", ".html")) else ""
        found = _PAGE_FILE.findall(text) + [
            str(httpx.URL(path).join(name).path) for name in re.findall(r'(?:from|import) "(\.[^"]+)"', text)
        ]
        waiting += [name for name in dict.fromkeys(found) if name not in seen and name not in waiting]
    for path in ("/api/v1/site", "/api/v1/machines"):
        sent += len(client.get(path).content)
    return round(1_000 * (time.perf_counter() - begun_s), 1), round(sent / 1_024, 1)


def main() -> None:
    """Measure all, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--machines", type=int, default=200)
    parser.add_argument("--days", type=float, default=365.0)
    parser.add_argument("--hostile", type=int, default=1_000)
    parser.add_argument("--only", choices=("viewers", "hostile", "plant"))
    given = parser.parse_args()
    found: dict[str, Any] = {}
    if given.only in (None, "viewers"):
        found |= viewers_beside_monitor(given.viewers, given.seconds)
    if given.only in (None, "hostile"):
        found |= hostile(given.hostile)
    if given.only in (None, "plant"):
        found |= plant(given.machines, given.days)
    if given.json:
        print(json.dumps(found))
    else:
        for key, value in found.items():
            print(f"{key:<28} {value}")


if __name__ == "__main__":
    main()
