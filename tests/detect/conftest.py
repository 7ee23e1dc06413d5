"""A small teacher, a small student and their calibrations, made in memory from noise in two seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.scoring import Scorer
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Samples
from chip.network import Network

V_SAT = 2047


def machine(seconds: float, seed: int) -> Samples:
    """Noise with a spectrum and a beat: what a machine might sound like."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal(int(seconds * 16_000) + 64)
    coloured = np.convolve(noise, np.exp(-np.arange(64) / 9), "valid")[: int(seconds * 16_000)]
    beat = 1 + 0.5 * np.sin(2 * np.pi * 3.1 * np.arange(len(coloured)) / 16_000)
    sound: Samples = (0.02 * beat * coloured).astype(np.float32)
    return sound


@dataclass(frozen=True)
class Small:
    """Both detectors' parts for one front end."""

    front_end: FrontEnd
    onnx: bytes
    code: DeltaCode
    network: Network
    calibrations: dict[str, Calibration]

    def detector(self, name: str) -> StudentDetector | TeacherDetector:
        if name == "teacher":
            return TeacherDetector(self.onnx)
        return StudentDetector(self.code, self.network, V_SAT)

    def scorer(self, name: str) -> Scorer:
        return Scorer(self.front_end, self.detector(name), self.calibrations[name])


def make(front_end: FrontEnd) -> Small:
    from anomaly.student.closed_form.closed_form import fit_closed_form
    from anomaly.student.closed_form.encoder_fit import fit_delta_code
    from anomaly.student.closed_form.plan import ClosedFormPlan
    from anomaly.student.neuron_limits import NeuronLimits
    from anomaly.teacher.export import to_onnx
    from anomaly.teacher.fit import TeacherPlan, fit_teacher
    from anomaly.training.compile import read_chip
    from anomaly.training.detector_calibration import calibrate_detector
    from anomaly.training.training_data import TrainingBlock, block_segments

    blocks = [TrainingBlock(machine(12, seed), f"block {seed}") for seed in range(4)]
    segments, held_out = block_segments(blocks[:3], front_end), block_segments(blocks[3:], front_end)
    onnx = to_onnx(fit_teacher(segments, TeacherPlan(epochs=1), seed=0))
    plan = ClosedFormPlan()
    code = fit_delta_code(segments, plan)
    limits = NeuronLimits.from_arch(read_chip("senna").arch)
    network = fit_closed_form(segments, held_out, code, plan, limits).to_network()
    small = Small(front_end, onnx, code, network, {})
    small.calibrations["student"] = calibrate_detector(
        small.detector("student"), "count", front_end, (blocks[3],)
    )
    small.calibrations["teacher"] = calibrate_detector(
        small.detector("teacher"), "log", front_end, (blocks[3],)
    )
    return small


@pytest.fixture(scope="session")
def small() -> Small:
    return make(FrontEnd(reset_s=3))


@pytest.fixture(scope="session")
def small_normalised() -> Small:
    return make(FrontEnd(reset_s=3, level_normalise=True))


@pytest.fixture(scope="session")
def sound() -> Samples:
    """8.3 s: two whole segments, a shorter one, and a part of a second."""
    return machine(8.3, 99)
