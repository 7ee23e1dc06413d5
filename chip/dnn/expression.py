"""Affine functions of layers: what a graph computes between two non-linear operators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.errors import NetworkError

__all__ = ["INPUT", "MAX_WEIGHTS", "Expression"]

# Number of the input among the sources of an expression; populations count from 1.
INPUT = 0
# Weights of all layers after unrolling: 1 GiB, far above what any member of the family holds.
MAX_WEIGHTS = 1 << 26

Matrix = sparse.csr_array


@dataclass(frozen=True, eq=False)
class Expression:
    """Value of a tensor without its batch axis: ``sum_k terms[k] @ x_k + offset``, in C order.

    Args:
        shape: of the tensor, without the batch axis.
        terms: matrix of each source by its number, ``INPUT`` or a population.
        offset: float64[size].
    """

    shape: tuple[int, ...]
    terms: Mapping[int, Matrix]
    offset: NDArray[np.float64]

    @property
    def size(self) -> int:
        """Number of values."""
        return int(self.offset.size)

    @classmethod
    def of_source(cls, source: int, shape: tuple[int, ...]) -> Expression:
        """Return the values of a source themselves."""
        size = math.prod(shape)
        return cls(shape, {source: sparse.eye_array(size, format="csr")}, np.zeros(size))

    def apply(self, matrix: Matrix, shape: tuple[int, ...]) -> Expression:
        """Multiply by a matrix from the left.

        Raises:
            NetworkError: the product has more than ``MAX_WEIGHTS`` weights.
        """
        terms = {source: sparse.csr_array(matrix @ own) for source, own in self.terms.items()}
        if sum(term.nnz for term in terms.values()) > MAX_WEIGHTS:
            raise NetworkError(f"has more than {MAX_WEIGHTS} weights when it is unrolled", where="network")
        return Expression(shape, terms, np.asarray(matrix @ self.offset))

    def rows(self, index: NDArray[np.integer[Any]]) -> Expression:
        """Select or repeat values; the result has the shape of ``index``."""
        flat = index.reshape(-1)
        terms = {source: sparse.csr_array(own[flat]) for source, own in self.terms.items()}
        return Expression(tuple(index.shape), terms, self.offset[flat])

    def reshaped(self, shape: tuple[int, ...]) -> Expression:
        """Return the same values in another shape."""
        return Expression(shape, self.terms, self.offset)

    def scaled(self, factor: NDArray[Any] | float) -> Expression:
        """Multiply each value by a constant of a shape that broadcasts to this one."""
        flat = np.broadcast_to(np.asarray(factor, np.float64), self.shape).reshape(-1)
        diagonal = sparse.diags_array(flat, format="csr")
        terms = {source: sparse.csr_array(diagonal @ own) for source, own in self.terms.items()}
        return Expression(self.shape, terms, self.offset * flat)

    def shifted(self, constant: NDArray[Any] | float) -> Expression:
        """Add a constant of a shape that broadcasts to this one."""
        flat = np.broadcast_to(np.asarray(constant, np.float64), self.shape).reshape(-1)
        return Expression(self.shape, self.terms, self.offset + flat)

    def broadcast(self, shape: tuple[int, ...]) -> Expression:
        """Repeat values as NumPy does."""
        if shape == self.shape:
            return self
        return self.rows(np.broadcast_to(np.arange(self.size).reshape(self.shape), shape))

    def plus(self, other: Expression) -> Expression:
        """Add two expressions whose shapes broadcast to each other."""
        shape = np.broadcast_shapes(self.shape, other.shape)
        one, two = self.broadcast(shape), other.broadcast(shape)
        terms: dict[int, Matrix] = dict(one.terms)
        for source, matrix in two.terms.items():
            terms[source] = sparse.csr_array(terms[source] + matrix) if source in terms else matrix
        return Expression(shape, terms, one.offset + two.offset)

    def evaluate(self, values: Mapping[int, NDArray[Any]]) -> NDArray[np.float64]:
        """Compute the values, float64[sample, size], from those of the sources, [sample, value]."""
        samples = len(next(iter(values.values())))
        total = np.tile(self.offset, (samples, 1))
        for source, matrix in self.terms.items():
            total += (matrix @ values[source].T).T
        return total


def joined(parts: list[Expression], axis: int) -> Expression:
    """Concatenate along an axis of the shape without the batch."""
    sources = sorted({source for part in parts for source in part.terms})
    widths = {source: part.terms[source].shape[1] for part in parts for source in part.terms}
    terms = {}
    for source in sources:
        blocks = [
            part.terms.get(source, sparse.csr_array((part.size, widths[source]), dtype=np.float64))
            for part in parts
        ]
        terms[source] = sparse.csr_array(sparse.vstack(blocks, format="csr"))
    begins = np.cumsum([0, *(part.size for part in parts)])
    numbers = [np.arange(part.size).reshape(part.shape) + at for part, at in zip(parts, begins, strict=False)]
    flat = Expression((int(begins[-1]),), terms, np.concatenate([part.offset for part in parts]))
    return flat.rows(np.concatenate(numbers, axis=axis))
