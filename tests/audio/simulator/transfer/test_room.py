from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator.recipe.model import MicrophoneModel, Room
from anomaly.audio.simulator.seeds import stream
from anomaly.audio.simulator.transfer.room import microphone_response, room_response, self_noise


def test_direct_sound_then_a_decaying_tail_of_the_given_energy() -> None:
    answer = room_response(Room(reverb_s=0.3, wet_db=-6.0), 16_000, stream("room", 1))
    assert answer[0] == 1.0
    assert 10.0 * np.log10(np.sum(answer[1:] ** 2)) == pytest.approx(-6.0, abs=0.1)
    assert not answer[1:20].any() or np.abs(answer[1:20]).max() < 0.05
    early, late = np.sum(answer[100:1_000] ** 2), np.sum(answer[-900:] ** 2)
    assert 10.0 * np.log10(early / late) > 25.0
    again = room_response(Room(reverb_s=0.3, wet_db=-6.0), 16_000, stream("room", 1))
    assert np.array_equal(answer, again)


def test_a_microphone_attenuates_below_and_above_its_band() -> None:
    answer = microphone_response(MicrophoneModel(low_hz=50.0, high_hz=5_000.0), 16_000, stream("mic"))
    spectrum = 20.0 * np.log10(np.abs(np.fft.rfft(answer, 16_000)) + 1e-12)
    assert spectrum[20:25].mean() < spectrum[300:3_000].mean() - 8.0
    assert spectrum[7_500] < spectrum[300:3_000].mean() - 4.0
    assert 0.3 < spectrum[100:4_000].std() < 3.0


def test_self_noise_has_unit_rms() -> None:
    assert self_noise(200_000, stream("noise")).std() == pytest.approx(1.0, abs=0.01)
