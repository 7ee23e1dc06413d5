"""The teacher as ONNX, written node by node: the same weights give the same bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from anomaly.detect.pooling import GROUPS
from anomaly.detect.teacher import BATCH, TeacherDetector
from anomaly.errors import ModelError
from anomaly.teacher.network import KINDS, Teacher

_OPSET = 17
_IR_VERSION = 9


def to_onnx(teacher: Teacher) -> bytes:
    """Export for ONNX Runtime: ``levels`` [BATCH, context, bands] to ``errors`` [BATCH, kinds * GROUPS].

    Raises:
        ModelError: the exported model does not agree with torch.
    """
    size = teacher.autoencoder.size
    graph = _Graph()
    frames = [i for i in range(size.context) if i != size.context // 2]
    graph.constant("around", np.array(frames, dtype=np.int64))
    graph.constant("centre", np.array(size.context // 2, dtype=np.int64))
    graph.constant("mean", teacher.mean.numpy())
    graph.constant("deviation", teacher.deviation.numpy())
    graph.constant("flat", np.array([BATCH, -1], dtype=np.int64))
    graph.constant("grouped", np.array([BATCH, GROUPS, -1], dtype=np.int64))
    graph.node("Sub", ["levels", "mean"], "centred")
    graph.node("Div", ["centred", "deviation"], "windows")
    graph.node("Gather", ["windows", "centre"], "middle", axis=1)
    graph.node("Gather", ["windows", "around"], "neighbours", axis=1)
    graph.node("Reshape", ["neighbours", "flat"], "given")
    _autoencoder(graph, teacher)
    graph.node("Sub", ["middle", "predicted"], "residual")
    parts = [
        _whiten(graph, "middle", "frame", teacher.frame_mean, teacher.frame_matrix),
        _whiten(graph, "residual", "context", teacher.context_mean, teacher.context_matrix),
    ]
    graph.node("Concat", parts, "errors", axis=1)
    data = graph.finish([BATCH, size.context, size.bands], [BATCH, len(KINDS) * GROUPS])
    _check_parity(teacher, data)
    return data


def macs_per_frame(data: bytes) -> int:
    """Multiply-accumulates of one frame: the size of every matrix in the model."""
    model = onnx.load_from_string(data)
    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type in ("Gemm", "MatMul")]
    return sum(sizes.get(node.input[1], 0) for node in nodes)


class _Graph:
    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: Any) -> str:
        self._constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def finish(self, given: list[int], produced: list[int]) -> bytes:
        graph = helper.make_graph(
            self._nodes,
            "anomaly-teacher",
            [helper.make_tensor_value_info("levels", TensorProto.FLOAT, given)],
            [helper.make_tensor_value_info("errors", TensorProto.FLOAT, produced)],
            self._constants,
        )
        opset = helper.make_opsetid("", _OPSET)
        model = helper.make_model(
            graph, producer_name="anomaly", opset_imports=[opset], ir_version=_IR_VERSION
        )
        onnx.checker.check_model(model)
        data: bytes = model.SerializeToString(deterministic=True)
        return data


def _autoencoder(graph: _Graph, teacher: Teacher) -> None:
    net = teacher.autoencoder

    def layer(name: str, given: str, relu: bool = True) -> str:
        module = getattr(net, name)
        graph.constant(f"{name}.weight", module.weight.detach().numpy())
        graph.constant(f"{name}.bias", module.bias.detach().numpy())
        out = graph.node("Gemm", [given, f"{name}.weight", f"{name}.bias"], f"{name}.sum", transB=1)
        return graph.node("Relu", [out], f"{name}.out") if relu else out

    hidden = layer("expand", layer("squeeze", layer("encode", "given")))
    graph.node(
        "Add", [layer("linear", "given", relu=False), layer("decode", hidden, relu=False)], "predicted"
    )


def _whiten(graph: _Graph, given: str, name: str, mean: torch.Tensor, matrix: torch.Tensor) -> str:
    graph.constant(f"{name}.mean", mean.numpy())
    graph.constant(f"{name}.matrix", matrix.numpy())
    graph.node("Sub", [given, f"{name}.mean"], f"{name}.centred")
    graph.node("MatMul", [f"{name}.centred", f"{name}.matrix"], f"{name}.white")
    graph.node("Mul", [f"{name}.white", f"{name}.white"], f"{name}.square")
    graph.node("Reshape", [f"{name}.square", "grouped"], f"{name}.grouped")
    return graph.node("ReduceMean", [f"{name}.grouped"], f"{name}.error", axes=[2], keepdims=0)


def _check_parity(teacher: Teacher, data: bytes) -> None:
    """ONNX Runtime and torch must agree within 1e-4 of the value on levels like those of training."""
    size = teacher.autoencoder.size
    random = np.random.default_rng(0).standard_normal((BATCH + size.context - 1, size.bands))
    frames = np.rint(random * teacher.deviation.numpy() + teacher.mean.numpy()).astype(np.int32)
    detector = TeacherDetector(data)
    detector.reset(1)
    ours = detector.push(frames[None])[0][size.context - 1 :]
    view = np.lib.stride_tricks.sliding_window_view(frames.astype(np.float32), size.context, axis=0)
    with torch.no_grad():
        theirs = teacher(torch.from_numpy(np.ascontiguousarray(view.transpose(0, 2, 1)))).numpy()
    worst = float(np.max(np.abs(ours - theirs) / (np.abs(theirs) + 1e-3)))
    if worst > 1e-4:
        raise ModelError(f"the exported teacher is off by {worst:.1e}, more than 1e-4", where="teacher.onnx")
