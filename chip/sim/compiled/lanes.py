"""LLVM vectors with one lane per neuron of a tile.

This file is imported only compare Numba is installed.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from chip.sim.compiled.tiles import LANES

__all__ = ["Lanes"]

_I32, _I64 = ir.IntType(32), ir.IntType(64)


class Lanes:
    """Loads, stores and constants of vectors with one lane per neuron of a tile."""

    def __init__(self, context: Any, builder: Any, element: Any, count: int = LANES) -> None:
        self.context, self.builder, self.element = context, builder, element
        self.type = ir.VectorType(element, count)
        self.zero = ir.Constant(self.type, [0] * count)

    def pointer(self, kind: Any, array: Any, at: Any) -> Any:
        """Return the pointer to the lanes of an array that begin at ``at``."""
        data = self.context.make_array(kind)(self.context, self.builder, value=array).data
        return self.builder.bitcast(self.builder.gep(data, [at]), self.type.as_pointer())

    def load(self, pointer: Any) -> Any:
        """Load lanes from a pointer."""
        value = self.builder.load(pointer)
        value.align = self.element.width // 8
        return value

    def store(self, value: Any, pointer: Any) -> None:
        """Store lanes at a pointer."""
        self.builder.store(value, pointer).align = self.element.width // 8

    def broadcast(self, scalar: Any) -> Any:
        """Broadcast a number to every lane."""
        builder, undefined = self.builder, ir.Constant(self.type, ir.Undefined)
        if scalar.type.width > self.element.width:
            scalar = builder.trunc(scalar, self.element)
        one = builder.insert_element(undefined, scalar, ir.Constant(_I32, 0))
        nowhere = ir.Constant(ir.VectorType(_I32, self.type.count), [0] * self.type.count)
        return builder.shuffle_vector(one, undefined, nowhere)

    def compare(self, relation: str, left: Any, right: Any) -> Any:
        """Compare lanes as signed numbers; one bit per lane."""
        return self.builder.icmp_signed(relation, left, right)

    def minimum(self, left: Any, right: Any) -> Any:
        """Return the smaller one in each lane."""
        return self.builder.select(self.compare("<", left, right), left, right)

    def maximum(self, left: Any, right: Any) -> Any:
        """Return the greater one in each lane."""
        return self.builder.select(self.compare(">", left, right), left, right)

    def magnitude(self, value: Any) -> Any:
        """Return the absolute value in each lane."""
        return self.builder.select(
            self.compare("<", value, self.zero), self.builder.sub(self.zero, value), value
        )

    def bits(self, lanes: Any) -> Any:
        """Convert one bit per lane to a 64-bit integer."""
        bits = self.builder.bitcast(lanes, ir.IntType(self.type.count))
        return bits if self.type.count == _I64.width else self.builder.zext(bits, _I64)
