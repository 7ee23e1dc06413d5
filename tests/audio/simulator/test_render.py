"""Properties of every take: reproducible, the sum of its parts, within full scale."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly.audio.simulator import fault_sound, load_recipe, recipe_names, simulate
from anomaly.audio.simulator.third_octave import band_energies, own_bands
from anomaly.errors import InputError, UsageError

MACHINES = recipe_names()
FAULTS = [(machine, fault) for machine in MACHINES for fault in load_recipe(machine).faults]


def level_db(sound: NDArray[np.float32]) -> float:
    return float(10.0 * np.log10(np.mean(np.square(sound, dtype=np.float64))))


def bands_db(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    return 10.0 * np.log10(band_energies(sound, 16_000) / len(sound) + 1e-20)


@pytest.mark.parametrize("machine", MACHINES)
def test_same_seed_same_samples(machine: str) -> None:
    first = simulate(machine, seconds=3.0, seed=5, machine_id=2, states="cycle", snr_db=6.0)
    again = simulate(machine, seconds=3.0, seed=5, machine_id=2, states="cycle", snr_db=6.0)
    assert first.samples.tobytes() == again.samples.tobytes()
    assert first.samples.dtype == np.float32
    assert first.samples.shape == (48_000,)
    assert first.states == again.states


def test_same_samples_in_another_process() -> None:
    code = (
        "import hashlib; from anomaly.audio.simulator import simulate;"
        "s = simulate('pump', seconds=2.0, seed=7, fault='rub', severity=0.4, snr_db=3.0);"
        "print(hashlib.sha256(s.samples.tobytes()).hexdigest())"
    )
    environment = dict(os.environ)
    digests = set()
    for hash_seed in ("1", "2"):
        environment["PYTHONHASHSEED"] = hash_seed
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
        )
        digests.add(done.stdout)
    assert len(digests) == 1


@pytest.mark.parametrize(("machine", "fault"), FAULTS)
def test_a_fault_is_added_to_the_same_normal_sound(machine: str, fault: str) -> None:
    healthy = simulate(machine, seconds=2.0, seed=3, snr_db=10.0)
    broken = simulate(machine, seconds=2.0, seed=3, snr_db=10.0, fault=fault, severity=0.3)
    assert np.array_equal(healthy.normal_samples, broken.normal_samples)
    assert np.array_equal(healthy.background_samples, broken.background_samples)
    assert broken.fault_samples.std() > 0.0
    assert not healthy.fault_samples.any()
    added = broken.normal_samples + broken.fault_samples + broken.background_samples
    quiet = np.abs(added) < 0.8
    assert quiet.mean() > 0.99
    np.testing.assert_allclose(broken.samples[quiet], added[quiet], atol=1e-6)


@pytest.mark.parametrize(("machine", "fault"), FAULTS)
def test_severity_zero_is_exactly_normal(machine: str, fault: str) -> None:
    healthy = simulate(machine, seconds=1.0, seed=3)
    assert np.array_equal(healthy.samples, simulate(machine, seconds=1.0, seed=3, fault=fault).samples)


def late(time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.clip((time_s - 10.0) / 10.0, 0.0, 1.0), dtype=np.float64)


def test_a_fault_that_starts_at_zero_does_not_change_the_start() -> None:
    healthy = simulate("pump", seconds=20.0, seed=3)
    broken = simulate(
        "pump",
        seconds=20.0,
        seed=3,
        fault="leak",
        severity=late,
    )
    assert np.array_equal(healthy.samples[:159_000], broken.samples[:159_000])
    energy = np.square(broken.fault_samples).reshape(20, -1).mean(axis=1)
    assert np.all(np.diff(energy[11:]) > 0.0)


def test_a_jump_of_the_severity_does_not_click() -> None:
    jump = simulate("pump", seconds=4.0, seed=3, fault="leak", severity=lambda t: np.heaviside(t - 2.0, 1.0))
    steady = simulate("pump", seconds=4.0, seed=3, fault="leak", severity=1.0)
    there = np.abs(steady.fault_samples) > 0.2 * steady.fault_samples.std()
    envelope = (jump.fault_samples / np.where(there, steady.fault_samples, 1.0))[there]
    envelope /= envelope[-1]
    assert envelope[0] == 0.0
    assert np.abs(np.diff(envelope)).max() < 0.02


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("machine_id", [0, 1])
def test_levels_are_those_of_the_recipe_and_nothing_clips(machine: str, machine_id: int) -> None:
    recipe = load_recipe(machine)
    sound = simulate(machine, seconds=20.0, seed=11, machine_id=machine_id)
    assert level_db(sound.samples) == pytest.approx(recipe.level_dbfs, abs=1.2)
    assert -40.0 < recipe.level_dbfs < -18.0
    for fault in recipe.faults:
        loud = simulate(machine, seconds=2.0, seed=11, machine_id=machine_id, fault=fault, severity=1.0)
        assert np.abs(loud.samples).max() < 0.995
        assert np.isfinite(loud.samples).all()


@pytest.mark.parametrize("machine", MACHINES)
def test_takes_of_one_machine_resemble_each_other_more_than_two_machines(machine: str) -> None:
    one = bands_db(simulate(machine, seconds=30.0, seed=1).samples)
    other_take = bands_db(simulate(machine, seconds=30.0, seed=2).samples)
    other_machine = bands_db(simulate(machine, seconds=30.0, seed=1, machine_id=1).samples)
    loud = one > one.max() - 25.0
    assert np.abs(one - other_take)[loud].mean() < 0.8
    assert np.abs(one - other_machine)[loud].mean() > 1.0


def test_no_two_takes_share_their_noise() -> None:
    a = simulate("pump", seconds=10.0, seed=1).samples
    b = simulate("pump", seconds=10.0, seed=2).samples
    # White what is left above 1 kHz, or the tones of the same shaft would correlate by chance.
    first, second = (np.diff(np.diff(x.astype(np.float64))) for x in (a, b))
    assert abs(float(np.mean(first * second))) < 0.02 * first.std() * second.std()


@pytest.mark.parametrize("machine", MACHINES)
def test_the_spectrum_is_that_of_a_machine(machine: str) -> None:
    """Broadband: most third octaves between 100 Hz and 5 kHz lie within 25 dB of the strongest."""
    sound = bands_db(simulate(machine, seconds=10.0, seed=4).samples)
    middle = sound[7:25]
    assert np.mean(middle > sound.max() - 25.0) > 0.9
    assert sound[-1] < sound.max() - 6.0


@pytest.mark.parametrize("machine", MACHINES)
def test_a_stopped_machine_is_silent_but_for_the_microphone(machine: str) -> None:
    rest = simulate(machine, seconds=2.0, seed=1, speed="stopped")
    assert level_db(rest.samples) < load_recipe(machine).level_dbfs - 35.0
    assert rest.samples.std() > 0.0
    assert rest.states == [(0.0, "stopped", 0.0)]
    broken = simulate(machine, seconds=2.0, seed=1, speed="stopped", fault="looseness" if machine != "pump" else "rub",
                      severity=1.0)  # fmt: skip
    assert not broken.fault_samples.any()


@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 10.0])
def test_background_has_its_level(snr_db: float) -> None:
    sound = simulate("fan", seconds=5.0, seed=1, snr_db=snr_db)
    measured = level_db(sound.normal_samples) - level_db(sound.background_samples)
    assert measured == pytest.approx(snr_db, abs=0.01)


def test_a_supplied_background_is_repeated_and_scaled() -> None:
    hiss = np.random.default_rng(0).standard_normal(7_000).astype(np.float32)
    sound = simulate("fan", seconds=1.0, seed=1, snr_db=0.0, background=hiss)
    around = sound.background_samples
    np.testing.assert_allclose(around[:7_000] / around[:7_000].std(), hiss / hiss.std(), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(around[7_000:14_000], around[:7_000])


def test_factory_noise_has_tones_impacts_and_little_treble() -> None:
    around = simulate("fan", seconds=30.0, seed=1, snr_db=0.0).background_samples
    bands = bands_db(around)
    assert bands[5:12].max() > bands[-4:].max() + 10.0
    crest = 20.0 * np.log10(np.abs(around).max() / around.std())
    assert 11.0 < crest < 35.0


@pytest.mark.parametrize(
    "background",
    [
        np.zeros(0, np.float32),
        np.zeros(100, np.float32),
        np.full(9, np.nan, np.float32),
        np.ones((2, 9), np.float32),
    ],
)
def test_a_background_that_cannot_be_used(background: NDArray[np.float32]) -> None:
    with pytest.raises(InputError, match="background"):
        simulate("fan", seconds=1.0, snr_db=0.0, background=background)


@pytest.mark.parametrize(("machine", "fault"), FAULTS)
def test_fault_sound_has_unit_rms_in_its_own_bands(machine: str, fault: str) -> None:
    sound = fault_sound(machine, fault, seconds=3.0, seed=3, machine_id=0)
    assert sound.dtype == np.float32
    assert sound.shape == (48_000,)
    energies = band_energies(sound, 16_000)
    assert energies[own_bands(energies)].sum() / len(sound) == pytest.approx(1.0, abs=0.01)
    assert np.array_equal(sound, fault_sound(machine, fault, seconds=3.0, seed=3, machine_id=0))


def test_fault_sound_is_the_fault_of_a_simulation() -> None:
    alone = fault_sound("pump", "outer_race", seconds=5.0, seed=3)
    within = simulate("pump", seconds=5.0, seed=3, fault="outer_race", severity=1.0).fault_samples
    np.testing.assert_allclose(alone / alone.std(), within / within.std(), rtol=1e-3, atol=1e-3)


def test_fault_sound_at_rest_is_refused() -> None:
    with pytest.raises(UsageError, match="no effect on the sound"):
        fault_sound("pump", "leak", speed="stopped")


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000])
def test_other_sample_rates(rate: int) -> None:
    sound = simulate("gearbox", seconds=1.0, seed=1, sample_rate_hz=rate, fault="inner_race", severity=0.5)
    assert sound.samples.shape == (rate,)
    assert level_db(sound.normal_samples) == pytest.approx(-23.0, abs=3.0)


BAD: dict[str, list[object]] = {
    "seconds": [0.0, -1.0, float("nan"), 1e9],
    "seed": [-1],
    "machine_id": [-1],
    "speed": ["warp", -5.0, 1e9, float("nan")],
    "states": ["sometimes", [], [("warp", 3.0)], [("high", 0.0)], [("high", float("inf"))]],
    "snr_db": [float("nan"), 1e9],
    "sample_rate_hz": [0, 100, 10**9],
    "fault": ["leek"],
    "severity": [0.5],
    "background": [np.ones(100, np.float32)],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_invalid_arguments_are_named(name: str, value: object) -> None:
    with pytest.raises(UsageError) as caught:
        simulate("pump", **({"seconds": 1.0} | {name: value}))  # type: ignore[arg-type]
    assert caught.value.where == name


@pytest.mark.parametrize(
    "severity",
    [-0.1, 1.1, float("nan"), lambda t: t * 0 + 2.0, lambda t: t[:3], lambda t: t * np.nan, "high"],
)
def test_invalid_severities(severity: object) -> None:
    with pytest.raises(UsageError, match="severity"):
        simulate("pump", seconds=1.0, fault="leak", severity=severity)  # type: ignore[arg-type]


def test_errors_about_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(UsageError) as machine:
        simulate("pumpp")
    assert "gearbox" in str(machine.value.hint)
    with pytest.raises(UsageError) as fault:
        simulate("pump", fault="belt_squeal")
    assert "cavitation" in str(fault.value.hint)
    with pytest.raises(UsageError) as both:
        simulate("pump", speed="low", states="cycle")
    assert both.value.where == "speed"
