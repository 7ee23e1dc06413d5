"""Costs of monitoring: processor, memory and delay of one microphone at 48 kHz, and 64 streams in real time."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile

from lib.monitor.monitor_process import (
    MACHINE,
    RATE_HZ,
    MonitorProcess,
    pump_sound,
    running_sound_server,
    trained_machine,
)

STREAMS = 64
# A stream whose records come later than this after their seconds is not in real time.
REAL_TIME_LIMIT_S = 1.0


def pss_mib(processes: list[psutil.Process]) -> float:
    """Proportional set size of processes in MiB: shared pages are divided among their users."""
    total = 0
    for process in processes:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def cpu_s(processes: list[psutil.Process]) -> float:
    """Processor seconds of processes and of their children that have ended."""
    return sum(sum(process.cpu_times()[:4]) for process in processes)


def long_lived_processes(monitor: MonitorProcess) -> list[psutil.Process]:
    """Processes of a monitor that last: itself, its capture process, and its subscription to the sound server."""
    parent = psutil.Process(monitor.pid)
    long_lived = ("anomaly.audio.capture.worker", "subscribe")
    return [
        parent,
        *(child for child in parent.children() if any(word in child.cmdline() for word in long_lived)),
    ]


def delays_ms(monitor: MonitorProcess, since: int) -> list[float]:
    """Delays from the last sample of each second, by the clock of the capture, to its line on stdout."""
    return [
        1000 * (record["received_s"] - datetime.fromisoformat(record["time"]).timestamp())
        for record in monitor.seconds[since:]
    ]


def one_microphone(models: Path, seconds: int) -> dict[str, float]:
    """Measure a microphone of 48 kHz behind a sound server, with capture and resampling."""
    with running_sound_server() as server, tempfile.TemporaryDirectory() as folder:
        server.play(pump_sound())
        words = ["--device", "pulse:mic", "--machine", MACHINE, "--models", str(models), "--state", folder]
        monitor = MonitorProcess(words, Path(folder))
        if not monitor.wait_for_seconds(12):
            raise RuntimeError("the monitor scores no seconds")
        tree = long_lived_processes(monitor)
        used_before_s, first, start_s = (
            [cpu_s([part]) for part in tree],
            len(monitor.seconds),
            time.monotonic(),
        )
        time.sleep(seconds)
        elapsed_s = time.monotonic() - start_s
        parts = [
            (cpu_s([part]) - used_s) / elapsed_s for part, used_s in zip(tree, used_before_s, strict=True)
        ]
        memory = pss_mib(tree)
        delays = delays_ms(monitor, first)
        monitor.stop()
    return {
        "core_percent_per_microphone": round(100 * sum(parts), 2),
        "core_percent_scoring": round(100 * parts[0], 2),
        "core_percent_capture": round(100 * sum(parts[1:]), 2),
        "rss_mib": round(memory, 1),
        "latency_p99_ms": round(float(np.quantile(delays, 0.99)), 1),
        "latency_p50_ms": round(float(np.median(delays)), 1),
    }


def many_streams(models: Path, streams: int, seconds: int) -> dict[str, Any]:
    """Measure recordings of 48 kHz played in real time, each with a machine of its own in one site file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        soundfile.write(folder / "sound.wav", pump_sound(seconds), RATE_HZ, subtype="PCM_16")
        lines = ["machines:"]
        for number in range(streams):
            # A file can be the source of one machine only; a link counts as another file.
            os.symlink("sound.wav", folder / f"{number:02}.wav")
            lines += [f"  m{number:02}:", f"    source: {folder}/{number:02}.wav", f"    model: {MACHINE}"]
        (folder / "site.yaml").write_text("\n".join(lines) + "\n")
        monitor = MonitorProcess(["--config", "site.yaml", "--models", str(models), "--state", name], folder)
        process = psutil.Process(monitor.pid)
        monitor.wait_for(lambda: len(monitor.seconds) >= streams, 120)
        used_s, at_s = cpu_s([process]), time.monotonic()
        expected = streams * (seconds - 4)
        monitor.wait_for(lambda: len(monitor.seconds) >= expected, 2 * seconds + 60)
        share = (cpu_s([process]) - used_s) / (time.monotonic() - at_s)
        monitor.wait_for(lambda: len(monitor.seconds) >= streams * seconds, 60)
        monitor.stop()
        judged = {
            f"m{n:02}": [r for r in monitor.seconds if r["machine"] == f"m{n:02}"] for n in range(streams)
        }
        delays = {name: _latest_s(records) for name, records in judged.items()}
    return {
        "streams_in_real_time": sum(delay < REAL_TIME_LIMIT_S for delay in delays.values()),
        "dropped_frames": sum(seconds - len(records) for records in judged.values()),
        "streams_latest_s": round(max(delays.values()), 2),
        "streams_core_percent": round(100 * share, 1),
    }


def _latest_s(records: list[dict[str, Any]]) -> float:
    """Largest delay of a stream's records, without the first two, because all streams start at once."""
    late = [r["received_s"] - datetime.fromisoformat(r["time"]).timestamp() for r in records[2:]]
    return max(late, default=float("inf"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="for half a minute instead of three")
    options = parser.parse_args()
    with trained_machine() as folder:
        seconds = 30 if options.quick else 180
        figures: dict[str, Any] = one_microphone(folder / "models", seconds)
        figures |= many_streams(folder / "models", STREAMS, 30 if options.quick else 120)
    # With a negative niceness other processes wait, but still use the caches.
    figures |= {"niceness": os.nice(0), "load_average": round(os.getloadavg()[1], 1)}
    print(json.dumps(figures) if options.json else "\n".join(f"{k:<28} {v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
