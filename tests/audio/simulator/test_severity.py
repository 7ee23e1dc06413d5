"""Definition of severity, measured from rendered sound with independent filters."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from anomaly.audio.simulator import load_recipe, recipe_names, simulate

FAULTS = [(machine, fault) for machine in recipe_names() for fault in load_recipe(machine).faults]
MIDDLES = 10.0 ** (np.arange(13, 40) / 10.0)
FILTERS = [
    butter(6, [middle * 10.0**-0.05, min(middle * 10.0**0.05, 7_990.0)], "bandpass", fs=16_000, output="sos")
    for middle in MIDDLES
]


def filtered_energies(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """A third-octave analyser as in a sound-level meter: a filter per band, not the transform of the simulator."""
    return np.array([np.sum(sosfilt(band, sound.astype(np.float64)) ** 2) for band in FILTERS])


def own(energies: NDArray[np.float64]) -> NDArray[np.bool_]:
    order = np.argsort(energies)[::-1]
    enough = int(np.searchsorted(np.cumsum(energies[order]), 0.9 * energies.sum())) + 1
    chosen = np.zeros(len(energies), dtype=bool)
    chosen[order[:enough]] = True
    return chosen


@pytest.mark.parametrize(("machine", "fault"), FAULTS)
def test_fault_over_normal_in_the_fault_s_own_bands(machine: str, fault: str) -> None:
    sound = simulate(machine, seconds=6.0, seed=21, fault=fault, severity=0.5)
    theirs = filtered_energies(sound.fault_samples)
    mine = own(theirs)
    ratio_db = 10.0 * np.log10(theirs[mine].sum() / filtered_energies(sound.normal_samples)[mine].sum())
    assert ratio_db == pytest.approx(20.0 * np.log10(0.5) + 10.0, abs=1.0)


@pytest.mark.parametrize("states", ["steady", "cycle"])
@pytest.mark.parametrize("machine_id", [0, 3])
def test_the_definition_holds_for_any_machine_and_schedule(states: str, machine_id: int) -> None:
    sound = simulate(
        "pump", seconds=40.0, seed=8, machine_id=machine_id, states=states, fault="inner_race", severity=1.0
    )
    theirs = filtered_energies(sound.fault_samples)
    mine = own(theirs)
    ratio_db = 10.0 * np.log10(theirs[mine].sum() / filtered_energies(sound.normal_samples)[mine].sum())
    assert ratio_db == pytest.approx(10.0, abs=1.0)


@pytest.mark.parametrize("severity", [0.01, 0.1, 0.3, 1.0])
def test_amplitude_is_proportional_to_severity(severity: float) -> None:
    full = simulate("slider", seconds=3.0, seed=2, fault="rub", severity=1.0).fault_samples
    part = simulate("slider", seconds=3.0, seed=2, fault="rub", severity=severity).fault_samples
    np.testing.assert_allclose(part, severity * full, rtol=1e-4, atol=1e-7)


def test_a_changing_severity_is_an_amplitude_over_time() -> None:
    full = simulate("pump", seconds=10.0, seed=2, fault="leak", severity=1.0).fault_samples
    drift = simulate("pump", seconds=10.0, seed=2, fault="leak", severity=lambda t: t / 10.0).fault_samples
    middle = slice(79_000, 81_000)
    ratio = np.sqrt(np.sum(drift[middle] ** 2.0) / np.sum(full[middle] ** 2.0))
    assert ratio == pytest.approx(0.5, abs=0.01)


def kurtosis(sound: NDArray[np.float32]) -> float:
    x = sound.astype(np.float64) - sound.mean()
    return float(np.mean(x**4) / np.mean(x**2) ** 2)


@pytest.mark.parametrize("machine", recipe_names())
def test_each_machine_has_an_impulsive_and_a_steady_fault(machine: str) -> None:
    faults = load_recipe(machine).faults
    sharp: dict[str, list[float]] = {}
    for fault, about in faults.items():
        sound = simulate(machine, seconds=5.0, seed=2, fault=fault, severity=0.3)
        sharp.setdefault(about.character, []).append(kurtosis(sound.fault_samples))
    assert max(sharp["impulsive"]) > 10.0
    assert min(sharp["steady"]) < 6.0


def test_list_of_all_faults() -> None:
    known = {fault for machine in recipe_names() for fault in load_recipe(machine).faults}
    assert known >= {
        "outer_race",
        "inner_race",
        "unbalance",
        "misalignment",
        "cavitation",
        "leak",
        "rub",
        "looseness",
        "belt_squeal",
        "clogging",
    }


@pytest.mark.parametrize("machine", recipe_names())
def test_at_severity_zero_a_detector_is_at_chance(machine: str) -> None:
    """Levels of takes with a fault of severity 0 are among those of other normal takes."""
    fault = next(iter(load_recipe(machine).faults))

    def levels(seed: int, name: str | None) -> NDArray[np.float64]:
        sound = simulate(machine, seconds=3.0, seed=seed, fault=name, severity=0.0)
        return 10.0 * np.log10(filtered_energies(sound.samples))

    normal = np.array([levels(seed, None) for seed in range(10)])
    faulty = np.array([levels(seed, fault) for seed in range(100, 106)])
    spread = normal.std(axis=0, ddof=1)
    t = (faulty.mean(axis=0) - normal.mean(axis=0)) / (spread * np.sqrt(1 / 6 + 1 / 10) + 0.05)
    assert np.sqrt(np.mean(t**2)) < 2.0
