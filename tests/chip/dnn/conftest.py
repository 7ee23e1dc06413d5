"""ONNX files of small graphs, node by node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

Graph = Callable[..., bytes]


@pytest.fixture
def graph() -> Graph:
    """Build a file from nodes (op, inputs, attributes), each output named after its place, and constants."""

    def build(
        nodes: Sequence[tuple[str, list[str], dict[str, Any]]],
        shape: Sequence[Any],
        opset: int = 17,
        **constants: Any,
    ) -> bytes:
        made = [
            helper.make_node(op, inputs, [f"v{at}"], name=f"{op}_{at}", **attributes)
            for at, (op, inputs, attributes) in enumerate(nodes)
        ]
        floats = {name: np.asarray(value) for name, value in constants.items()}
        kind = TensorProto.INT64 if nodes[-1][0] == "ArgMax" else TensorProto.FLOAT
        model = helper.make_model(
            helper.make_graph(
                made,
                "test",
                [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])],
                [helper.make_tensor_value_info(f"v{len(made) - 1}", kind, None)],
                [
                    numpy_helper.from_array(v.astype(np.int64 if v.dtype.kind == "i" else np.float32), name)
                    for name, v in floats.items()
                ],
            ),
            opset_imports=[helper.make_opsetid("", opset)],
            ir_version=9,
        )
        data: bytes = model.SerializeToString()
        assert onnx.load_model_from_string(data)
        return data

    return build
