import os
from pathlib import Path

import numpy as np
import pytest
from sets import DetectionSet, bldc_mix, slider_fault

from anomaly.audio.simulator import load_recipe
from anomaly.audio.simulator.third_octave import band_energies, own_bands
from anomaly.errors import InputError

REAL = Path(os.environ.get("ANOMALY_RECORDINGS", Path(__file__).parents[3] / "shared" / "audio"))
FAULTS = tuple(load_recipe("slider").faults)[:2]


def counts(one: DetectionSet) -> tuple[int, int]:
    return sum(c.label == "normal" for c in one.test), sum(c.label == "anomaly" for c in one.test)


def same(one: DetectionSet, other: DetectionSet) -> bool:
    pairs = zip(
        [*one.train, *(c.samples for c in one.test)],
        [*other.train, *(c.samples for c in other.test)],
        strict=True,
    )
    return all(np.array_equal(a, b) for a, b in pairs)


def test_faults_are_injected_into_the_held_out_normals(recordings: Path) -> None:
    loud, quiet = slider_fault(recordings, (0.0, -10.0), seed=1, faults=FAULTS)
    assert (loud.level_db, quiet.level_db) == (0.0, -10.0)
    assert loud.train is quiet.train
    assert len(loud.train) == 10
    assert counts(loud) == (4, 4 * len(FAULTS))
    normal = {clip.recording: clip.samples for clip in loud.test if clip.label == "normal"}
    for one, level_db in ((loud, 0.0), (quiet, -10.0)):
        for clip in one.test:
            if clip.label == "anomaly":
                assert clip.fault in FAULTS
                assert clip.samples.dtype == np.float32
                background = normal[clip.recording]
                fault = band_energies(clip.samples - background, 16_000)
                own = own_bands(fault)
                ratio = fault[own].sum() / band_energies(background, 16_000)[own].sum()
                assert 10 * np.log10(ratio) == pytest.approx(level_db, abs=0.05)


def test_slider_fault_depends_on_the_seed_alone(recordings: Path) -> None:
    one, again, other = (slider_fault(recordings, (0.0,), seed, FAULTS)[0] for seed in (3, 3, 4))
    assert same(one, again)
    assert not same(one, other)


def test_motors_are_mixed_into_disjoint_backgrounds(recordings: Path) -> None:
    loud, quiet = bldc_mix(recordings, (60.0, -60.0), seed=2, train_mixes=2, test_mixes=3)
    assert len(loud.train) == 3 * 2
    # Three normals and three faulty motors; 3.5 s pieces: one of 4 s and two of 7.5 s.
    assert counts(loud) == (3 * 3, 2 * 3 * 3)
    assert {len(clip.samples) for clip in loud.test} == {56_000}
    assert {clip.fault for clip in loud.test} == {None, "bearing"}
    # Motors far below the background leave the background: every scene holds all nine pieces, of either label.
    scenes = np.stack([clip.samples for clip in quiet.test]).reshape(3, 9, -1)
    np.testing.assert_allclose(scenes, np.broadcast_to(scenes[:, :1], scenes.shape), atol=3e-4)
    assert np.abs(scenes[0, 0] - scenes[1, 0]).max() > 3e-3


def test_level_is_that_of_the_motor_over_the_background(recordings: Path) -> None:
    quiet, loud = bldc_mix(recordings, (-80.0, 6.0), train_mixes=1, test_mixes=1)
    for background, mixed in zip(quiet.train, loud.train, strict=True):
        motor = mixed - background
        ratio_db = 20 * np.log10(np.std(motor) / np.std(background))
        assert ratio_db == pytest.approx(6.0, abs=0.1)


def test_bldc_mix_depends_on_the_seed_alone(recordings: Path) -> None:
    one, again, other = (bldc_mix(recordings, (0.0,), s, train_mixes=1, test_mixes=1)[0] for s in (3, 3, 4))
    assert same(one, again)
    assert not same(one, other)


def test_missing_recordings_are_refused(tmp_path: Path) -> None:
    for build in (slider_fault, bldc_mix):
        with pytest.raises(InputError, match="no such folder"):
            build(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="no real recordings here")
def test_real_recordings() -> None:
    one = slider_fault(REAL, (0.0,), faults=FAULTS[:1])[0]
    assert (len(one.train), *counts(one)) == (45, 15, 15)
    two = bldc_mix(REAL, (0.0,), train_mixes=1, test_mixes=1)[0]
    assert (len(two.train), *counts(two)) == (14, 14, 26)
    assert all(np.isfinite(clip.samples).all() for clip in (*one.test, *two.test))
