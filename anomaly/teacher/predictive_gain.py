"""Predictive gain of an exported teacher on unseen normal sound, over a linear predictor that needs no teacher.

A teacher gives the density of each frame x given the frames before it: its whitened innovation e(x) is standard normal
under it, so that with J = de/dx, which does not depend on x::

    -log p(x) = |e|^2 / 2 - log |det J| + const

An untrained teacher, or one of another machine, predicts worse than the linear predictor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, numpy_helper

from anomaly.errors import ModelError
from anomaly.features.mel import Centibels
from anomaly.teacher.inner_value import InnerValue, has_value

# Names of values and constants in each teacher that this program has exported (`export.py`).
_WHITE, _LOG_PRECISION = "innovation.white", "log_precision"
_SCALES, _MATRIX = ("scale", "deviation"), "innovation.matrix"
# Squared errors count up to this: a few bangs must not decide.
_MOST_SQUARE = 25.0
# Ridge of the linear predictor, and of its residual's covariance, as shares of the variance.
_RIDGE = 1e-2


def predictive_gain(data: bytes, training: Sequence[Centibels], unseen: Sequence[Centibels]) -> float | None:
    """Compute by how much a teacher predicts unseen sound better than a linear predictor fitted to the training sound.

    Args:
        data: ``teacher.onnx``.
        training: levels [frames, bands] of normal sound, for the linear predictor.
        unseen: levels of other recordings.

    Returns:
        Nats per band of a frame, negative for a worse prediction; None for a network that predicts no frames, or
        without enough sound.

    Raises:
        ModelError: the bytes are not a model that can be run.
    """
    try:
        model = onnx.load_from_string(data)
        if not (has_value(model, _WHITE) and has_value(model, _LOG_PRECISION) and unseen and training):
            return None
        bands = training[0].shape[1]
        errors = InnerValue(model, _WHITE, TensorProto.FLOAT, bands)
        precision = InnerValue(model, _LOG_PRECISION, TensorProto.FLOAT, bands)
        constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
        fixed = np.linalg.slogdet(constants[_MATRIX].astype(np.float64))[1]
        fixed -= sum(float(np.log(np.abs(constants[name].astype(np.float64))).sum()) for name in _SCALES)
    except Exception as error:
        raise ModelError(f"is no model whose errors can be read: {error}", where="teacher.onnx") from error
    past = errors.context - 1
    nats = [
        _nats(errors.of_frames(part)[past:], precision.of_frames(part)[past:].sum(axis=1) + fixed)
        for part in unseen
        if len(part) > past
    ]
    linear = _linear_nats(training, unseen, past)
    if linear is None or not nats:
        return None
    return float((linear - np.concatenate(nats).mean()) / bands)


def _nats(
    white: npt.NDArray[np.float64], log_determinants: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the negative log likelihood of each frame, up to a constant."""
    squares = np.minimum(np.square(white.astype(np.float64)), _MOST_SQUARE)
    return np.asarray(0.5 * squares.sum(axis=1) - log_determinants)


def _linear_nats(training: Sequence[Centibels], unseen: Sequence[Centibels], past: int) -> float | None:
    fitted, tried = (_stacked(parts, past) for parts in (training, unseen))
    if fitted is None or tried is None:
        return None
    mean, deviation = fitted.mean(axis=0), np.maximum(fitted.std(axis=0), 1.0)
    bands = training[0].shape[1]
    (given, newest), (given_tried, newest_tried) = (
        (part[:, bands:], part[:, :bands]) for part in ((x - mean) / deviation for x in (fitted, tried))
    )
    gram = given.T @ given / len(given) + _RIDGE * np.eye(given.shape[1])
    weights = np.linalg.solve(gram, given.T @ newest / len(given))
    residual = newest - given @ weights
    covariance = residual.T @ residual / len(residual)
    covariance += _RIDGE * np.diag(np.maximum(np.diag(covariance), 1e-6))
    factor = np.linalg.cholesky(np.linalg.inv(covariance))
    white = (newest_tried - given_tried @ weights) @ factor
    determinant = np.linalg.slogdet(factor)[1] - np.log(deviation[:bands]).sum()
    return float(_nats(white, np.full(len(white), determinant)).mean())


def _stacked(parts: Sequence[Centibels], past: int) -> npt.NDArray[np.float64] | None:
    """Stack each frame with those before it, the newest first, [frames, (past + 1) * bands]."""
    rows = [
        np.concatenate([part[past - d : len(part) - d] for d in range(past + 1)], axis=1)
        for part in parts
        if len(part) > past
    ]
    return np.concatenate(rows).astype(np.float64) if rows else None
