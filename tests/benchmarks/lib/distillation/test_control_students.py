"""Pseudo-anomaly labels match the windows that distillation generates."""

from __future__ import annotations

import numpy as np

from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import FrontEnd
from anomaly.student.distillation.plan import DistillationSetup
from anomaly.student.distillation.training_windows import cut_windows, teacher_outputs
from anomaly.student.neuron_limits import NeuronLimits
from lib.distillation.control_students import PseudoAnomalyLabels
from support.bench_recordings import hum


def test_every_second_window_is_disturbed_and_labelled_so() -> None:
    sound = hum(9.0, 150.0, np.random.default_rng(0))
    windows = cut_windows([sound], 12, np.random.default_rng(1))
    starts = [np.flatnonzero(sound[: len(sound) - len(window) + 1] == window[0]) for window in windows]
    normal = [
        any(np.array_equal(sound[first : first + len(window)], window) for first in found)
        for window, found in zip(windows, starts, strict=True)
    ]
    assert normal == [True, False] * 6
    labels = PseudoAnomalyLabels(32)
    code = DeltaCode(np.zeros(32, np.int32), np.full(32, 150, np.int32))
    limits = NeuronLimits(fan_in=25, weight_max=31, threshold_max=255, v_sat=2047, fan_out=256)
    setting = DistillationSetup(FrontEnd(), code, limits, labels, labels.pooling)
    labelled = [teacher_outputs(window, setting) for window in windows]
    for levels, is_normal in zip(labelled, normal, strict=True):
        assert levels.shape == (2, 17)
        assert np.allclose(levels, 0.0 if is_normal else 3.0, atol=2e-3)
