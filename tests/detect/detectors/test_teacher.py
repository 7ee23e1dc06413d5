"""The exported teacher in ONNX Runtime: windows, batches, and models that are none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from anomaly.detect.detectors.slow_kind import BATCH
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.features.front_end import segment_levels
from anomaly.features.mel import Samples


def model(
    given: list[int | str], produced: list[int | str], kind: int = TensorProto.FLOAT, inputs: int = 1
) -> bytes:
    """A model that repeats its first numbers, with the shapes it claims."""
    names = [f"levels{i}" for i in range(inputs)]
    taken = [helper.make_tensor_value_info(name, kind, given) for name in names]
    gives = helper.make_tensor_value_info("errors", kind, produced)
    rank = len(given)
    constants = [
        helper.make_tensor("start", TensorProto.INT64, [rank], [0] * rank),
        helper.make_tensor("end", TensorProto.INT64, [rank], [1] * rank),
    ]
    node = helper.make_node("Slice", [names[0], "start", "end"], ["errors"])
    graph = helper.make_graph([node], "test", taken, [gives], constants)
    opset = helper.make_opsetid("", 17)
    made: bytes = helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()
    return made


SECONDS = ((0, 30), (30, 61), (61, 92))
INNOVATION, SLOW = slice(0, SUB_BAND_GROUPS), slice(SUB_BAND_GROUPS, 2 * SUB_BAND_GROUPS)


def by_second(teacher: TeacherDetector, levels: Any) -> list[Any]:
    """Return the errors of the first seconds after a reset, [frames, channels] each."""
    teacher.reset(1)
    return [teacher.push(levels[:, start:end])[0] for start, end in SECONDS]


def test_a_window_ends_at_the_frame_it_is_reported_for(small: Any, sound: Samples) -> None:
    levels = segment_levels(sound, small.front_end)[:1]
    teacher = small.detector("teacher")
    whole = np.concatenate(by_second(teacher, levels))
    other = levels.copy()
    other[:, 40] += 3000
    changed = np.concatenate(by_second(teacher, other))
    assert np.flatnonzero((whole != changed)[:, INNOVATION].any(axis=1)).tolist() == list(range(40, 49))


def test_the_slow_kind_is_the_same_for_all_frames_of_a_second(small: Any, sound: Samples) -> None:
    levels = segment_levels(sound, small.front_end)[:1]
    teacher = small.detector("teacher")
    normal = by_second(teacher, levels)
    other = levels.copy()
    other[:, 40] += 3000
    changed = by_second(teacher, other)
    assert all((second[:, SLOW] == second[0, SLOW]).all() for second in normal)
    same = [np.array_equal(one[:, SLOW], two[:, SLOW]) for one, two in zip(normal, changed, strict=True)]
    assert same[:2] == [True, False]


def test_more_than_a_second_at_once_is_refused(small: Any, sound: Samples) -> None:
    levels = segment_levels(sound, small.front_end)[:1]
    with pytest.raises(ModelError, match="92 frames are more than the 32 of a second"):
        small.detector("teacher").push(levels[:, :92])


def test_streams_side_by_side_are_streams_one_by_one(small: Any, sound: Samples) -> None:
    levels = segment_levels(sound, small.front_end)[:2, :31]
    teacher = small.detector("teacher")
    teacher.reset(2)
    together = teacher.push(levels)
    for stream in range(2):
        teacher.reset(1)
        assert np.array_equal(teacher.push(levels[stream : stream + 1])[0], together[stream])


def test_a_fresh_one_has_a_past_of_its_own(small: Any, sound: Samples) -> None:
    levels = segment_levels(sound, small.front_end)[:1, :31]
    teacher = small.detector("teacher")
    twin = teacher.fresh()
    teacher.reset(1)
    twin.reset(1)
    first = teacher.push(levels)
    assert np.array_equal(twin.push(levels), first)
    assert (teacher.bands, teacher.channels) == (twin.bands, twin.channels) == (32, 32)


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x00" * 100])
def test_bytes_that_are_no_model(data: bytes) -> None:
    with pytest.raises(ModelError, match=r"teacher\.onnx: is no model"):
        TeacherDetector(data)


@pytest.mark.parametrize(
    ("given", "produced"),
    [
        ([BATCH, 5, 32], [BATCH, 33]),
        ([BATCH, 5, 32], [BATCH, 0]),
        ([BATCH, 5, 32], [1, 32]),
        ([16, 5, 32], [16, 32]),
        (["n", 5, 32], ["n", 32]),
        ([BATCH, 0, 32], [BATCH, 32]),
        ([BATCH, 10, 32], [BATCH, 32]),
        ([BATCH, 5], [BATCH, 32, 1]),
        ([BATCH, 5, 32, 1], [BATCH]),
    ],
)
def test_models_of_another_shape(given: list[int | str], produced: list[int | str]) -> None:
    with pytest.raises(ModelError) as caught:
        TeacherDetector(model(given, produced))
    assert (caught.value.where, caught.value.exit_code) == ("teacher.onnx", 5)


def test_models_of_other_numbers_or_inputs() -> None:
    with pytest.raises(ModelError, match="not float32"):
        TeacherDetector(model([BATCH, 5, 32], [BATCH, 32], TensorProto.DOUBLE))
    with pytest.raises(ModelError, match=r"takes and gives levels0 .*, levels1 "):
        TeacherDetector(model([BATCH, 5, 32], [BATCH, 32], inputs=2))


def test_a_damaged_model_is_refused(small: Any) -> None:
    onnx.load_from_string(small.onnx)
    for length in (10, len(small.onnx) // 2, len(small.onnx) - 1):
        with pytest.raises(ModelError):
            TeacherDetector(small.onnx[:length])


BLOCKED = """
import sys
for name in ("torch", "torchaudio", "librosa", "sklearn", "onnx", "matplotlib"):
    sys.modules[name] = None
import numpy
from anomaly.detect.scoring import recording_errors
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.features.front_end import FrontEnd
teacher = TeacherDetector(open(sys.argv[1], "rb").read())
errors = recording_errors(numpy.load(sys.argv[2]), FrontEnd(reset_s=3), teacher)
numpy.save(sys.argv[3], numpy.concatenate(errors))
"""


def test_it_runs_where_torch_cannot_be_imported(small: Any, sound: Samples, tmp_path: Path) -> None:
    from anomaly.detect.scoring import recording_errors

    (tmp_path / "teacher.onnx").write_bytes(small.onnx)
    np.save(tmp_path / "sound.npy", sound)
    files = [str(tmp_path / name) for name in ("teacher.onnx", "sound.npy", "errors.npy")]
    subprocess.run([sys.executable, "-c", BLOCKED, *files], check=True)
    here = np.concatenate(recording_errors(sound, small.front_end, small.detector("teacher")))
    assert np.load(files[2]).tobytes() == here.tobytes()
