"""Import of ONNX graphs: each is compared with ONNX Runtime, and what is not understood is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chip.dnn import Dnn, import_onnx, read_onnx
from chip.errors import NetworkError

RANDOM = np.random.default_rng(0)
W = RANDOM.normal(size=(4, 6))
K1, K2 = RANDOM.normal(size=(4, 2, 3)), RANDOM.normal(size=(4, 1, 3, 3))
NORM = {"s": [1.0, 2.0, 0.5, -1.0], "b": [0.1, 0, 0, 1], "m": [0.5, 0, 1, 0], "q": [1.0, 2, 3, 4]}
Nodes = list[tuple[str, list[str], dict[str, Any]]]
ONE = "x"


def unary(op: str, **attributes: Any) -> Nodes:
    return [(op, [ONE], attributes), ("Flatten", ["v0"], {})]


UNDERSTOOD: dict[str, tuple[Nodes, tuple[int, ...], dict[str, Any]]] = {
    "gemm": ([("Gemm", ["x", "w", "b"], {"transB": 1, "alpha": 0.5})], (6,), {"w": W, "b": W[:, 0]}),
    "matmul and add": (
        [("MatMul", ["x", "w"], {}), ("Add", ["v0", "b"], {})],
        (6,),
        {"w": W.T, "b": W[:, 0]},
    ),
    "conv 1-d": (
        [("Conv", ["x", "k"], {"strides": [2], "pads": [1, 1]}), ("Relu", ["v0"], {})],
        (2, 9),
        {"k": K1},
    ),
    "conv 2-d": ([("Conv", ["x", "k"], {"dilations": [2, 1], "pads": [1, 0, 1, 1]})], (1, 6, 5), {"k": K2}),
    "grouped conv": ([("Conv", ["x", "k"], {"group": 2, "auto_pad": "SAME_UPPER"})], (4, 7), {"k": K1}),
    "batch norm": ([("BatchNormalization", ["x", "s", "b", "m", "q"], {})], (4, 3), NORM),
    "relu": (unary("Relu"), (5,), {}),
    "leaky relu": (unary("LeakyRelu", alpha=0.2), (5,), {}),
    "relu6": ([("Clip", ["x", "low", "high"], {})], (5,), {"low": 0.0, "high": 6.0}),
    "hard sigmoid": (unary("HardSigmoid"), (5,), {}),
    "tanh": (unary("Tanh"), (5,), {}),
    "sigmoid": (unary("Sigmoid"), (5,), {}),
    "abs": (unary("Abs"), (5,), {}),
    "max pool": (unary("MaxPool", kernel_shape=[3], strides=[2], pads=[1, 1]), (2, 7), {}),
    "max pool 2-d": (unary("MaxPool", kernel_shape=[2, 2], strides=[2, 2]), (2, 4, 6), {}),
    "average pool": (unary("AveragePool", kernel_shape=[3], pads=[1, 0]), (2, 7), {}),
    "counted padding": (unary("AveragePool", kernel_shape=[3], pads=[1, 1], count_include_pad=1), (2, 7), {}),
    "global average": (unary("GlobalAveragePool"), (2, 3, 4), {}),
    "global maximum": (unary("GlobalMaxPool"), (2, 5), {}),
    "mean": ([("ReduceMean", ["x"], {"axes": [2], "keepdims": 0})], (3, 4), {}),
    "transpose": ([("Transpose", ["x"], {"perm": [0, 2, 1]}), ("Flatten", ["v0"], {})], (3, 4), {}),
    "reshape": ([("Reshape", ["x", "to"], {})], (3, 4), {"to": np.array([0, 2, -1])}),
    "slice": ([("Slice", ["x", "a", "b", "c"], {})], (8,), {"a": [2], "b": [6], "c": [1]}),
    "pad": ([("Pad", ["x", "to"], {})], (2, 3), {"to": np.array([0, 0, 1, 0, 0, 2])}),
    "residual": (
        [("Relu", ["x"], {}), ("Gemm", ["v0", "w"], {}), ("Add", ["v1", "x"], {}), ("Relu", ["v2"], {})],
        (4,),
        {"w": W[:, :4]},
    ),
    "channels joined": ([("Relu", ["x"], {}), ("Concat", ["v0", "x"], {"axis": 1})], (2, 3), {}),
    "scaled": (
        [("Mul", ["x", "w"], {}), ("Div", ["v0", "d"], {}), ("Neg", ["v1"], {})],
        (6,),
        {"w": W[0], "d": 2.0},
    ),
}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_operators_agree_with_onnx_runtime(name: str, graph: Callable[..., bytes]) -> None:
    nodes, shape, constants = UNDERSTOOD[name]
    dnn = import_onnx(graph(nodes, shape, **constants))
    assert dnn.input_shape == shape
    assert dnn.readout == "none"


@pytest.mark.parametrize(
    ("op", "readout"),
    [("Softmax", "softmax"), ("LogSoftmax", "log_softmax"), ("ArgMax", "argmax"), ("Tanh", "tanh")],
)
def test_readouts_are_taken_off(op: str, readout: str, graph: Callable[..., bytes]) -> None:
    attributes = {} if op == "Tanh" else {"axis": 1}
    dnn = import_onnx(graph([("Gemm", ["x", "w"], {}), (op, ["v0"], attributes)], (4,), w=W))
    assert (dnn.readout, dnn.n_outputs, dnn.populations) == (readout, 6, ())


def test_a_shape_that_the_exporter_computes(graph: Callable[..., bytes]) -> None:
    nodes: Nodes = [
        ("Shape", ["x"], {}),
        ("Gather", ["v0", "zero"], {"axis": 0}),
        ("Unsqueeze", ["v1", "axis"], {}),
        ("Concat", ["v2", "rest"], {"axis": 0}),
        ("Reshape", ["x", "v3"], {}),
    ]
    dnn = import_onnx(graph(nodes, (2, 3), zero=np.array(0), axis=[0], rest=[-1]))
    assert dnn.output.shape == (6,)


@pytest.mark.parametrize(
    ("nodes", "words", "near"),
    [
        ([("Elu", ["x"], {})], "Elu_0 (Elu): is not understood", "LeakyRelu"),
        ([("Softplus", ["x"], {})], "Softplus_0", "Relu"),
        ([("Mul", ["x", "x"], {})], "multiplies two values", "Mul by a constant"),
        (
            [("Flatten", ["x"], {}), ("Softmax", ["v0"], {}), ("Relu", ["v1"], {})],
            "follows the read-out",
            "Softmax or ArgMax",
        ),
        ([("Flatten", ["x"], {"axis": 0})], "joins the batch", "axis = 1"),
        ([("MaxPool", ["x"], {"kernel_shape": [2], "ceil_mode": 1})], "rounds", "ceil_mode = 0"),
    ],
)
def test_refusals_name_node_and_nearest(
    nodes: Nodes, words: str, near: str, graph: Callable[..., bytes]
) -> None:
    with pytest.raises(NetworkError) as error:
        import_onnx(graph(nodes, (2, 5)))
    assert words in str(error.value)
    assert near in (error.value.hint or "")


def test_open_sizes_come_from_the_data(graph: Callable[..., bytes]) -> None:
    data = graph([("GlobalAveragePool", ["x"], {})], (2, "length"))
    assert import_onnx(data, (2, 9)).input_shape == (2, 9)
    with pytest.raises(NetworkError, match="open sizes"):
        import_onnx(data)
    with pytest.raises(NetworkError, match="takes samples of 2xany, and the data has 3x9"):
        import_onnx(data, (3, 9))


def test_a_file_is_named(tmp_path: Path, graph: Callable[..., bytes]) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(graph([("Elu", ["x"], {})], (2,)))
    with pytest.raises(NetworkError, match=r"net\.onnx: node Elu_0"):
        read_onnx(path)


def test_evaluation_in_chunks_is_the_same(graph: Callable[..., bytes]) -> None:
    dnn: Dnn = import_onnx(graph([("Gemm", ["x", "w"], {}), ("Relu", ["v0"], {})], (4,), w=W))
    samples = RANDOM.normal(size=(600, 4))
    np.testing.assert_allclose(
        dnn.output_of(samples), np.maximum(samples @ W.astype(np.float32), 0), atol=1e-6
    )
