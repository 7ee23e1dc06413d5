"""Ablations replace functions of the closed form and restore them afterwards."""

from __future__ import annotations

import numpy as np
import pytest

import anomaly.student.closed_form.encoder_fit as encoder_fit
import anomaly.student.closed_form.error_filters as error_filters
from anomaly.student.closed_form.whitening_filters import fit_whitening_filters
from lib.distillation import ablations


def gram() -> np.ndarray:
    generator = np.random.default_rng(0)
    taps = generator.standard_normal((4000, 96)) @ (np.eye(96) + 0.2 * generator.standard_normal((96, 96)))
    return np.asarray(taps.T @ taps / len(taps))


def test_replaced_functions_are_restored() -> None:
    with ablations.replaced({"fit_whitening_filters": ablations.plain_rows}):
        for module in (encoder_fit, error_filters):
            assert vars(module)["fit_whitening_filters"] is ablations.plain_rows
    for module in (encoder_fit, error_filters):
        assert vars(module)["fit_whitening_filters"] is fit_whitening_filters
    with pytest.raises(AttributeError, match="no_such_part"), ablations.replaced({"no_such_part": None}):
        pass


@pytest.mark.parametrize("functions", ablations.REPLACED.values(), ids=ablations.REPLACED)
def test_replaced_functions_exist(functions: dict[str, object]) -> None:
    assert all(ablations.modules_of(name) for name in functions)


def test_plain_rows_have_a_variance_of_one_and_are_not_white() -> None:
    moments, kinds = gram(), ("frame", "change")
    plain, white = (make(moments, 32, kinds) for make in (ablations.plain_rows, fit_whitening_filters))
    assert plain.shape == white.shape
    spread = plain @ moments @ plain.T
    assert np.diag(spread) == pytest.approx(1.0)
    off = ~np.eye(32, dtype=bool)
    assert np.abs(spread[:32, :32][off]).max() > 2 * np.abs((white @ moments @ white.T)[:32, :32][off]).max()


def test_weights_are_rounded_independently() -> None:
    row = np.array([1.0, 0.5, -0.26, 0.0])
    assert ablations.rounded(row, np.eye(4), [0, 2], 31, 99.0)[0].tolist() == [31, 0, -8, 0]
    limited, deviation = ablations.rounded(row, np.eye(4), [0, 2], 31, 10.0)
    assert limited.tolist() == [9, 0, -2, 0]
    assert deviation <= 10.0
    costs = np.array([1.0, np.inf, 1.0, 1.0])
    assert ablations.largest(row, np.eye(4), costs, 2, 0.0) == [0, 2]
