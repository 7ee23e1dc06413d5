"""The list of inputs, and what each way of naming one resolves to."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from sound_server import SoundServer

from anomaly.audio.capture.devices import Target, capture_command, inputs_hint, list_inputs, resolve
from anomaly.errors import DeviceError


def test_the_list(fake_card: SoundServer) -> None:
    found = list_inputs()
    assert [entry.id for entry in found][:3] == ["hw:CARD=pump,DEV=0", "pulse:room.monitor", "pulse:mic"]
    assert {"pulse", "default"} <= {entry.id for entry in found}
    assert not {"lavrate", "speex"} & {entry.id for entry in found}
    assert found[0].name == "Pump microphone, USB Audio"
    assert found[2].channels == 1
    assert found[2].rates_hz == (48_000,)
    assert all(entry.problem is None for entry in found)


def test_each_way_to_name_an_input(fake_card: SoundServer) -> None:
    card = 'type empty slave.pcm "{}"'
    pulse = 'type pulse device "mic"'
    words = "card 0, Pump microphone, USB Audio"
    expected = {
        "0": Target("hw:CARD=pump,DEV=0", f"hw:CARD=pump,DEV=0 ({words})", card.format("hw:CARD=pump,DEV=0")),
        "2": Target("pulse:mic", "Pulse source mic", pulse, pulse_source="mic", channels=1),
        "hw:0": Target("hw:0", f"hw:0 ({words})", card.format("hw:0")),
        "plughw:CARD=pump": Target(
            "plughw:CARD=pump", f"plughw:CARD=pump ({words})", card.format("plughw:CARD=pump")
        ),
        "pulse:mic": Target("pulse:mic", "Pulse source mic", pulse, pulse_source="mic", channels=1),
        "mic": Target("mic", "Pulse source mic", pulse, pulse_source="mic", channels=1),
        "default": Target("default", "default (ALSA name)", card.format("default")),
        "mine": Target("mine", "mine (ALSA name)", card.format("mine")),
    }
    assert {device: resolve(device) for device in expected} == expected


@pytest.mark.parametrize("device", ["", "a\nb", "hw:CARD=other", "hw:1", "99"])
def test_names_that_mean_nothing(device: str, fake_card: SoundServer) -> None:
    with pytest.raises(DeviceError) as caught:
        resolve(device)
    assert "inputs here: hw:CARD=pump,DEV=0, pulse:room.monitor, pulse:mic" in str(caught.value.hint)


@pytest.mark.usefixtures("no_inputs")
def test_nothing_to_list() -> None:
    assert list_inputs() == []
    assert "none" in inputs_hint()


def test_the_capture_process_comes_from_this_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    command, environment = capture_command("--list")
    assert command == [sys.executable, "-P", "-m", "anomaly.audio.capture.worker", "--list"]
    first, second = environment["PYTHONPATH"].split(os.pathsep)
    assert (Path(first) / "anomaly" / "audio" / "capture.py").is_file()
    assert second == "/elsewhere"
