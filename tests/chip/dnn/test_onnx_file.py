"""ONNX files are not trusted: other files, sizes, several inputs, damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from chip.dnn import onnx_file
from chip.dnn.onnx_file import parse, read
from chip.dnn.onnx_import import import_onnx
from chip.errors import NetworkError

W = np.ones((3, 2))


@pytest.fixture
def model(graph: Callable[..., bytes]) -> Any:
    return onnx.load_model_from_string(graph([("Gemm", ["x", "w"], {})], (3,), w=W))


def test_content(model: Any) -> None:
    found = parse(model.SerializeToString())
    assert (found.input_name, found.input_shape, found.output_name) == ("x", (3,), "v0")
    assert [str(node) for node in found.nodes] == ["node Gemm_0 (Gemm)"]


def test_data_in_other_files_is_refused(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(NetworkError, match="tensor w: keeps its data in another file"):
        parse(model.SerializeToString())


def test_several_inputs_are_refused(model: Any) -> None:
    model.graph.input.append(onnx.helper.make_tensor_value_info("z", 1, ["n", 2]))
    with pytest.raises(NetworkError, match=r"2 inputs \(x, z\)"):
        parse(model.SerializeToString())


def test_weights_that_are_no_numbers_are_refused(graph: Callable[..., bytes]) -> None:
    data = graph([("Gemm", ["x", "w"], {})], (3,), w=W * np.nan)
    with pytest.raises(NetworkError, match="no numbers"):
        parse(data)


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"\x00" * 64, b"not a model"])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(NetworkError, match=r"no ONNX model|no valid ONNX model"):
        parse(data)


def test_damaged_files_are_refused_or_read(model: Any) -> None:
    whole = model.SerializeToString()
    random = np.random.default_rng(1)
    for _ in range(60):
        data = bytearray(whole)
        for at in random.integers(len(data), size=2):
            data[at] ^= 1 << int(random.integers(8))
        try:
            import_onnx(bytes(data))
        except NetworkError:
            continue


def test_too_large_or_missing_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "MAX_BYTES", 1 << 20)
    large = tmp_path / "large.onnx"
    large.write_bytes(b"0" * ((1 << 20) + 1))
    with pytest.raises(NetworkError, match="larger than 1 MiB"):
        read(large)
    with pytest.raises(NetworkError, match="cannot be read"):
        read(tmp_path / "none.onnx")
