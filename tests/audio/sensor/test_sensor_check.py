"""Each sensor fault is found in realistic sound, and none in machines that are healthy, that fail, or were recorded."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.files.recordings import find_recordings, read_16k
from anomaly.audio.sensor.reference import SensorReference, fit_reference
from anomaly.audio.sensor.sensor_check import DeadMicrophoneCheck, SensorCheck
from anomaly.audio.simulator import simulate
from support import microphone_damage as damage

RECORDINGS = Path(os.environ.get("ANOMALY_RECORDINGS", "../shared/audio"))
FAULTS = {
    "pump": ("cavitation", "outer_race", "looseness", "clogging", "unbalance"),
    "fan": ("rub", "belt_squeal", "clogging", "looseness"),
    "gearbox": ("misalignment", "rub", "inner_race"),
    "slider": ("rub", "looseness", "misalignment"),
    "valve": ("leak", "clogging", "rub", "looseness"),
}


@functools.cache
def reference(machine: str) -> SensorReference:
    found = fit_reference([simulate(machine, seconds=60, seed=7).samples])
    assert found is not None
    return found


@functools.cache
def healthy_sound(machine: str) -> Samples:
    return simulate(machine, seconds=12, seed=101).samples


def statuses(sound: Samples, known: SensorReference | None) -> list[str]:
    check = SensorCheck(known)
    starts = range(0, len(sound) - SAMPLE_RATE_HZ + 1, SAMPLE_RATE_HZ)
    return [check.second(sound[start : start + SAMPLE_RATE_HZ]).status for start in starts]


def cases(found: list[str]) -> set[str]:
    """Statuses that open a case: those of three seconds in a row."""
    runs = [list(run) for bad, run in groupby(found, key=lambda status: status != "ok") if bad]
    return {status for run in runs for status in run[2:]}


DAMAGES: dict[str, tuple[str, Callable[[Samples], Samples]]] = {
    "unplugged": ("silent", np.zeros_like),
    "stuck": ("constant", lambda x: np.full_like(x, 0.2)),
    "overdriven": ("clipping", lambda x: np.clip(40 * x, -1, 1)),
    "leaking capacitor": ("dc-offset", lambda x: x + np.float32(0.2)),
    "dead capsule": ("low-level", lambda x: damage.self_noise(1e-4, len(x))),
    "open input, 50 Hz": ("hum", lambda x: damage.hum(50, len(x))),
    "open input, 60 Hz": ("hum", lambda x: damage.hum(60, len(x))),
    "telephone codec": ("band-limit", lambda x: damage.narrow_band(x, 3_500)),
    "gain down": ("gain", lambda x: np.asarray(x / 4, np.float32)),
    "gain up": ("gain", lambda x: np.asarray(1.9 * x, np.float32)),
    "noise suppression": ("processed", damage.noise_suppression),
}


@pytest.mark.parametrize("machine", ["pump", "fan"])
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_is_reported(name: str, machine: str) -> None:
    status, damaged = DAMAGES[name]
    found = statuses(damaged(healthy_sound(machine)), reference(machine))
    assert status in cases(found), found
    assert cases(found) == {status}, found


@pytest.mark.parametrize("machine", ["pump", "gearbox"])
def test_an_automatic_gain_differs_from_a_gain_set_by_hand(machine: str) -> None:
    quiet = np.asarray(healthy_sound(machine) / 2, np.float32)
    assert "processed" in cases(statuses(damage.automatic_gain(quiet, -12.0), reference(machine)))
    assert "processed" not in cases(statuses(np.asarray(quiet / 2, np.float32), reference(machine)))


def test_a_repetition_is_reported_from_the_share_that_capture_measures() -> None:
    check, second = SensorCheck(reference("pump")), healthy_sound("pump")[:SAMPLE_RATE_HZ]
    assert check.second(second, repeated=0.5).status == "repeated"
    assert check.second(second, repeated=0.0).status == "ok"


def test_with_a_normalised_level_a_gain_is_no_fault() -> None:
    check = SensorCheck(reference("pump"), gain_matters=False)
    assert check.second(np.asarray(healthy_sound("pump")[:SAMPLE_RATE_HZ] / 4, np.float32)).status == "ok"


@pytest.mark.parametrize("machine", FAULTS)
def test_no_machine_fault_is_a_sensor_fault(machine: str) -> None:
    assert set(statuses(healthy_sound(machine), reference(machine))) == {"ok"}
    for number, fault in enumerate(FAULTS[machine]):
        for severity in (0.5, 1.0):
            sound = simulate(machine, seconds=8, seed=200 + number, fault=fault, severity=severity).samples
            assert cases(statuses(sound, reference(machine))) == set(), (fault, severity)


@pytest.mark.parametrize("machine", FAULTS)
def test_a_healthy_machine_is_no_sensor_fault_without_a_reference(machine: str) -> None:
    assert set(statuses(healthy_sound(machine), None)) == {"ok"}


def recorded(pattern: str) -> list[Samples]:
    folder, _, names = pattern.rpartition("/")
    if not (RECORDINGS / folder).is_dir():
        pytest.fail(f"no recordings in {RECORDINGS / folder}; ANOMALY_RECORDINGS names their folder")
    return [read_16k(path) for path in find_recordings(RECORDINGS / folder) if path.match(names)]


@pytest.mark.parametrize(
    ("training", "others"),
    [
        ("slider/train/normal*", "slider/test/normal*"),
        ("bldc/train/normal*", "bldc/test/normal*"),
        ("bldc/train/normal*", "bldc/test/anomaly_bearing*"),
        ("motor/normal_new*", "motor/normal_used*"),
        ("motor/normal_new*", "motor/anomaly*"),
        ("noise/aircon_1_*", "noise/aircon_1_*"),
        ("noise/dishwasher_1_*", "noise/dishwasher_1_*"),
    ],
)
def test_real_recordings_have_no_sensor_fault(training: str, others: str) -> None:
    known = fit_reference(recorded(training))
    assert known is not None
    for sound in recorded(others):
        assert cases(statuses(sound, known)) == set()


def test_recordings_that_touch_full_scale_are_clipping() -> None:
    known = fit_reference(recorded("bldc/train/normal*"))
    found = [cases(statuses(sound, known)) for sound in recorded("bldc/test/anomaly_propeller*")]
    assert set.union(*found) <= {"clipping"}


def test_a_check_for_a_dead_microphone_reports_nothing_else() -> None:
    check = DeadMicrophoneCheck(fit_reference([np.zeros(16_000, np.float32)]))
    loud = np.clip(np.random.default_rng(0).normal(0, 2, 16_000), -1, 1).astype(np.float32)
    assert check.second(loud, repeated=1.0).status == "ok"
    assert check.second(np.zeros(16_000, np.float32)).status == "silent"
    assert check.second(np.full(16_000, 0.5, np.float32)).status == "constant"


def test_one_odd_second_of_training_hides_no_change_of_gain() -> None:
    # As on recordings of a real slide rail: the most unusual second is far from all typical ones.
    found = replace(reference("slider"), distance_db=8.0)
    assert found.own_gain_db is not None
    quiet = healthy_sound("slider") / 2
    assert set(statuses(np.asarray(quiet, np.float32), found)) == {"gain"}
    # Bundles of before do not know the gains of training, and find it only where it is larger.
    older = replace(found, own_gain_db=None)
    assert "gain" not in statuses(np.asarray(quiet, np.float32), older)
    assert set(statuses(healthy_sound("slider"), found)) == {"ok"}


def test_a_gain_is_that_of_the_last_seconds() -> None:
    known, sound = reference("valve"), healthy_sound("valve")
    found = statuses(np.asarray(sound / 2, np.float32), known)
    assert found.count("gain") >= 6
    check = SensorCheck(known)
    for second in range(3):
        check.second(np.asarray(sound[second * 16_000 : (second + 1) * 16_000] / 2, np.float32))
    # Back at its level the machine is not judged by the seconds before.
    assert check.second(sound[48_000:64_000]).status == "ok"
