"""Export of the teacher to ONNX, node by node: the same weights give the same bytes.

Names of nodes are part of the file: a changed name changes its bytes and hash.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from anomaly.detect.detectors.slow_kind import BATCH
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.teacher.network import MAX_LOG_VARIANCE, Teacher
from anomaly.teacher.phases import PhaseModel

_OPSET = 17
_IR_VERSION = 9
# Name of the value that holds the phase of each window, in a teacher with phases.
PHASE_OUTPUT = "phase"


def to_onnx(teacher: Teacher) -> bytes:
    """Export for ONNX Runtime; `TeacherDetector` documents inputs and outputs.

    Raises:
        ModelError: the exported model does not agree with torch.
    """
    size = teacher.autoencoder.size
    graph = _Graph()
    graph.constant("past", np.arange(size.past, dtype=np.int64))
    graph.constant("last", np.array(size.past, dtype=np.int64))
    graph.constant("mean", teacher.mean.numpy())
    graph.constant("deviation", teacher.deviation.numpy())
    graph.constant("flat", np.array([BATCH, -1], dtype=np.int64))
    graph.constant(
        "grouped", np.array([BATCH, -1, SUB_BAND_GROUPS, size.bands // SUB_BAND_GROUPS], dtype=np.int64)
    )
    graph.node("Sub", ["levels", "mean"], "centred")
    graph.node("Div", ["centred", "deviation"], "windows")
    graph.node("Gather", ["windows", "last"], "newest", axis=1)
    graph.node("Gather", ["windows", "past"], "before", axis=1)
    graph.node("Reshape", ["before", "flat"], "given")
    inputs = {"levels": [BATCH, size.context, size.bands]}
    outputs = {"errors": [BATCH, len(teacher.kinds) * SUB_BAND_GROUPS]}
    white = _whiten(
        graph, _innovation(graph, teacher), "innovation", teacher.innovation_mean, teacher.innovation_matrix
    )
    parts = [_per_group(graph, white, "innovation")]
    if teacher.slow_mean is not None and teacher.slow_matrix is not None:
        parts.append(_slow_error(graph, white, teacher.slow_mean, teacher.slow_matrix))
        inputs |= {
            "counted": [1, BATCH],
            "earlier": [1, size.bands],
            "frames": [1, 1],
            "span": [1, teacher.spans],
        }
        outputs["total"] = [1, size.bands]
    else:
        parts.insert(0, _window_error(graph, teacher))
    graph.node("Concat", parts, "errors", axis=1)
    data = graph.finish(inputs, outputs)
    _check_parity(teacher, data)
    return data


def macs_per_frame(data: bytes) -> int:
    """Count the multiply-accumulates of a frame: the sizes of all matrices but that of the slow kind."""
    model = onnx.load_from_string(data)
    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type in ("Gemm", "MatMul")]
    return sum(sizes.get(node.input[1], 0) for node in nodes)


class _Graph:
    """Nodes and constants of an ONNX graph under construction."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: Any) -> str:
        self._constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def finish(self, inputs: dict[str, list[int]], outputs: dict[str, list[int]]) -> bytes:
        graph = helper.make_graph(
            self._nodes,
            "anomaly-teacher",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in outputs.items()
            ],
            self._constants,
        )
        opset = helper.make_opsetid("", _OPSET)
        model = helper.make_model(
            graph, producer_name="anomaly", opset_imports=[opset], ir_version=_IR_VERSION
        )
        onnx.checker.check_model(model)
        data: bytes = model.SerializeToString(deterministic=True)
        return data


def _innovation(graph: _Graph, teacher: Teacher) -> str:
    net = teacher.autoencoder
    corrections, log_variances = [_gemm(graph, "linear", net.linear, "given")], []
    graph.constant("least", np.array(-MAX_LOG_VARIANCE, dtype=np.float32))
    graph.constant("most", np.array(MAX_LOG_VARIANCE, dtype=np.float32))
    graph.constant("share", np.array(1.0 / len(net.members), dtype=np.float32))
    graph.constant("half", np.array(-0.5, dtype=np.float32))
    graph.constant("scale", net.deviation.numpy())
    for number, member in enumerate(net.members):
        hidden = "given"
        layers = {"encode": member.encode, "squeeze": member.squeeze, "expand": member.expand}
        for name, layer in layers.items():
            summed = _gemm(graph, f"{number}.{name}", layer, hidden)
            hidden = graph.node("Relu", [summed], f"{number}.{name}.out")
        own = _gemm(graph, f"{number}.decode", member.decode, hidden)
        corrections.append(graph.node("Mul", [own, "share"], f"{number}.correction"))
        spread = _gemm(graph, f"{number}.spread", member.spread, hidden)
        log_variances.append(graph.node("Clip", [spread, "least", "most"], f"{number}.log_variance"))
    graph.node("Sum", corrections, "foretold")
    graph.node("Sub", ["newest", "foretold"], "off")
    graph.node("Div", ["off", "scale"], "off.scaled")
    graph.node("Mean", log_variances, "log_variance")
    graph.node("Mul", ["log_variance", "half"], "log_precision")
    graph.node("Exp", ["log_precision"], "precision")
    return graph.node("Mul", ["off.scaled", "precision"], "innovation")


def _gemm(graph: _Graph, name: str, layer: torch.nn.Linear, source: str) -> str:
    graph.constant(f"{name}.weight", layer.weight.detach().numpy())
    graph.constant(f"{name}.bias", layer.bias.detach().numpy())
    return graph.node("Gemm", [source, f"{name}.weight", f"{name}.bias"], f"{name}.sum", transB=1)


def _whiten(graph: _Graph, source: str, name: str, mean: torch.Tensor, matrix: torch.Tensor) -> str:
    graph.constant(f"{name}.mean", mean.numpy())
    graph.constant(f"{name}.matrix", matrix.numpy())
    graph.node("Sub", [source, f"{name}.mean"], f"{name}.centred")
    return graph.node("MatMul", [f"{name}.centred", f"{name}.matrix"], f"{name}.white")


def _per_group(graph: _Graph, white: str, name: str, shape: str = "grouped") -> str:
    graph.node("Mul", [white, white], f"{name}.square")
    graph.node("Reshape", [f"{name}.square", shape], f"{name}.grouped")
    return graph.node("ReduceMean", [f"{name}.grouped"], f"{name}.error", axes=[1, 3], keepdims=0)


def _window_error(graph: _Graph, teacher: Teacher) -> str:
    """Compute the error of the last frames together, relative to the phase that they are in."""
    size = teacher.autoencoder.size
    assert teacher.phases is not None
    assert teacher.window_mean is not None
    assert teacher.window_matrix is not None
    graph.constant("latest", np.arange(size.context - size.window, size.context, dtype=np.int64))
    graph.node("Gather", ["windows", "latest"], "recent", axis=1)
    graph.node("Reshape", ["recent", "flat"], "stacked")
    residual = _phase_residual(graph, teacher.phases)
    white = _whiten(graph, residual, "window", teacher.window_mean, teacher.window_matrix)
    return _per_group(graph, white, "window")


def _phase_residual(graph: _Graph, phases: PhaseModel) -> str:
    """Subtract the centre of a window's phase and divide by its spread."""
    if len(phases) == 1:
        return "stacked"
    square, linear, offset = phases.discriminant()
    graph.constant("framed", np.array([BATCH, -1, len(square)], dtype=np.int64))
    graph.constant("frames.of", np.array([1], dtype=np.int64))
    graph.constant("phase.square", square.numpy())
    graph.constant("phase.linear", linear.numpy())
    graph.constant("phase.offset", offset.numpy())
    graph.constant("phase.centres", phases.centre.numpy())
    graph.constant("phase.spreads", phases.spreads.numpy())
    graph.node("Cast", ["stacked"], "phase.given", to=TensorProto.DOUBLE)
    graph.node("Mul", ["phase.given", "phase.given"], "phase.given.square")
    graph.node("Reshape", ["phase.given.square", "framed"], "phase.framed")
    graph.node("ReduceSum", ["phase.framed", "frames.of"], "phase.squares", keepdims=0)
    graph.node("MatMul", ["phase.squares", "phase.square"], "phase.by.square")
    graph.node("MatMul", ["phase.given", "phase.linear"], "phase.by.value")
    graph.node("Sum", ["phase.by.square", "phase.by.value", "phase.offset"], "phase.likelihood")
    graph.node("ArgMax", ["phase.likelihood"], PHASE_OUTPUT, axis=1, keepdims=0)
    graph.node("Gather", ["phase.centres", PHASE_OUTPUT], "phase.centre", axis=0)
    graph.node("Gather", ["phase.spreads", PHASE_OUTPUT], "phase.spread", axis=0)
    graph.node("Sub", ["stacked", "phase.centre"], "phase.off")
    return graph.node("Div", ["phase.off", "phase.spread"], "phase.left")


def _slow_error(graph: _Graph, white: str, means: torch.Tensor, matrices: torch.Tensor) -> str:
    """Compute the error of the mean innovation over the last seconds, the same for each frame of the second."""
    bands = means.shape[1]
    graph.constant("slow.means", means.numpy())
    graph.constant("slow.matrices", matrices.numpy())
    graph.constant("square", np.array([bands, bands], dtype=np.int64))
    graph.constant(
        "grouped.one", np.array([1, -1, SUB_BAND_GROUPS, bands // SUB_BAND_GROUPS], dtype=np.int64)
    )
    graph.constant("everywhere", np.array([BATCH, SUB_BAND_GROUPS], dtype=np.int64))
    graph.node("MatMul", ["counted", white], "total")
    graph.node("Add", ["total", "earlier"], "slow.total")
    graph.node("Div", ["slow.total", "frames"], "slow.recent")
    graph.node("ArgMax", ["span"], "slow.which", axis=1, keepdims=0)
    graph.node("Gather", ["slow.means", "slow.which"], "slow.mean", axis=0)
    graph.node("Gather", ["slow.matrices", "slow.which"], "slow.chosen", axis=0)
    graph.node("Reshape", ["slow.chosen", "square"], "slow.matrix")
    graph.node("Sub", ["slow.recent", "slow.mean"], "slow.centred")
    graph.node("MatMul", ["slow.centred", "slow.matrix"], "slow.white")
    error = _per_group(graph, "slow.white", "slow", "grouped.one")
    return graph.node("Expand", [error, "everywhere"], "slow.errors")


def _check_parity(teacher: Teacher, data: bytes) -> None:
    """Check that ONNX Runtime and torch agree within 1e-4 of the value, on a second like those of training.

    Raises:
        ModelError: they do not.
    """
    size = teacher.autoencoder.size
    random = np.random.default_rng(0).standard_normal((BATCH, size.bands))
    frames = np.rint(random * teacher.deviation.numpy() + teacher.mean.numpy()).astype(np.int32)
    detector = TeacherDetector(data)
    detector.reset(1)
    ours = detector.push(frames[None])[0][size.past :]
    view = np.lib.stride_tricks.sliding_window_view(frames.astype(np.float32), size.context, axis=0)
    windows = torch.from_numpy(np.ascontiguousarray(view.transpose(0, 2, 1)))
    with torch.no_grad():
        recent = teacher.innovations(windows)[WARM_UP_FRAMES - size.past :].mean(dim=0)
        theirs = teacher(windows, recent, 1).numpy()
    worst = float(np.max(np.abs(ours - theirs) / (np.abs(theirs) + 1e-3)))
    if worst > 1e-4:
        raise ModelError(f"the exported teacher is off by {worst:.1e}, more than 1e-4", where="teacher.onnx")
