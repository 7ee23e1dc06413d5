"""Resolution of each way of naming an input."""

from __future__ import annotations

import pytest

from anomaly.audio.capture.inputs.input_device import Target
from anomaly.audio.capture.inputs.resolve import resolve
from anomaly.errors import DeviceError
from support.sound_card import SoundServer


def test_each_kind_of_name(fake_card: SoundServer) -> None:
    card = 'type empty slave.pcm "{}"'
    pulse = 'type pulse device "mic"'
    description = "card 0, Pump microphone, USB Audio"
    expected = {
        "0": Target(
            "hw:CARD=pump,DEV=0", f"hw:CARD=pump,DEV=0 ({description})", card.format("hw:CARD=pump,DEV=0")
        ),
        "2": Target("pulse:mic", "Pulse source mic", pulse, pulse_source="mic", channels=1),
        "hw:0": Target("hw:0", f"hw:0 ({description})", card.format("hw:0")),
        "plughw:CARD=pump": Target(
            "plughw:CARD=pump", f"plughw:CARD=pump ({description})", card.format("plughw:CARD=pump")
        ),
        "pulse:mic": Target("pulse:mic", "Pulse source mic", pulse, pulse_source="mic", channels=1),
        "mic": Target("mic", "Pulse source mic", pulse, pulse_source="mic", channels=1),
        "default": Target("default", "default (ALSA name)", card.format("default")),
        "mine": Target("mine", "mine (ALSA name)", card.format("mine")),
    }
    assert {device: resolve(device) for device in expected} == expected


@pytest.mark.parametrize("device", ["", "a\nb", "hw:CARD=other", "hw:1", "99"])
def test_an_unknown_name_is_an_error_that_lists_the_inputs(device: str, fake_card: SoundServer) -> None:
    with pytest.raises(DeviceError) as caught:
        resolve(device)
    assert "inputs here: hw:CARD=pump,DEV=0, pulse:room.monitor, pulse:mic" in str(caught.value.hint)
