"""Check of labels against what a network gives."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from chip.errors import NetworkError

__all__ = ["require_labels"]


def require_labels(labels: NDArray[Any], outputs: int, task: str, where: object) -> None:
    """Refuse labels that do not match the outputs.

    Args:
        labels: of samples.
        outputs: values of the network.
        task: ``classifier`` or ``values``.
        where: file or argument that they come from.

    Raises:
        NetworkError: no classes for a classifier, a class that it does not have, or another number of values.
    """
    if task == "classifier":
        if labels.dtype.kind != "i" or labels.ndim != 1:
            message = f"has the shape {labels.shape} and holds no classes"
            raise NetworkError(message, where=where, hint="a classifier needs one whole number a sample")
        if labels.max() >= (classes := max(2, outputs)):
            message = f"has the class {labels.max()}, and the network has {classes}"
            raise NetworkError(message, where=where, hint="classes count from 0")
    elif labels.size != len(labels) * outputs:
        message = f"has {labels.size // len(labels)} values a sample, and the network {outputs}"
        raise NetworkError(message, where=where, hint="one value for each output")
