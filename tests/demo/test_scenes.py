"""The sounds of the demo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomaly.audio.files.recordings import read_16k
from anomaly.audio.simulator import load_recipe
from anomaly.demo import scenes


def test_the_bearing_fails_slowly_after_a_healthy_while() -> None:
    time_s = np.arange(0.0, 100.0, 1.0)
    severity = scenes.severity_at(time_s, 100.0)
    assert scenes.fault_begins_s(100.0) == 40.0
    assert np.all(severity[time_s <= 40] == 0)
    assert np.all(np.diff(severity) >= 0)
    assert severity[65] == pytest.approx(0.5)
    assert np.all(severity[time_s >= 90] == 1)


def test_the_failing_pump_is_the_same_for_the_same_seed_and_grows_louder(tmp_path: Path) -> None:
    first = read_16k(scenes.write_failing(tmp_path / "a.wav", 60.0, seed=4))
    again = read_16k(scenes.write_failing(tmp_path / "b.wav", 60.0, seed=4))
    other = read_16k(scenes.write_failing(tmp_path / "c.wav", 60.0, seed=5))
    assert len(first) == 60 * 16_000
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    healthy, failed = first[: 24 * 16_000], first[-6 * 16_000 :]
    assert failed.std() > 1.5 * healthy.std()


def test_the_healthy_pump_lies_where_training_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "HEALTHY_S", 31.0)
    folder = scenes.write_healthy(tmp_path / "pump", seed=4)
    assert [str(path.relative_to(folder)) for path in folder.rglob("*.wav")] == ["normal/normal_healthy.wav"]
    assert len(read_16k(folder / "normal/normal_healthy.wav")) == 31 * 16_000


@pytest.mark.slow
def test_unseen_clips_show_every_fault_at_every_severity() -> None:
    clips = list(scenes.test_clips(seed=4))
    faults = set(load_recipe(scenes.MACHINE).faults)
    assert {len(clip.samples) for clip in clips} == {160_000}
    assert sum(clip.fault is None for clip in clips) == 40
    shown = [(clip.fault, clip.severity) for clip in clips if clip.fault is not None]
    assert len(shown) == 2 * len(set(shown)) == 2 * 3 * len(faults)
    assert {fault for fault, _ in shown} == faults
    assert all(clip.severity == 0 for clip in clips if clip.fault is None)
