"""Convolutions and pools against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nir
import numpy as np
import pytest
import torch

from chip.nir.convolution import Window, unrolled
from chip.nir.discretise import discretise
from chip.nir.graph import graph_of
from chip.nir.shapes import shapes_of

RANDOM = np.random.default_rng(0)


def torch_convolution(node: Any, shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.from_numpy(RANDOM.normal(size=(1, *shape)))
    apply = torch.nn.functional.conv1d if isinstance(node, nir.Conv1d) else torch.nn.functional.conv2d
    weight, bias = torch.from_numpy(node.weight), torch.from_numpy(node.bias)
    as_pair = node.padding if isinstance(node.padding, str | int) else tuple(node.padding)
    y = apply(x, weight, bias, node.stride, as_pair, node.dilation, node.groups)
    return x, y


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(
    ("node", "shape"),
    [
        (nir.Conv1d(12, RANDOM.normal(size=(4, 3, 3)), 2, 1, 2, 1, RANDOM.normal(size=4)), (3, 12)),
        (nir.Conv1d(9, RANDOM.normal(size=(4, 1, 4)), 1, "same", 1, 2, RANDOM.normal(size=4)), (2, 9)),
        (nir.Conv2d((7, 6), RANDOM.normal(size=(4, 2, 3, 2)), (2, 1), (1, 0), 1, 2, np.zeros(4)), (4, 7, 6)),
        (nir.Conv2d((7, 6), RANDOM.normal(size=(2, 4, 2, 2)), 1, "valid", (2, 3), 1, np.ones(2)), (4, 7, 6)),
    ],
)
def test_convolutions_unroll_as_torch_computes_them(
    node: Any, shape: tuple[int, ...], chain: Callable[..., Any]
) -> None:
    x, y = torch_convolution(node, shape)
    plain = graph_of(
        {
            "type": "NIRGraph",
            "nodes": {
                "i": {"type": "Input", "shape": np.array(shape)},
                "c": node.to_dict(),
                "o": {"type": "Output", "shape": np.array(y.shape[1:])},
            },
            "edges": [("i", "c"), ("c", "o")],
        }
    )
    assert shapes_of(plain)["c"] == tuple(y.shape[1:])
    matrix, bias = unrolled(Window(plain.nodes["c"], shape))
    np.testing.assert_allclose(matrix @ x.numpy().ravel() + bias, y.numpy().ravel(), atol=1e-12)


@pytest.mark.parametrize("kind", ["SumPool2d", "AvgPool2d"])
def test_pools_unroll_as_torch_computes_them(
    kind: str, chain: Callable[..., Any], fire: Callable[..., Any]
) -> None:
    pool = getattr(nir, kind)(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    graph = chain((3, 4, 6), pool, fire((3, 2, 3), 10.0))
    neurons = discretise(graph_of(graph.to_dict()), 1e-4)
    x = RANDOM.normal(size=(1, 3, 4, 6))
    y = torch.nn.functional.avg_pool2d(torch.from_numpy(x), 2).numpy() * (4 if kind == "SumPool2d" else 1)
    np.testing.assert_allclose(neurons.weights[:, : x.size] @ x.ravel(), y.ravel(), atol=1e-12)
