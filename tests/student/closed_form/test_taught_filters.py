"""Filters that are fitted to a teacher: they follow its errors, on sound that they were not fitted on too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.closed_form.closed_form import fit_closed_form
from anomaly.student.closed_form.encoder_fit import fit_delta_code
from anomaly.student.closed_form.error_filters import target_filters
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.taught_filters import agreement, fit_taught_filters
from anomaly.training.compile import read_chip

BANDS = 16
PLAN = ClosedFormPlan()


def segments(seed: int, count: int = 6, frames: int = 160) -> list[npt.NDArray[np.int32]]:
    """Levels whose bands follow each other and their own past."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        noise = rng.normal(size=(frames, BANDS))
        mixed = noise + 0.6 * np.roll(noise, 1, axis=1)
        levels = np.zeros((frames, BANDS))
        for frame in range(1, frames):
            levels[frame] = 0.5 * levels[frame - 1] + mixed[frame]
        found.append(np.rint(200 * levels - 3000).astype(np.int32))
    return found


def linear_teacher(parts: list[npt.NDArray[np.int32]], share: float) -> list[npt.NDArray[np.float32]]:
    """A teacher that predicts each band from its last frame, NaN where there is none."""
    found = []
    for part in parts:
        errors = np.full(part.shape, np.nan, np.float32)
        scaled = (part + 3000) / 250
        errors[1:] = scaled[1:] - share * scaled[:-1]
        found.append(errors)
    return found


def test_filters_follow_a_linear_teacher_on_unseen_sound() -> None:
    training, unseen = segments(1), segments(2)
    code = fit_delta_code(training, PLAN)
    alone = target_filters(training, code, PLAN)[0]
    filters = fit_taught_filters(training, linear_teacher(training, 0.5), code, alone)
    wanted = linear_teacher(unseen, 0.5)
    assert agreement(unseen, wanted, code, filters) > 0.9
    assert agreement(unseen, wanted, code, filters) > agreement(unseen, wanted, code, alone)


def test_another_teacher_gives_another_student() -> None:
    training, held_out, chip = segments(1), segments(2), read_chip("senna")
    code = fit_delta_code(training, PLAN)
    plan = PLAN.for_chip(chip.limits)
    first, again, other, alone = (
        fit_closed_form(training, held_out, code, plan, chip.limits, None, errors)
        for errors in (
            linear_teacher(training, 0.5),
            linear_teacher(training, 0.5),
            linear_teacher(training, -0.5),
            None,
        )
    )
    assert first.to_network().to_npz() == again.to_network().to_npz()
    assert len({circuit.to_network().to_npz() for circuit in (first, other, alone)}) == 3


def test_filters_of_another_teacher_agree_less() -> None:
    training, unseen = segments(1), segments(2)
    code = fit_delta_code(training, PLAN)
    wanted = linear_teacher(unseen, 0.5)
    taught, other = (
        target_filters(training, code, PLAN, linear_teacher(training, share))[0] for share in (0.5, -0.9)
    )
    assert agreement(unseen, wanted, code, taught) > agreement(unseen, wanted, code, other) + 0.1


def test_single_bangs_do_not_set_the_filters() -> None:
    training = segments(1)
    code = fit_delta_code(training, PLAN)
    errors = linear_teacher(training, 0.5)
    loud = [part.copy() for part in errors]
    loud[0][80] = 1e6
    alone = target_filters(training, code, PLAN)[0]
    calm, shaken = (fit_taught_filters(training, e, code, alone) for e in (errors, loud))
    similarity = (calm * shaken).sum() / np.sqrt((calm**2).sum() * (shaken**2).sum())
    assert similarity > 0.99


@pytest.mark.parametrize("frames", [0, 3, 160])
def test_segments_without_known_errors_count_nothing(frames: int) -> None:
    training = segments(1)
    code = fit_delta_code(training, PLAN)
    errors = linear_teacher(training, 0.5)
    unknown = np.full((frames, BANDS), np.nan, np.float32)
    alone = target_filters(training, code, PLAN)[0]
    more = [*training, np.zeros((frames, BANDS), np.int32)]
    filters = fit_taught_filters(more, [*errors, unknown], code, alone)
    np.testing.assert_array_equal(filters, fit_taught_filters(training, errors, code, alone))
