"""Normal sound in the hall: no minute of the hall is used twice, and its level is that of the simulator."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator import simulate
from lib.monitor import hall_sound
from lib.monitor.hall_sound import mixed_takes


@pytest.fixture(autouse=True)
def short_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hall_sound, "TAKE_S", 6)


def test_the_hall_is_new_in_every_take() -> None:
    made = list(mixed_takes("pump", 2, 5))
    own = [
        simulate("pump", seconds=6, seed=50_000 + number, states="cycle").normal_samples for number in (0, 1)
    ]
    halls = np.stack([sound - own[number % 2] for number, sound in enumerate(made)])
    alike = np.abs(np.corrcoef(halls) - np.eye(5))
    assert alike.max() < 0.2
    for number, hall in enumerate(halls):
        ratio_db = 10 * np.log10(np.mean(own[number % 2] ** 2) / np.mean(hall**2))
        assert ratio_db == pytest.approx(hall_sound.SNR_DB, abs=0.01)


def test_a_fault_begins_after_its_lead() -> None:
    fault = hall_sound.fault_take("pump", "rub", 1.0, 0)
    normal = hall_sound.fault_take("pump", "rub", 0.0, 0)
    lead = hall_sound.LEAD_S * 16_000
    assert len(fault) == (hall_sound.LEAD_S + hall_sound.FAULT_S) * 16_000
    assert np.abs(fault - normal)[: lead - 1_600].max() < 1e-3
    assert np.abs(fault - normal)[lead:].max() > 1e-2
