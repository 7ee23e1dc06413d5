"""Bounded, checked reading of an ONNX file: nodes, constants and the shape of the input."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.errors import MissingPackageError, NetworkError

__all__ = ["MAX_BYTES", "OnnxGraph", "OnnxNode", "parse", "read"]

# A network that a chip of a thousand neurons can follow has a few megabytes.
MAX_BYTES = 64 << 20
_MAX_NODES = 10_000
_NAMELESS = "without a name"


@dataclass(frozen=True)
class OnnxNode:
    """Operator of a graph.

    Args:
        name: of the node, or of its first output if it has none.
        op: operator, such as ``Gemm``.
        inputs: names of tensors; empty where an optional one is left out.
        outputs: names of tensors.
        attributes: numbers, texts, lists and arrays by name.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def __str__(self) -> str:
        return f"node {self.name or _NAMELESS} ({self.op})"


@dataclass(frozen=True)
class OnnxGraph:
    """Content of a file.

    Args:
        nodes: in the order of computation.
        constants: arrays by name.
        input_name: the one input.
        input_shape: shape of one sample; None where the file leaves a size open.
        output_name: the one output.
        opset: version of the operators.
    """

    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, NDArray[Any]]
    input_name: str
    input_shape: tuple[int | None, ...]
    output_name: str
    opset: int


def read(path: Path) -> bytes:
    """Read a file of at most ``MAX_BYTES``.

    Raises:
        NetworkError: it cannot be read, or is too large.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise NetworkError(f"is larger than {MAX_BYTES >> 20} MiB", where=path)
        return path.read_bytes()
    except OSError as error:
        raise NetworkError(f"cannot be read: {error.strerror}", where=path) from error


def parse(data: bytes) -> OnnxGraph:
    """Parse and check the bytes of a file; nothing outside them is read.

    Raises:
        NetworkError: they are no ONNX model, or one with data in other files, several inputs or outputs.
        MissingPackageError: the package onnx is not installed.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        hint = "install it with `pip install 'anomaly[train]'`"
        raise MissingPackageError("ONNX files need the package onnx", hint=hint) from error
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # the parser raises classes of its own
        raise NetworkError("is no ONNX model", where="model", hint="export it again") from error
    graph = model.graph
    _check(model, graph)
    for value in graph.output:
        # The checker wants a shape, which some exporters leave out; it does not compare it.
        value.type.tensor_type.shape.SetInParent()
    try:
        onnx.checker.check_model(model)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise NetworkError(f"is no valid ONNX model: {reason}", where="model") from error
    constants = {tensor.name: _array(tensor) for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    one = _only(inputs, "inputs")
    return OnnxGraph(
        nodes=tuple(_node(node) for node in graph.node),
        constants=constants,
        input_name=one.name,
        input_shape=_input_shape(one),
        output_name=_only(list(graph.output), "outputs").name,
        opset=max((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), default=0),
    )


def _check(model: Any, graph: Any) -> None:
    """Refuse what would read other files or is out of proportion, before anything is decoded."""
    import onnx

    if not graph.node and not graph.output:
        raise NetworkError("is no ONNX model: it holds no nodes", where="model", hint="export it again")
    if len(graph.node) > _MAX_NODES:
        raise NetworkError(f"has {len(graph.node)} nodes, more than {_MAX_NODES}", where="model")
    if model.functions:
        names = ", ".join(function.name for function in model.functions[:3])
        raise NetworkError(f"defines functions of its own ({names})", where="model", hint="export it inlined")
    tensors = [*graph.initializer, *(a.t for node in graph.node for a in node.attribute if a.HasField("t"))]
    for tensor in tensors:
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            hint = "save it as one file: onnx.save(model, path, save_as_external_data=False)"
            raise NetworkError("keeps its data in another file", where=f"tensor {tensor.name}", hint=hint)
    if graph.sparse_initializer:
        raise NetworkError("has sparse tensors", where="model", hint="export dense ones")


def _array(tensor: Any) -> NDArray[Any]:
    from onnx import numpy_helper

    try:
        size = math.prod(tensor.dims)
        if size > MAX_BYTES or any(dim < 0 for dim in tensor.dims):
            raise ValueError("its shape is out of range")
        array: NDArray[Any] = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise NetworkError(f"cannot be read: {error}", where=f"tensor {tensor.name}") from error
    # A limit of Clip may be infinite, a weight may not.
    wrong = array.dtype.kind == "f" and not np.isfinite(array).all()
    if wrong and (array.size != 1 or np.isnan(array).any()):
        raise NetworkError("holds values that are no numbers", where=f"tensor {tensor.name}")
    return array


def _node(node: Any) -> OnnxNode:
    from onnx import helper

    attributes = {}
    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        if attribute.HasField("t"):
            value = _array(attribute.t)
        elif isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        attributes[attribute.name] = value
    name = node.name or (node.output[0] if node.output else "")
    op = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
    return OnnxNode(name, op, tuple(node.input), tuple(node.output), attributes)


def _only(values: list[Any], what: str) -> Any:
    if len(values) != 1:
        names = ", ".join(value.name for value in values) or "none"
        hint = "export the network with one input and one output"
        raise NetworkError(f"has {len(values)} {what} ({names}), not one", where="model", hint=hint)
    return values[0]


def _input_shape(value: Any) -> tuple[int | None, ...]:
    kind = value.type.tensor_type
    dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    if not kind.HasField("shape") or len(dims) < 2:
        hint = "the first axis is the batch, at least one other must follow"
        raise NetworkError(f"has {len(dims)} axes", where=f"input {value.name}", hint=hint)
    return tuple(dims[1:])
