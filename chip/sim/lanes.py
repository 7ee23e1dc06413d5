"""Vectors with one lane per neuron of a tile, in the words of LLVM.

This file is imported only where Numba is installed.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from chip.sim.tiles import LANES

__all__ = ["Lanes"]

_I32, _I64 = ir.IntType(32), ir.IntType(64)


class Lanes:
    """Loads, stores and constants of vectors with one lane per neuron of a tile."""

    def __init__(self, context: Any, builder: Any, element: Any, count: int = LANES) -> None:
        self.context, self.builder, self.element = context, builder, element
        self.type = ir.VectorType(element, count)
        self.zero = ir.Constant(self.type, [0] * count)

    def pointer(self, kind: Any, array: Any, at: Any) -> Any:
        """Where the lanes of an array begin at ``at``."""
        data = self.context.make_array(kind)(self.context, self.builder, value=array).data
        return self.builder.bitcast(self.builder.gep(data, [at]), self.type.as_pointer())

    def load(self, pointer: Any) -> Any:
        """The lanes that begin there."""
        value = self.builder.load(pointer)
        value.align = self.element.width // 8
        return value

    def store(self, value: Any, pointer: Any) -> None:
        """Put lanes there."""
        self.builder.store(value, pointer).align = self.element.width // 8

    def all(self, scalar: Any) -> Any:
        """The same number in every lane."""
        builder, undefined = self.builder, ir.Constant(self.type, ir.Undefined)
        if scalar.type.width > self.element.width:
            scalar = builder.trunc(scalar, self.element)
        one = builder.insert_element(undefined, scalar, ir.Constant(_I32, 0))
        nowhere = ir.Constant(ir.VectorType(_I32, self.type.count), [0] * self.type.count)
        return builder.shuffle_vector(one, undefined, nowhere)

    def where(self, relation: str, left: Any, right: Any) -> Any:
        """In which lanes the relation holds, of signed numbers."""
        return self.builder.icmp_signed(relation, left, right)

    def least(self, left: Any, right: Any) -> Any:
        """The smaller one in each lane."""
        return self.builder.select(self.where("<", left, right), left, right)

    def most(self, left: Any, right: Any) -> Any:
        """The greater one in each lane."""
        return self.builder.select(self.where(">", left, right), left, right)

    def size(self, value: Any) -> Any:
        """The number in each lane without its sign."""
        return self.builder.select(
            self.where("<", value, self.zero), self.builder.sub(self.zero, value), value
        )

    def bits(self, lanes: Any) -> Any:
        """One bit per lane as a 64-bit integer."""
        bits = self.builder.bitcast(lanes, ir.IntType(self.type.count))
        return bits if self.type.count == _I64.width else self.builder.zext(bits, _I64)
