"""Sources of a PulseAudio or PipeWire server, as ``pactl`` lists them."""

from __future__ import annotations

import os
import re
import subprocess

from anomaly.audio.capture.inputs.input_device import InputDevice

LIST_SOURCES = ["pactl", "list", "short", "sources"]
_LIST_TIMEOUT_S = 5


def pulse_sources() -> list[InputDevice]:
    """Return the sources of a running server; none where ``pactl`` is not installed or gets no answer."""
    try:
        done = subprocess.run(
            LIST_SOURCES,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIST_TIMEOUT_S,
            check=True,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for line in done.stdout.splitlines():
        fields = line.split("\t")
        match = re.search(r"(\d+)ch (\d+)Hz", fields[3]) if len(fields) > 3 else None
        if match:
            kind = "what is played on a sink" if fields[1].endswith(".monitor") else "Pulse source"
            found.append(InputDevice(f"pulse:{fields[1]}", kind, (int(match[2]),), int(match[1])))
    return found


def lists_source(output: str, name: str) -> bool:
    """Return whether a source of exactly this name stands in the output of ``LIST_SOURCES``."""
    return any(line.split("\t")[1:2] == [name] for line in output.splitlines())
