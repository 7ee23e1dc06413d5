"""State of an import: tensors by name, and the populations made so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.dnn.expression import Expression
from chip.dnn.layers import Kind, UnitLayer
from chip.dnn.onnx_file import OnnxNode
from chip.errors import NetworkError

__all__ = ["MAX_UNITS", "Tensor", "Tensors", "refuse"]

Tensor = Expression | NDArray[Any]
# Units of all populations: a hundred chips.
MAX_UNITS = 1 << 17


def refuse(node: OnnxNode, reason: str, nearest: str) -> NetworkError:
    """Describe a node that is not understood, and the nearest thing that is."""
    return NetworkError(reason, where=str(node), hint=nearest)


@dataclass
class Tensors:
    """Values of a graph while it is walked through.

    Args:
        values: expressions and constants by the name of the tensor.
        opset: version of the operators.
        populations: made so far.
    """

    values: dict[str, Tensor]
    opset: int
    populations: list[UnitLayer] = field(default_factory=list)

    def of(self, node: OnnxNode, at: int) -> Tensor | None:
        """Return the input of a node at a place; None if it is left out."""
        if at >= len(node.inputs) or not node.inputs[at]:
            return None
        if node.inputs[at] not in self.values:
            raise refuse(
                node, f"needs the tensor {node.inputs[at]}, which nothing computes", "export it again"
            )
        return self.values[node.inputs[at]]

    def constant(self, node: OnnxNode, at: int, what: str, default: Any = None) -> NDArray[Any]:
        """Return an input that must be constant."""
        found = self.of(node, at)
        if found is None and default is not None:
            return np.asarray(default)
        if not isinstance(found, np.ndarray):
            raise refuse(node, f"has a {what} that is not constant", f"make its {what} part of the weights")
        return found

    def expression(self, node: OnnxNode, at: int = 0) -> Expression:
        """Return an input that depends on the sample."""
        found = self.of(node, at)
        if not isinstance(found, Expression):
            raise refuse(node, "acts on a constant", "fold constants when exporting")
        return found

    def unit(self, node: OnnxNode, drive: Expression, kind: Kind = "relu") -> Expression:
        """Add a population, and return its values in the shape of the drive."""
        if sum(p.drive.size for p in self.populations) + drive.size > MAX_UNITS:
            raise refuse(node, f"makes more than {MAX_UNITS} units", "use fewer channels or larger strides")
        self.populations.append(UnitLayer(node.name, kind, drive))
        return Expression.of_source(len(self.populations), drive.shape)
