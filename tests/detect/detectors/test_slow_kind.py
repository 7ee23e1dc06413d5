"""Sums of earlier seconds for the slow kind of a teacher's errors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from anomaly.detect.detectors.slow_kind import BATCH, SlowKind, slow_kind
from anomaly.errors import ModelError


def tensor(name: str, *shape: int, kind: str = "tensor(float)") -> Any:
    return SimpleNamespace(name=name, shape=list(shape), type=kind)


def mean_innovation(spans: int = 3) -> SlowKind:
    inputs = [
        tensor("counted", 1, BATCH),
        tensor("earlier", 1, 4),
        tensor("frames", 1, 1),
        tensor("span", 1, spans),
    ]
    made = slow_kind(inputs, [tensor("total", 1, 4)], 4)
    assert made is not None
    return made.restarted(2)


def levels(frames: int) -> Any:
    return np.zeros((2, frames, 4), np.int32)


def push(slow: SlowKind, frames: int, total: float) -> dict[str, Any]:
    """Push a second whose innovations sum to `total`, and to its negative in the second stream."""
    first, second = slow.inputs(levels(frames))
    for stream, sign in enumerate((1, -1)):
        slow.add(stream, [np.full((1, 4), sign * total, np.float32)])
    assert first["frames"] == second["frames"]
    assert np.array_equal(first["earlier"], -second["earlier"])
    return first


def test_the_warm_up_does_not_count() -> None:
    slow = mean_innovation()
    first = push(slow, 30, 5.0)
    assert first["counted"][0].tolist() == [0.0] * 8 + [1.0] * 22 + [0.0] * 2
    assert first["frames"].item() == 22
    second = push(slow, 31, 1.0)
    assert second["counted"][0].tolist() == [1.0] * 31 + [0.0]
    assert second["frames"].item() == 53
    assert second["earlier"].tolist() == [[5.0] * 4]


def test_means_reach_back_as_many_seconds_as_the_model_spans() -> None:
    slow = mean_innovation(spans=3)
    given = [push(slow, 31, total) for total in (1.0, 2.0, 4.0, 8.0, 16.0)]
    assert [one["earlier"][0, 0] for one in given] == [0.0, 1.0, 3.0, 6.0, 12.0]
    assert [one["frames"].item() for one in given] == [23, 54, 85, 93, 93]
    assert [one["span"][0].argmax() for one in given] == [0, 1, 2, 2, 2]


def test_a_span_of_one_second_has_no_past() -> None:
    slow = mean_innovation(spans=1)
    assert [push(slow, 31, total)["earlier"].sum() for total in (1.0, 2.0, 3.0)] == [0.0, 0.0, 0.0]


def test_nothing_is_left_after_a_reset() -> None:
    slow = mean_innovation()
    push(slow, 31, 7.0)
    again = push(slow.restarted(2), 31, 1.0)
    assert (again["frames"].item(), again["earlier"].sum()) == (23, 0.0)


def test_more_than_a_second_at_once_is_refused() -> None:
    with pytest.raises(ModelError, match="33 frames are more than the 32 of a second"):
        mean_innovation().inputs(levels(33))


def test_mean_spectra_of_older_teachers_do_not_depend_on_the_order_of_frames() -> None:
    """To the bit: sums are of integers."""
    random = np.random.default_rng(0).integers(-9000, 0, (1, 62, 4), dtype=np.int32)
    turned = random.copy()
    turned[:, 8:31], turned[:, 31:] = turned[:, 8:31][:, ::-1], turned[:, 31:][:, ::-1]
    means = []
    for given in (random, turned):
        slow = slow_kind([tensor("recent", 1, 4), tensor("span", 1, 2)], [], 4)
        assert slow is not None
        assert slow.shares is None
        means.append([slow.inputs(part)[0] for part in (given[:, :31], given[:, 31:])])
    for one, other in zip(*means, strict=True):
        assert np.array_equal(one["recent"], other["recent"])
    assert means[0][1]["recent"][0] == pytest.approx(random[0, 8:].mean(axis=0), rel=1e-6)


def test_models_without_one() -> None:
    slow = slow_kind([], [], 32)
    assert slow is not None
    assert slow.restarted(2).inputs(levels(31)) == [{}, {}]


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([tensor("recent", 1, 4)], []),
        ([tensor("recent", 1, 5), tensor("span", 1, 2)], []),
        ([tensor("recent", 1, 4), tensor("span", 1, 0)], []),
        ([tensor("recent", 1, 4), tensor("span", 1, "n")], []),
        ([tensor("recent", 1, 4, kind="tensor(double)"), tensor("span", 1, 2)], []),
        ([tensor("recent", 1, 4), tensor("span", 1, 2)], [tensor("total", 1, 4)]),
        ([], [tensor("total", 1, 4)]),
    ],
)
def test_other_inputs_and_outputs_are_no_slow_kind(inputs: list[Any], outputs: list[Any]) -> None:
    assert slow_kind(inputs, outputs, 4) is None
