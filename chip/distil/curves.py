"""Curves of a conversion: accuracy against steps and against neurons."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.distil.convert import Conversion
from chip.distil.measure import chip_model
from chip.distil.rate_model import RateStudent, RunWindow
from chip.dnn.bitstream_run import ChipModel
from chip.dnn.layers import apply_readout
from chip.dnn.scores import accuracy, explained, predictions

__all__ = ["against_steps"]

_STEPS = (4, 8, 16, 32, 64)
_SAMPLES = 200


def against_steps(conversion: Conversion, samples: NDArray[Any]) -> list[dict[str, float]]:
    """Agreement with the network and operations at other numbers of steps, without another training."""
    data = np.asarray(samples[:_SAMPLES], np.float64)
    teacher = conversion.dnn.output_of(data)
    own = conversion.candidate.student
    curve = []
    for steps in sorted({*_STEPS, own.window.steps}):
        model = _at(conversion, own, steps)
        run = model.run(data)
        if conversion.task == "classifier":
            outputs = [apply_readout("none", part) for part in (run.values, teacher)]
            one, two = (predictions(part, part, conversion.task) for part in outputs)
            agreement = accuracy(one, two, conversion.task)
        else:
            agreement = explained(run.values, teacher)
        curve.append({"steps": steps, "agreement": agreement, "sop": run.sop / len(data)})
    return curve


def _at(conversion: Conversion, student: RateStudent, steps: int) -> ChipModel:
    """The same weights and thresholds; the shift of half a threshold is that of the other length."""
    other = copy.deepcopy(student)
    for bias in other.biases:
        bias.data += 0.5 / steps - 0.5 / student.window.steps
    other.window = RunWindow.of(steps, student.shape.depth)
    other.shape = replace(student.shape)
    return chip_model(other, conversion.dnn, conversion.model.arch, conversion.task)
