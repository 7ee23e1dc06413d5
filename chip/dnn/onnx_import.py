"""Import of ONNX networks: a walk through the graph, and a comparison with ONNX Runtime."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.dnn import linear_operators, shape_operators, unit_operators
from chip.dnn.expression import INPUT, Expression
from chip.dnn.layers import Dnn, Readout, apply_readout
from chip.dnn.onnx_file import OnnxGraph, OnnxNode, parse, read
from chip.dnn.tensors import Tensors, refuse
from chip.errors import NetworkError

__all__ = ["SUPPORTED", "import_onnx", "nearest", "read_onnx"]

_OPERATORS = {**linear_operators.OPERATORS, **shape_operators.OPERATORS, **unit_operators.OPERATORS}
_READOUTS: dict[str, Readout] = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "ArgMax": "argmax"}
_LAST_UNITS: dict[str, Readout] = {"Sigmoid": "sigmoid", "Tanh": "tanh"}
# What may follow a read-out without changing it.
_AFTER = ("Identity", "Squeeze", "Flatten", "Cast", "ArgMax")
SUPPORTED = tuple(sorted({*_OPERATORS, *_READOUTS}))
# Nearest understood operator of some that are not.
_NEAREST = {
    "Elu": "LeakyRelu", "Selu": "LeakyRelu", "Celu": "LeakyRelu", "Gelu": "Relu", "Softplus": "Relu",
    "HardSwish": "Relu", "Mish": "Relu", "ThresholdedRelu": "Relu", "Softsign": "Tanh", "Erf": "Tanh",
    "Exp": "Sigmoid", "Pow": "Abs", "Sqrt": "Relu", "LSTM": "Conv over time", "GRU": "Conv over time",
    "RNN": "Conv over time", "LayerNormalization": "BatchNormalization",
    "InstanceNormalization": "BatchNormalization", "GroupNormalization": "BatchNormalization",
    "LpPool": "AveragePool", "ConvTranspose": "Gemm, which can hold the same weights",
    "Einsum": "MatMul", "Max": "MaxPool", "ReduceMax": "GlobalMaxPool", "ReduceSum": "ReduceMean",
    "Attention": "Gemm", "Hardmax": "ArgMax", "LRN": "BatchNormalization", "QLinearConv": "Conv",
    "QLinearMatMul": "MatMul", "DequantizeLinear": "a network in float32",
}  # fmt: skip
# Difference to ONNX Runtime, relative to the range of the outputs.
_TOLERANCE = 1e-3
_TRIALS = 8
_MAX_INPUTS = 1 << 16


def read_onnx(path: Path, sample_shape: tuple[int, ...] | None = None) -> Dnn:
    """Read and import an ONNX file.

    Args:
        path: the file.
        sample_shape: shape of one sample, for sizes that the file leaves open.

    Raises:
        NetworkError: it cannot be read or understood; names the file and the node.
    """
    try:
        return import_onnx(read(path), sample_shape)
    except NetworkError as error:
        if error.where != str(path):
            error.where = f"{path}: {error.where}"
        raise


def import_onnx(data: bytes, sample_shape: tuple[int, ...] | None = None) -> Dnn:
    """Import the bytes of an ONNX file, and compare the result with ONNX Runtime.

    Raises:
        NetworkError: they cannot be understood, or the import computes something else.
    """
    graph = parse(data)
    shape = _sample_shape(graph, sample_shape)
    dnn = _walk(graph, shape)
    _compare(data, dnn)
    return dnn


def nearest(op: str) -> str:
    """Name the understood operator that is nearest to one that is not."""
    if op in _NEAREST:
        return f"the nearest that is understood: {_NEAREST[op]}"
    import difflib

    close = difflib.get_close_matches(op, SUPPORTED, 1, 0.6)
    listed = ", ".join(SUPPORTED)
    return f"the nearest that is understood: {close[0]}" if close else f"understood are: {listed}"


def _sample_shape(graph: OnnxGraph, given: tuple[int, ...] | None) -> tuple[int, ...]:
    stated, where = graph.input_shape, f"input {graph.input_name}"
    if given is not None and math.prod(given) == math.prod(n or 0 for n in stated):
        given = tuple(n or 0 for n in stated)
    if given is None:
        if any(not n for n in stated):
            raise NetworkError(f"has open sizes {stated}", where=where, hint="give data of a full shape")
        given = tuple(n or 0 for n in stated)
    fits = len(given) == len(stated) and all(n in (None, 0, m) for n, m in zip(stated, given, strict=True))
    if not fits or min(given, default=0) < 1:
        shown = "x".join(str(n or "any") for n in stated)
        message = f"takes samples of {shown}, and the data has {'x'.join(map(str, given))}"
        raise NetworkError(message, where=where, hint="one row of the data is one sample")
    if math.prod(given) > _MAX_INPUTS:
        raise NetworkError(f"has {math.prod(given)} values, more than {_MAX_INPUTS}", where=where)
    return given


def _walk(graph: OnnxGraph, shape: tuple[int, ...]) -> Dnn:
    tensors = Tensors({**graph.constants, graph.input_name: Expression.of_source(INPUT, shape)}, graph.opset)
    readout: Readout = "none"
    final: dict[str, Expression] = {}
    for node in graph.nodes:
        if any(name in final for name in node.inputs):
            if node.op not in _AFTER:
                raise refuse(node, "follows the read-out", "end the network with Softmax or ArgMax")
            readout = "argmax" if node.op == "ArgMax" else readout
            final[node.outputs[0]] = final[node.inputs[0]]
        elif node.op in _READOUTS or (node.op in _LAST_UNITS and graph.output_name in node.outputs):
            final[node.outputs[0]] = _last(tensors, node)
            readout = {**_READOUTS, **_LAST_UNITS}[node.op]
        elif (operator := _OPERATORS.get(node.op)) is not None:
            if sum(bool(name) for name in node.outputs) > 1 and node.op not in ("Dropout", "MaxPool"):
                raise refuse(node, "has several outputs", "one output")
            found = operator(tensors, node)
            # NumPy makes scalars of arrays without axes.
            tensors.values[node.outputs[0]] = found if isinstance(found, Expression) else np.asarray(found)
        else:
            raise refuse(node, "is not understood", nearest(node.op))
    output = final.get(graph.output_name, tensors.values.get(graph.output_name))
    if not isinstance(output, Expression):
        raise NetworkError("does not depend on the input", where=f"output {graph.output_name}")
    flat = output.reshaped((output.size,))
    return Dnn(graph.input_name, shape, tuple(tensors.populations), flat, readout)


def _last(tensors: Tensors, node: OnnxNode) -> Expression:
    x = tensors.expression(node)
    default = -1 if tensors.opset >= 13 else 1
    axis = int(node.attributes.get("axis", 0 if node.op == "ArgMax" else default)) % (len(x.shape) + 1)
    if node.op in _READOUTS and (max(x.shape) != x.size or axis == 0 or x.shape[axis - 1] != x.size):
        raise refuse(node, f"acts on axis {axis} of {x.shape}", f"{node.op} over the outputs of a sample")
    return x


def _compare(data: bytes, dnn: Dnn) -> None:
    """Require that the import computes what ONNX Runtime does, on random samples."""
    samples = np.random.default_rng(0).normal(size=(_TRIALS, *dnn.input_shape)).astype(np.float32)
    expected = reference(data, dnn, samples)
    mine = apply_readout(dnn.readout, dnn.output_of(samples)).reshape(_TRIALS, -1)
    if dnn.readout == "argmax":
        same = bool(np.mean(mine == expected) > 0.8)
    else:
        scale = max(float(np.ptp(expected)), float(np.abs(expected).max()), 1e-6)
        same = mine.shape == expected.shape and bool(np.abs(mine - expected).max() <= _TOLERANCE * scale)
    if not same:
        hint = "this is a limit of the import; export the network in float32 and in evaluation mode"
        raise NetworkError("computes something else than ONNX Runtime does", where="the import", hint=hint)


def reference(data: bytes, dnn: Dnn, samples: NDArray[Any]) -> NDArray[np.float64]:
    """Run the file in ONNX Runtime, [sample, value]; its batch may be fixed."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    try:
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        (entry,) = session.get_inputs()
        batch = entry.shape[0] if isinstance(entry.shape[0], int) else len(samples)
        rows = np.resize(samples, (-(-len(samples) // batch) * batch, *dnn.input_shape))
        typed = rows.astype(np.float64 if "double" in entry.type else np.float32)
        parts = [
            np.asarray(session.run(None, {entry.name: typed[at : at + batch]})[0]).reshape(batch, -1)
            for at in range(0, len(typed), batch)
        ]
    except Exception as error:  # the runtime raises classes of its own
        reason = str(error).strip().splitlines()[0]
        raise NetworkError(f"cannot be run by ONNX Runtime: {reason}", where="model") from error
    return np.concatenate(parts)[: len(samples)].astype(np.float64)
