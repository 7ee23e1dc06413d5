"""Phase-gated student of a machine that clicks and rests: levels are compared with the range of their phase."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.detect.detectors.student import StudentDetector
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.mel import Centibels
from anomaly.student.circuit_parts import PHASE_KIND
from anomaly.student.closed_form.encoder_fit import fit_delta_code
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.neuron_limits import NeuronLimits
from anomaly.student.phases.phase_gated_student import (
    PhaseGatedStudent,
    fit_phase_gated_student,
    supports_phase_gates,
)
from chip.arch import ArchSpec
from chip.rules import check

PLAN = ClosedFormPlan().for_phases()
BANDS = 32
Numbers = npt.NDArray[np.int64]


def clicking(seed: int, frames: int = 310) -> tuple[Centibels, Numbers]:
    """Return levels and the phase of each frame: rests of some frames, clicks of four that are 20 dB louder."""
    random = np.random.default_rng(seed)
    phase = np.zeros(frames, np.int64)
    start = int(random.integers(4, 12))
    while start < frames:
        phase[start : start + 4] = 1
        start += int(random.integers(12, 20))
    tone = np.where(phase == 1, 2000, 0)[:, None] * np.linspace(1.0, 0.6, BANDS)
    noise = random.normal(0, 1, (frames, BANDS)) * np.where(phase == 1, 150, 60)[:, None]
    return np.rint(-6000 + tone + noise).astype(np.int32), phase


@pytest.fixture(scope="module")
def sounds() -> list[tuple[Centibels, Numbers]]:
    return [clicking(seed) for seed in range(12)]


@pytest.fixture(scope="module")
def code(sounds: list[tuple[Centibels, Numbers]]) -> DeltaCode:
    return fit_delta_code([levels for levels, _ in sounds], PLAN)


def fit(
    sounds: list[tuple[Centibels, Numbers]], code: DeltaCode, limits: NeuronLimits
) -> PhaseGatedStudent | None:
    levels, phases = [one for one, _ in sounds], [phase for _, phase in sounds]
    return fit_phase_gated_student(levels[:8], phases[:8], levels[8:], code, limits)


@pytest.fixture(scope="module")
def student(sounds: list[tuple[Centibels, Numbers]], code: DeltaCode) -> PhaseGatedStudent:
    found = fit(sounds, code, NeuronLimits(25, 31, 255, 2047, 256, tuple(range(1, 11))))
    assert found is not None
    return found


def test_it_fits_the_chip(student: PhaseGatedStudent, senna: ArchSpec) -> None:
    network = student.circuit.to_network()
    assert [found for found in check(network, senna) if found.severity == "error"] == []
    assert network.fan_in().max() <= 25
    assert network.fan_out().max() <= 256
    assert student.circuit.kinds == (PHASE_KIND,)
    assert 2 <= student.phases <= 40


def spikes_of(student: PhaseGatedStudent, code: DeltaCode, levels: Centibels) -> npt.NDArray[np.int64]:
    """Return read-out spikes per frame and group, after the warm-up."""
    detector = StudentDetector(code, student.circuit.to_network(), 2047)
    detector.reset(1)
    found: npt.NDArray[np.int64] = detector.push(levels[None])[0][12:].astype(np.int64)
    return found


def test_a_level_of_the_click_is_anomalous_in_a_rest(student: PhaseGatedStudent, code: DeltaCode) -> None:
    levels, phase = clicking(50)
    rests = np.flatnonzero((phase == 0) & (np.roll(phase, 3) == 0) & (np.roll(phase, -3) == 0))
    when = rests[(rests > 60) & (rests < 280)]
    normal = spikes_of(student, code, levels)
    # Two bands half as loud as in a click: within their normal range over the whole cycle.
    loud = levels.copy()
    loud[when[:, None], np.array([20, 21])] += 700
    anomalous = spikes_of(student, code, loud)
    group = 20 * 16 // BANDS
    assert anomalous[:, group].sum() > 5 * max(1, normal[:, group].sum())
    # The group of these bands has the most spikes.
    others = np.delete(np.arange(16), [group])
    assert anomalous[:, group].sum() > anomalous[:, others].sum(axis=0).max()


def test_normal_sound_rarely_exceeds_thresholds(student: PhaseGatedStudent, code: DeltaCode) -> None:
    rates = [(spikes_of(student, code, clicking(seed)[0]) > 0).mean() for seed in range(60, 64)]
    assert np.mean(rates) < 0.06


def test_the_same_sound_makes_the_same_student(
    sounds: list[tuple[Centibels, Numbers]], code: DeltaCode, limits: NeuronLimits, student: PhaseGatedStudent
) -> None:
    again = fit(sounds, code, limits)
    assert again is not None
    assert again.circuit.to_network().fingerprint() == student.circuit.to_network().fingerprint()


def test_phases_without_different_levels_give_no_student(code: DeltaCode, limits: NeuronLimits) -> None:
    still = [(np.full((310, BANDS), -6000, np.int32), np.arange(310) % 2) for _ in range(10)]
    assert fit(still, code, limits) is None
    one = [(levels, np.zeros(len(levels), np.int64)) for levels, _ in (clicking(n) for n in range(10))]
    assert fit(one, code, limits) is None


@pytest.mark.parametrize(
    "changes", [{"weight_max": 7}, {"weight_max": 15}, {"fan_in": 8}, {"leaks": (2, 3)}, {"leaks": ()}]
)
def test_a_chip_below_the_requirements_gets_no_student(
    sounds: list[tuple[Centibels, Numbers]], code: DeltaCode, limits: NeuronLimits, changes: dict[str, object]
) -> None:
    small = replace(limits, **changes)  # type: ignore[arg-type]
    assert not supports_phase_gates(small, BANDS)
    assert fit(sounds, code, small) is None
    assert supports_phase_gates(limits, BANDS)


def test_an_encoder_with_a_leak_gives_no_student(
    sounds: list[tuple[Centibels, Numbers]], code: DeltaCode, limits: NeuronLimits
) -> None:
    assert fit(sounds, replace(code, leak=3), limits) is None


def test_limits_of_fan_in_and_fan_out_are_kept(
    sounds: list[tuple[Centibels, Numbers]], code: DeltaCode, limits: NeuronLimits
) -> None:
    few = replace(limits, fan_in=16, fan_out=64)
    made = fit(sounds, code, few)
    assert made is not None
    network = made.circuit.to_network()
    assert network.fan_in().max() <= 16
    gates = made.circuit.gates
    assert gates is not None
    assert (gates.comparator_weights != 0).sum(axis=0).max() <= 64
