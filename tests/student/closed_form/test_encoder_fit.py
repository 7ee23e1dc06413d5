"""Fit of the encoder: mean levels, and events that follow the changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.closed_form.encoder_fit import fit_delta_code
from anomaly.student.closed_form.plan import ClosedFormPlan

Centibels = npt.NDArray[np.int32]
PLAN = ClosedFormPlan()


def test_encoder_settings(training: list[Centibels]) -> None:
    code = fit_delta_code(training, PLAN)
    everything = np.concatenate(training)
    assert np.abs(code.mean - everything.mean(axis=0)).max() <= 0.5
    code, finer, coarser = (
        fit_delta_code(training, replace(PLAN, micro_steps=16, event_size=share * PLAN.event_size))
        for share in (1.0, 0.5, 2.0)
    )
    assert finer.threshold == pytest.approx(code.threshold / 2, abs=1)
    assert coarser.threshold == pytest.approx(code.threshold * 2, abs=1)
    assert (code.threshold <= everything.std(axis=0) + 1).all()
    still = [np.full((50, 32), -7000, np.int32)]
    assert (fit_delta_code(still, PLAN).threshold == 20).all()


def test_events_follow_fast_changes(training: list[Centibels]) -> None:
    """Events have the plan's size, or one at which a frame's events follow nearly every change."""
    random = np.random.default_rng(3)
    jumps = [one + 3000 * (random.random((len(one), 1)) < 0.1).astype(np.int32) for one in training]

    def behind(segments: list[Centibels], micro_steps: int) -> float:
        code = fit_delta_code(segments, replace(PLAN, micro_steps=micro_steps))
        changes = np.concatenate([np.abs(np.diff(one[8:], axis=0)) for one in segments])
        return float((changes > micro_steps * code.threshold).mean())

    assert behind(jumps, 2) < 0.04
    assert behind(jumps, 1) < 0.04
    one, other = (fit_delta_code(training, replace(PLAN, micro_steps=n)).threshold for n in (16, 64))
    assert one.tolist() == other.tolist()
