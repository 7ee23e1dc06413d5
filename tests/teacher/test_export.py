"""Export to ONNX: the same numbers as torch, the same bytes for the same seed."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch

from anomaly.detect.detectors.slow_kind import BATCH
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.teacher import export
from anomaly.teacher.export import macs_per_frame, to_onnx
from anomaly.teacher.fit import TeacherPlan, fit_teacher
from anomaly.teacher.network import Teacher, TeacherSize

Centibels = npt.NDArray[np.int32]


ENDS = [0, 30, *range(61, 600, 31)]


def windows(teacher: Teacher, levels: Centibels) -> torch.Tensor:
    context = teacher.autoencoder.size.context
    view = np.lib.stride_tricks.sliding_window_view(levels.astype(np.float32), context, axis=0)
    return torch.from_numpy(view.transpose(0, 2, 1).copy())


def by_torch(teacher: Teacher, levels: Centibels) -> npt.NDArray[np.float32]:
    """Return the errors of whole seconds since a reset, the last frames of which end with `ENDS`."""
    past = teacher.autoencoder.size.past
    given, parts = windows(teacher, levels), []
    with torch.no_grad():
        innovations = teacher.innovations(given)
        for second, (start, end) in enumerate(itertools.pairwise(ENDS), 1):
            seconds = min(second, teacher.spans) if teacher.spans else 0
            first = max(8, ENDS[second - seconds]) - past
            recent = innovations[first : end - past].mean(dim=0)
            parts.append(teacher(given[max(start - past, 0) : end - past], recent, seconds))
    return np.concatenate([np.asarray(part) for part in parts])


def by_onnx(data: bytes, levels: Centibels) -> npt.NDArray[np.float32]:
    """Return the errors of the same seconds, pushed one by one."""
    detector = TeacherDetector(data)
    detector.reset(1)
    return np.concatenate([detector.push(levels[None, a:b])[0] for a, b in itertools.pairwise(ENDS)])


@pytest.mark.parametrize("change", [0, 300, -6000, 12_000])
def test_onnx_runtime_agrees_with_torch(teacher: Teacher, unseen: Centibels, change: int) -> None:
    levels = unseen.copy()
    levels[::3, 5:11] += change
    ours, theirs = by_onnx(to_onnx(teacher), levels)[8:], by_torch(teacher, levels)
    assert ours.shape == theirs.shape
    assert (np.abs(ours - theirs) <= 1e-4 * np.abs(theirs) + 1e-6).all()


@pytest.mark.parametrize("change", [0, 300, -6000, 12_000])
def test_onnx_runtime_agrees_with_torch_with_phases(
    segments: list[Centibels], unseen: Centibels, change: int
) -> None:
    teacher = fit_teacher(segments, TeacherPlan(epochs=1, max_phases=8), seed=0)
    assert len(teacher.phases) == 8
    levels = unseen.copy()
    levels[::3, 5:11] += change
    data = to_onnx(teacher)
    ours, theirs = by_onnx(data, levels)[8:], by_torch(teacher, levels)
    assert ours.shape == theirs.shape == (ENDS[-1] - 8, 2 * SUB_BAND_GROUPS)
    assert (np.abs(ours - theirs) <= 1e-4 * np.abs(theirs) + 1e-6).all()
    size = teacher.autoencoder.size
    windows_whitened = (size.window * size.bands) ** 2
    classification = (size.window + 1) * size.bands * len(teacher.phases)
    plain = to_onnx(fit_teacher(segments, TeacherPlan(epochs=0), seed=0))
    assert macs_per_frame(data) == macs_per_frame(plain) + windows_whitened + classification


def test_means_reach_back_no_further_than_the_longest_span(teacher: Teacher, unseen: Centibels) -> None:
    """The comparison with torch spans more seconds than means do."""
    assert 1 < teacher.spans < len(ENDS) - 2
    other = unseen.copy()
    other[10:20] += 3000
    data = to_onnx(teacher)
    changed = (by_onnx(data, unseen) != by_onnx(data, other))[:, SUB_BAND_GROUPS:].any(axis=1)
    assert changed[: ENDS[teacher.spans]].all()
    assert not changed[ENDS[teacher.spans] :].any()


def test_the_same_seed_gives_the_same_bytes(segments: list[Centibels], teacher: Teacher) -> None:
    again = to_onnx(fit_teacher(segments, TeacherPlan(epochs=3), seed=0))
    assert again == to_onnx(teacher)
    assert again != to_onnx(fit_teacher(segments, TeacherPlan(epochs=3), seed=1))


def test_another_size_agrees_with_torch(segments: list[Centibels], unseen: Centibels) -> None:
    size = TeacherSize(past=6, window=3, members=1, hidden=32, bottleneck=8)
    teacher = fit_teacher(segments, TeacherPlan(size, epochs=1), seed=0)
    ours, theirs = by_onnx(to_onnx(teacher), unseen)[6:], by_torch(teacher, unseen)
    assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)


def test_the_model_is_small_and_has_standard_operators(teacher: Teacher) -> None:
    data = to_onnx(teacher)
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    assert len(data) < 1_000_000
    assert {node.domain for node in model.graph.node} == {""}
    shapes = {one.name: [d.dim_value for d in one.type.tensor_type.shape.dim] for one in model.graph.input}
    assert shapes == {
        "levels": [BATCH, 9, 32],
        "counted": [1, BATCH],
        "earlier": [1, 32],
        "frames": [1, 1],
        "span": [1, teacher.spans],
    }
    assert (model.producer_name, model.doc_string) == ("anomaly", "")


def test_multiplications_of_a_frame(teacher: Teacher) -> None:
    size = teacher.autoencoder.size
    inputs = size.past * size.bands
    member = inputs * size.hidden + 2 * size.hidden * size.bottleneck + 2 * size.hidden * size.bands
    whitened = size.bands**2
    assert macs_per_frame(to_onnx(teacher)) == inputs * size.bands + size.members * member + whitened


def test_a_model_that_disagrees_with_torch_is_refused(
    teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    whiten = export._whiten

    def askew(graph: object, given: str, name: str, mean: torch.Tensor, matrix: torch.Tensor) -> str:
        return str(whiten(graph, given, name, mean, matrix * 1.001))  # type: ignore[arg-type]

    monkeypatch.setattr(export, "_whiten", askew)
    with pytest.raises(ModelError, match="more than 1e-4"):
        to_onnx(teacher)
