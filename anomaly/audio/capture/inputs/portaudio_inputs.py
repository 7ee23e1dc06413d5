"""Inputs that PortAudio knows, listed by a process of its own, so that a device plugged in later is seen."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass

from anomaly.audio.capture.worker_command import capture_command
from anomaly.errors import DeviceError

LIST_TIMEOUT_S = 20.0
_CARD_SUFFIX = re.compile(r"\((hw:\d+,\d+)\)$")


@dataclass(frozen=True)
class PortAudioInput:
    """One input as PortAudio names it.

    Args:
        name: full name.
        host: host API, such as ``ALSA``.
        channels: number it offers; plugins and sound servers offer more than there are.
    """

    name: str
    host: str
    channels: int

    @property
    def card(self) -> str | None:
        """ALSA's name of the card that PortAudio names in its own way; None where it is no card."""
        match = _CARD_SUFFIX.search(self.name)
        return None if match is None else match[1]


def portaudio_inputs() -> list[PortAudioInput]:
    """Return the inputs in PortAudio's order.

    Raises:
        DeviceError: PortAudio is not installed, crashes, or does not answer.
    """
    command, environment = capture_command("--list")
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIST_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(
            f"PortAudio did not list its inputs within {LIST_TIMEOUT_S:.0f} s",
            hint="a sound server or a device hangs: restart it",
        ) from error
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise DeviceError(
            f"PortAudio crashed while listing inputs ({' '.join(last) or done.returncode})"
        ) from error
    if "error" in answer:
        raise DeviceError(answer["error"], hint=answer["hint"])
    return [PortAudioInput(entry["name"], entry["host"], entry["channels"]) for entry in answer["inputs"]]
