"""Alerts under chaos: is any event lost, doubled or out of order while sinks fail and the process is killed?

    python benchmarks/alerts_chaos.py [--json] [--quick] [--events N] [--kills N] [--seed N]

A process changes cases of forty machines and delivers the messages to sinks whose connections refuse, hang, or are cut
in the middle at random; it is killed with -9 again and again, and the next one continues on its database.

    events             changes of cases that were stored
    kills              how often the process was killed
    lost               events that a sink never got, and changes that were reported but not stored; all sinks together
    doubled            events that reached a sink under more than one key, work orders beyond one per case, and at
                       receivers that know no keys (mail, syslog, Apprise) repetitions that no kill and no broken
                       connection explains
    out_of_order       events that first reached a sink before an earlier one of their case
    repeated           deliveries that were repeated with their key: most receivers recognise them
    events_per_second  changes of cases stored and delivered to two sinks that confirm at once, in one process
    events_per_cpu_second  the same for each second of one core: what a computer that does nothing else reaches
    drain_per_second   messages of an outage delivered to one sink
    drain_peak_mib     growth of the memory while 100,000 messages are delivered after an outage
    sinks              lost, doubled, out_of_order, repeated of each sink; broken: its connections that were cut or hung
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from anomaly.store.store import DATABASE_NAME, Store
from lib.alerts.chaos_count import count
from lib.alerts.chaos_http_sides import AlertmanagerSide, AppriseSide, CmmsSide
from lib.alerts.chaos_line_sides import EmailSide, SyslogSide
from lib.alerts.chaos_receivers import ChaosReceiver, MqttSide, WebhookSide
from lib.alerts.chaos_scada_sides import OpcUaSide, SparkplugSide
from lib.alerts.flaky_proxy import MODES, FlakyProxy
from lib.progress import log

_MONITOR = Path(__file__).parent / "lib" / "alerts" / "chaos_monitor.py"
_THROUGHPUT = Path(__file__).parent / "lib" / "alerts" / "outbox_throughput.py"
_LONGEST_RUN_S = 1.5
# Every third process lives longer, so that the OPC UA server has started and is killed, too.
_LONGER = 3
_DRAIN_S = 300.0
_UP_SHARE = 0.4


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="JSON on stdout")
    parser.add_argument(
        "--quick", action="store_true", help="100 events, 5 kills, an outage of 5,000 messages"
    )
    parser.add_argument("--events", type=int, default=None)
    parser.add_argument("--kills", type=int, default=None)
    parser.add_argument("--seed", type=int, default=17)
    options = parser.parse_args()
    events = options.events or (100 if options.quick else 1_000)
    kills = options.kills or (5 if options.quick else 50)
    with tempfile.TemporaryDirectory() as folder:
        found = chaos(Path(folder), events, kills, options.seed)
    found |= throughput(5_000 if options.quick else 100_000)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:<18} {value}")


def chaos(folder: Path, events: int, kills: int, seed: int) -> dict[str, Any]:
    """Run the process again and again; count what each sink got."""
    rng, reported = random.Random(seed), []
    with ExitStack() as opened:
        sides = [opened.enter_context(side) for side in receivers(folder)]
        proxies = [opened.enter_context(FlakyProxy(side.port, seed)) for side in sides]
        ports = [f"{side.kind}={sink_port(side, proxy)}" for side, proxy in zip(sides, proxies, strict=True)]
        path = folder / DATABASE_NAME
        for number in range(kills):
            # The events are spread over all kills.
            wanted = events * (number + 1) // (kills + 1)
            after_s = OpcUaSide.start_s if number % _LONGER == 1 else 0.0
            reported += run(path, wanted, ports, proxies, rng, after_s)
            log(f"kill {number + 1} of {kills}: {len(reported)} events reported")
        for proxy in proxies:
            proxy.set_mode("up")
        reported += run(path, events, ports, [], rng)
        broken = {side.kind: proxy.broken for side, proxy in zip(sides, proxies, strict=True)}
        with Store.open(path) as store:
            totals, sinks = count(store, sides, reported, {kind: kills + one for kind, one in broken.items()})
    sinks = {kind: counts | {"broken": broken[kind]} for kind, counts in sinks.items()}
    return totals | {"kills": kills, "sinks": sinks}


def receivers(folder: Path) -> list[ChaosReceiver]:
    """Return the other side of each kind of sink."""
    return [
        *(WebhookSide(), MqttSide(folder), EmailSide(), SyslogSide()),
        *(AlertmanagerSide(), CmmsSide(), AppriseSide()),
        *(SparkplugSide(folder), OpcUaSide(folder)),
    ]


def sink_port(side: ChaosReceiver, proxy: FlakyProxy) -> int:
    """Return the port of a sink: that of the proxy; OPC UA is the server itself, and its client uses the proxy."""
    return side.sink_port(proxy.port) if isinstance(side, OpcUaSide) else proxy.port


def run(
    path: Path,
    events: int,
    ports: list[str],
    proxies: list[FlakyProxy],
    rng: random.Random,
    after_s: float = 0.0,
) -> list[str]:
    """Run the process; with proxies kill it at a random moment, else wait for its end. Return the cases it reported.

    Args:
        path: the database.
        events: number to reach.
        ports: of the sinks, by their kinds.
        proxies: in front of their other sides.
        rng: of the moments.
        after_s: it is not killed before.

    Raises:
        RuntimeError: it died by itself, or does not end.
    """
    root = Path(__file__).parent
    environ = os.environ | {"PYTHONPATH": f"{root.parent}{os.pathsep}{root}"}
    command = [sys.executable, str(_MONITOR), str(path), str(events), *ports]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environ)
        with process:
            assert process.stdout is not None
            first = process.stdout.readline()
            if proxies:
                end = time.monotonic() + after_s + rng.uniform(0.05, _LONGEST_RUN_S)
                while time.monotonic() < end:
                    for proxy in proxies:
                        proxy.set_mode("up" if rng.random() < _UP_SHARE else rng.choice(MODES[1:]))
                    time.sleep(rng.uniform(0.02, 0.3))
            else:
                deadline = time.monotonic() + _DRAIN_S
                while process.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.05)
            process.kill()
            lines = [first, *process.stdout.read().splitlines(keepends=True)]
        errors.seek(0)
        said = errors.read()
    whole = [line.split() for line in lines if line.endswith("\n")]
    if "Traceback" in said or not whole or (not proxies and whole[-1] != ["done"]):
        raise RuntimeError(f"the process failed: {said or 'it does not end'}")
    return [line[1] for line in whole if line[0] == "event"]


def throughput(messages: int) -> dict[str, Any]:
    """Measure how fast the outbox works, in a process of its own so that its memory is its own."""
    root = Path(__file__).parent
    environ = os.environ | {"PYTHONPATH": f"{root.parent}{os.pathsep}{root}"}
    done = subprocess.run(
        [sys.executable, str(_THROUGHPUT), str(messages)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environ,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
