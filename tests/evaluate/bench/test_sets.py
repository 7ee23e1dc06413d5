import os
from pathlib import Path

import numpy as np
import pytest

from anomaly.audio.files.recordings import read_16k
from anomaly.audio.simulator import load_recipe, simulate
from anomaly.audio.simulator.third_octave import band_energies, own_bands
from anomaly.errors import InputError, UsageError
from anomaly.evaluate.bench import DetectionSet, bench_sets
from anomaly.evaluate.bench.backgrounds import read_backgrounds
from anomaly.evaluate.bench.bldc_mix import bldc_mix
from anomaly.evaluate.bench.clips import rms
from anomaly.evaluate.bench.rig import fault_of, rig
from anomaly.evaluate.bench.simulated import SNR_DB, simulated
from anomaly.evaluate.bench.slider_fault import slider_fault

REAL = Path(os.environ.get("ANOMALY_RECORDINGS", Path(__file__).parents[4] / "shared" / "audio"))
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
    assert (loud.level, quiet.level) == (0.0, -10.0)
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
    loud, quiet = bldc_mix(
        recordings, (60.0, -60.0), seed=2, backgrounds=("slider",), train_mixes=2, test_mixes=3
    )
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


def test_every_background_is_used_and_none_on_both_sides(recordings: Path) -> None:
    (one,) = bldc_mix(recordings, (-60.0,), train_mixes=1, test_mixes=2)
    assert len(one.train) == 3 * 2
    assert [clip.condition for clip in one.test].count("noise") == len(one.test) / 2
    slider, noise = read_backgrounds(recordings, ("slider", "noise"))
    assert (len(slider.train), len(slider.test)) == (10, 4)
    # aircon_1 is whole, its piece is left out; both pieces of street_0 are one recording.
    assert [len(sound) for sound in (*noise.train, *noise.test)] == [10 * 16_000, 10 * 16_000]
    assert rms(noise.test[0]) == pytest.approx(np.mean([rms(sound) for sound in slider.train]), rel=1e-4)


def test_an_unknown_background_is_refused(recordings: Path) -> None:
    with pytest.raises(UsageError, match="no background 'sea'"):
        read_backgrounds(recordings, ("sea",))


def test_the_rig_trains_on_first_and_tests_on_second_seconds_of_its_first_axis(recordings: Path) -> None:
    clean, quiet = rig(recordings, (80.0, -80.0), train_mixes=2, test_mixes=1)
    assert len(clean.train) == 2 * 2
    assert {len(clip.samples) for clip in clean.test} == {16_000}
    assert counts(clean) == (2, 4)
    assert {clip.fault for clip in clean.test} == {None, "outer_race", "unbalance"}
    normal = next(clip for clip in clean.test if clip.label == "normal")
    sound = read_16k(recordings / "rig" / f"{normal.recording}.wav", channel=0)
    for clip, half in ((clean.train[0], sound[:16_000]), (normal.samples, sound[16_000:32_000])):
        assert np.corrcoef(clip, half)[0, 1] > 0.999
    backgrounds = [clip.samples for clip in quiet.test if clip.condition == "slider"]
    np.testing.assert_allclose(backgrounds[0], backgrounds[1], atol=1e-5)


@pytest.mark.parametrize(
    ("stem", "fault"),
    [
        ("normal_1200_GoB_GS_BaLo_WA_00lb", None),
        ("anomaly_1200_HBF_GS_BaLo_WA_11lb", "ball"),
        ("anomaly_1200_LIR_GS_BaLo_WA_11lb", "inner_race"),
        ("anomaly_1200_GoB_BS_BaLo_WA_11lb", "bent_shaft"),
        ("anomaly_1200_GoB_GS_BaLo_MA_11lb", "misalignment"),
        ("anomaly_1200_GoB_GS_HImL_WA_11lb", "unbalance"),
    ],
)
def test_faults_of_the_rig(stem: str, fault: str | None) -> None:
    assert fault_of(stem) == fault


def test_simulated_faults_at_severities_and_speeds_that_training_never_had() -> None:
    weak, strong = simulated("valve", (0.1, 1.0), seed=1, train_clips=2, normals=3, per_fault=3)
    assert weak.train is strong.train
    assert (weak.name, weak.level, len(weak.train)) == ("sim-valve", 0.1, 2)
    assert counts(weak) == (3, 3 * 5)
    assert [clip.condition for clip in weak.test[:3]] == ["source", "source", "target"]
    assert len({clip.recording for clip in weak.test}) == len(weak.test)
    for quiet, loud in zip(weak.test, strong.test, strict=True):
        assert np.array_equal(quiet.samples, loud.samples) == (quiet.label == "normal")


def test_a_severity_is_that_of_the_simulator() -> None:
    one = simulated("valve", (0.3,), seed=2, train_clips=0, normals=0, per_fault=1)[0].test[0]
    own_seed = int(np.random.SeedSequence([2, 0]).generate_state(1)[0])
    sound = simulate(
        "valve",
        seconds=6.0,
        seed=own_seed,
        machine_id=2,
        fault=one.fault,
        severity=0.3,
        speed="slow",
        snr_db=SNR_DB,
    )
    np.testing.assert_allclose(one.samples, sound.samples, atol=2e-6)


def test_sets_by_name(recordings: Path) -> None:
    groups = list(bench_sets(recordings, 0, ("slider-fault", "rig")))
    assert [[(one.name, one.level) for one in group] for group in groups] == [
        [("slider-fault", level) for level in (0.0, -5.0, -10.0, -15.0)],
        *([("rig", level)] for level in (0.0, -6.0, -12.0)),
    ]
    with pytest.raises(UsageError, match="no set 'toaster'"):
        list(bench_sets(None, 0, ("toaster",)))
    with pytest.raises(InputError, match="no folder of recordings"):
        list(bench_sets(None, 0, ("rig",)))


def test_missing_recordings_are_refused(tmp_path: Path) -> None:
    for build in (slider_fault, bldc_mix, rig):
        with pytest.raises(InputError, match="no such folder"):
            build(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="no real recordings here")
def test_real_recordings() -> None:
    one = slider_fault(REAL, (0.0,), faults=FAULTS[:1])[0]
    assert (len(one.train), *counts(one)) == (45, 15, 15)
    two = bldc_mix(REAL, (0.0,), train_mixes=1, test_mixes=1)[0]
    assert (len(two.train), *counts(two)) == (28, 28, 52)
    three = rig(REAL, (0.0,), train_mixes=1, test_mixes=1)[0]
    assert (len(three.train), *counts(three)) == (12, 12, 144)
    assert all(np.isfinite(clip.samples).all() for clip in (*one.test, *two.test, *three.test))
