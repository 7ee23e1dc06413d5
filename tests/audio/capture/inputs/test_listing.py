"""List of inputs: cards, sources of the sound server, and ALSA names."""

from __future__ import annotations

import pytest

from anomaly.audio.capture.inputs.listing import inputs_hint, list_inputs
from support.sound_card import SoundServer


def test_the_list(fake_card: SoundServer) -> None:
    found = list_inputs()
    assert [entry.id for entry in found][:3] == ["hw:CARD=pump,DEV=0", "pulse:room.monitor", "pulse:mic"]
    assert {"pulse", "default"} <= {entry.id for entry in found}
    assert not {"lavrate", "speex"} & {entry.id for entry in found}
    assert found[0].name == "Pump microphone, USB Audio"
    assert found[2].channels == 1
    assert found[2].rates_hz == (48_000,)
    assert all(entry.problem is None for entry in found)


@pytest.mark.usefixtures("no_inputs")
def test_without_inputs_the_list_is_empty() -> None:
    assert list_inputs() == []
    assert "none" in inputs_hint()
