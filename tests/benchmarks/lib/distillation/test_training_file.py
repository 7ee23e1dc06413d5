"""A stored training is restored unchanged, and a broken file is rejected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anomaly.detect.pooling import SUB_BAND_GROUPS, fit_pooling
from anomaly.errors import ModelError
from anomaly.features.delta_encoder import DeltaCode
from anomaly.student.circuit import Circuit
from anomaly.student.circuit_parts import DriftIntegrators, SumNeurons
from lib.distillation.training_file import read, write


def circuit(sums: int) -> Circuit:
    random = np.random.default_rng(sums)
    two = np.arange(1, 3, dtype=np.int32)
    slow = DriftIntegrators(random.integers(-9, 9, (2, 5)).astype(np.int32), 40 * two, two, two, leak=6)
    return Circuit(
        bands=16,
        micro_steps=4,
        delays=1,
        kinds=("change",),
        tap_weights=random.integers(-31, 32, (5, 32)).astype(np.int32),
        sums=SumNeurons(random.integers(-9, 9, (sums, 32)).astype(np.int32), np.full(sums, 7, np.int32)),
        sum_weights=random.integers(-3, 4, (5, sums)).astype(np.int32),
        thresholds=np.arange(1, 6, dtype=np.int32),
        channels=np.arange(5, dtype=np.int32),
        loads=np.ones(5, np.int32),
        divisors=np.full(SUB_BAND_GROUPS, 3, np.int32),
        drift=slow if sums else None,
    )


@pytest.mark.parametrize("sums", [0, 3])
def test_a_training_is_restored_bit_for_bit(sums: int) -> None:
    random = np.random.default_rng(1)
    code = DeltaCode(np.array([-5000, 3], np.int32), np.array([20, 700], np.int32), 3, nearest=True)
    pooling = fit_pooling([random.gamma(2.0, 0.5, (31, SUB_BAND_GROUPS)) for _ in range(9)], "count")
    made = circuit(sums)
    values: dict[str, Any] = {"onnx": b"\x00\xff", "code": code, "pooling": pooling, "circuit": made}
    again = read(write({**values, "facts": {"neurons": np.int64(5), "auc": 0.1 + 0.2}}))
    assert again["onnx"] == b"\x00\xff"
    assert again["facts"] == {"neurons": 5, "auc": 0.1 + 0.2}
    assert again["pooling"].to_dict() == pooling.to_dict()
    assert (again["code"].threshold == code.threshold).all()
    assert (again["code"].micro_steps, again["code"].nearest) == (3, True)
    assert again["circuit"].kinds == ("change",)
    assert again["circuit"].sum_weights.shape == (5, sums)
    assert again["circuit"].to_network().fingerprint() == made.to_network().fingerprint()


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'{"code": {"encoder": 1}}', b"\x80\x04."])
def test_an_invalid_file_is_rejected(data: bytes) -> None:
    with pytest.raises(ModelError):
        read(data)
