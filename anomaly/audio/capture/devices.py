"""Which inputs there are, and which of them a ``--device`` means: resolved by us, exactly."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anomaly.audio.capture import alsa, usb
from anomaly.errors import DeviceError

LIST_TIMEOUT_S = 20.0
LIST_SOURCES = ["pactl", "list", "short", "sources"]
_CARD_SUFFIX = re.compile(r"\(hw:\d+,\d+\)$")
# Converters that ALSA's configuration lists beside the inputs; each of them ends at `default` anyway.
_CONVERTERS = {
    "lavrate",
    "samplerate",
    "speexrate",
    "speex",
    "upmix",
    "vdownmix",
    "a52",
    "jack",
    "oss",
    "usbstream",
}


@dataclass(frozen=True)
class InputDevice:
    """One input that can be captured from.

    Args:
        id: what to give to ``--device``; stays the same when other devices come and go.
        name: words for people.
        rates_hz: known rates; () where it takes any, or does not say.
        channels: how many there are, None where unknown.
        problem: why it cannot be used at the moment.
        alsa: the card's name for ALSA, None where it is no card.
    """

    id: str
    name: str
    rates_hz: tuple[int, ...]
    channels: int | None
    problem: str | None = None
    alsa: str | None = None


@dataclass(frozen=True)
class Target:
    """An input, resolved: how the capture process reaches it, and what to tell people.

    Exactly one of ``alsa_definition`` (the body of an ALSA configuration entry), ``portaudio_name``
    and ``address`` (of a stream that ffmpeg reads) is set.

    Args:
        device: what was asked for.
        description: words for people.
        rates_hz: the rates it is known to take; () where it does not say.
        pulse_source: name of the sound server's source, where it is one.
        channels: how many it is known to have; None where it does not say.
    """

    device: str
    description: str
    alsa_definition: str | None = None
    portaudio_name: str | None = None
    rates_hz: tuple[int, ...] = ()
    address: str | None = None
    pulse_source: str | None = None
    channels: int | None = None


def list_inputs() -> list[InputDevice]:
    """All inputs: cards, sound-server sources, names from the ALSA configuration.

    PortAudio is asked in a process of its own, so that a device plugged in later is seen.

    Raises:
        DeviceError: PortAudio is not installed.
    """
    known = _portaudio_inputs()
    cards = alsa.card_inputs()
    names = [card.stable_name for card in cards]
    found = [
        InputDevice(
            card.stable_name if names.count(card.stable_name) == 1 else card.name_at_port,
            f"{card.card_name}, {card.device_name}",
            card.rates_hz,
            card.channels,
            card.problem,
            card.name,
        )
        for card in cards
    ]
    found += pulse_sources()
    for entry in known:
        name = entry["name"]
        if entry["host"] == "ALSA" and (name in _CONVERTERS or _CARD_SUFFIX.search(name)):
            continue
        label = "ALSA name" if entry["host"] == "ALSA" else entry["host"]
        found.append(InputDevice(name, label, (), None if entry["channels"] >= 32 else entry["channels"]))
    return found


def resolve(device: str) -> Target:
    """Find out which input ``device`` means.

    It may be a number of ``anomaly devices``, ``hw:N[,M]``, ``hw:CARD=id[,DEV=M]``, ``plughw:...``,
    ``usb:VENDOR:PRODUCT[:SERIAL][@PORT]``, a Pulse source (``pulse:NAME`` or its plain name), any name
    of the ALSA configuration, or the full name of a PortAudio device. Nothing is matched by its
    beginning: ``hw:1`` is never ``hw:10``.

    Raises:
        DeviceError: there is no such input; the hint lists those there are.
    """
    if not device or not device.isprintable():
        raise DeviceError("a device needs a name", hint=inputs_hint())
    if device.isascii() and device.isdigit():
        return _numbered(int(device))
    if alsa.parse_hardware(device) is not None:
        return _hardware(device)
    if device.startswith(usb.PREFIX):
        return _usb(device)
    if device.startswith("pulse:"):
        return _pulse(device, device.removeprefix("pulse:"))
    if any(source.id == f"pulse:{device}" for source in pulse_sources()):
        return _pulse(device, device)
    return _named(device)


def _pulse(device: str, source: str) -> Target:
    words, definition = f"Pulse source {source}", alsa.pulse_definition(source)
    known = next((one.channels for one in pulse_sources() if one.id == f"pulse:{source}"), None)
    return Target(device, words, alsa_definition=definition, pulse_source=source, channels=known)


def trouble(target: Target) -> str | None:
    """Why the card that is meant cannot be used now: no permission, busy and by whom, a wrong rate.

    Returns:
        None where nothing is known against it, and for what is no card.
    """
    hardware, usb_name = alsa.parse_hardware(target.device), usb.parse_usb(target.device)
    if hardware is None and usb_name is None:
        return None
    for card in alsa.card_inputs():
        meant = hardware.means(card) if hardware is not None else False
        if meant or (usb_name is not None and usb_name.means(card.usb, card.device)):
            return card.problem
    return None


def inputs_hint() -> str:
    """One line that lists what there is, for the hint of an error."""
    try:
        found = list_inputs()
    except DeviceError as error:
        return error.hint or error.message
    if not found:
        return "inputs here: none; plug in a microphone, or start a sound server"
    return "inputs here: " + ", ".join(entry.id for entry in found) + " (`anomaly devices` says more)"


def capture_command(*arguments: str) -> tuple[list[str], dict[str, str]]:
    """The command line and environment that run ``anomaly.audio.capture.worker`` from this very package."""
    root = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
    # -P: a file called `json.py` in the current folder must not become part of the capture process.
    return [sys.executable, "-P", "-m", "anomaly.audio.capture.worker", *arguments], {
        **os.environ,
        "PYTHONPATH": path,
    }


def _numbered(number: int) -> Target:
    found = list_inputs()
    if number >= len(found):
        raise DeviceError("there is no input of that number", where=number, hint=inputs_hint())
    return resolve(found[number].id)


def _hardware(device: str) -> Target:
    asked = alsa.parse_hardware(device)
    cards = alsa.card_inputs()
    meant = [card for card in cards if asked is not None and asked.means(card)]
    if cards and not meant:
        raise DeviceError("there is no such card or device", where=device, hint=inputs_hint())
    # Without any list of cards (a container without /proc/asound) ALSA itself decides.
    if not meant:
        return Target(device, f"{device} (ALSA device)", alsa_definition=alsa.definition(device))
    definition, rates_hz = alsa.definition(device), meant[0].rates_hz
    return Target(device, f"{device} ({_words(meant[0])})", alsa_definition=definition, rates_hz=rates_hz)


def _usb(device: str) -> Target:
    asked = usb.parse_usb(device)
    if asked is None:
        words = "is no USB name: usb:VENDOR:PRODUCT, then :SERIAL or @PORT where there are several"
        raise DeviceError(words, where=device, hint=inputs_hint())
    meant = [card for card in alsa.card_inputs() if asked.means(card.usb, card.device)]
    if not meant:
        raise DeviceError("no such USB microphone is plugged in", where=device, hint=inputs_hint())
    if len(meant) > 1:
        names = ", ".join(f"{card.stable_name} (port {card.usb and card.usb.path})" for card in meant)
        raise DeviceError(f"means {len(meant)} microphones", where=device, hint=f"say which: {names}")
    definition = alsa.definition(meant[0].name)
    words = f"{device} ({_words(meant[0])})"
    return Target(device, words, alsa_definition=definition, rates_hz=meant[0].rates_hz)


def _words(card: alsa.CardInput) -> str:
    return f"card {card.card}, {card.card_name}, {card.device_name}"


def _named(device: str) -> Target:
    for entry in _portaudio_inputs():
        if entry["name"] != device:
            continue
        card = _CARD_SUFFIX.search(device)
        if card:
            return _hardware(card[0].strip("()"))
        if entry["host"] != "ALSA":
            return Target(device, f"{device} ({entry['host']})", portaudio_name=device)
    # PortAudio hides many ALSA names that can be opened; ALSA says so if this one cannot.
    return Target(device, f"{device} (ALSA name)", alsa_definition=alsa.definition(device))


def _portaudio_inputs() -> list[dict[str, Any]]:
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
    inputs: list[dict[str, Any]] = answer["inputs"]
    return inputs


def pulse_sources() -> list[InputDevice]:
    """Sources of a running Pulse or PipeWire server; none where its `pactl` is not installed."""
    try:
        done = subprocess.run(
            LIST_SOURCES,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=5,
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


def has_source(listed: str, name: str) -> bool:
    """Whether a source stands in what ``LIST_SOURCES`` printed."""
    return any(line.split("\t")[1:2] == [name] for line in listed.splitlines())
