"""Vector instructions on sixteen float32 at a time: each intrinsic is exact, so that results have the bits of NumPy.

This file is imported only where Numba is installed. Arrays are flat; a *row* is sixteen numbers that begin at a
multiple of sixteen. Nothing is contracted or reordered: a product and a sum round twice, as in code for any processor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numba as _numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir

__all__ = ["LANES", "Row", "Rows", "empty_rows", "transpose", "vector_intrinsic"]

LANES = 16
_F32, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_ROW = ir.VectorType(_F32, LANES)
_FLOAT_BYTES, _CACHE_LINE_BYTES = 4, 64


class Row:
    """Row of sixteen numbers in a register, with arithmetic."""

    def __init__(self, builder: Any, value: Any) -> None:
        self._builder, self.value = builder, value

    def __add__(self, other: Row) -> Row:
        return Row(self._builder, self._builder.fadd(self.value, other.value))

    def __sub__(self, other: Row) -> Row:
        return Row(self._builder, self._builder.fsub(self.value, other.value))

    def __mul__(self, other: Row) -> Row:
        return Row(self._builder, self._builder.fmul(self.value, other.value))

    def selected(self, other: Row, places: Sequence[int]) -> Row:
        """Return numbers of this row (0 to 15) and another one (16 to 31)."""
        mask = ir.Constant(ir.VectorType(_I32, LANES), list(places))
        return Row(self._builder, self._builder.shuffle_vector(self.value, other.value, mask))


class Rows:
    """Rows of an array while code is generated.

    Args:
        context: of Numba.
        builder: of the code.
        kind: type of the array.
        array: the array.
    """

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any) -> None:
        self._builder = builder
        self._data = context.make_array(kind)(context, builder, value=array).data

    def load(self, row: Any) -> Row:
        """Return a row."""
        return self.load_at(self.times(row, LANES))

    def load_at(self, at: Any) -> Row:
        """Return the sixteen numbers from any place on."""
        return Row(self._builder, self._builder.load(self._pointer(at), align=_FLOAT_BYTES))

    def store(self, row: Any, value: Row) -> None:
        """Write a row."""
        self._builder.store(value.value, self._pointer(self.times(row, LANES)), align=_FLOAT_BYTES)

    def broadcast(self, at: Any) -> Row:
        """Return a row that holds one number of the array sixteen times."""
        builder = self._builder
        number = builder.load(builder.gep(self._data, [at]))
        single = builder.insert_element(ir.Constant(_ROW, ir.Undefined), number, ir.Constant(_I32, 0))
        mask = ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES)
        return Row(builder, builder.shuffle_vector(single, single, mask))

    def times(self, number: Any, factor: int) -> Any:
        """Return a multiple of an index."""
        return self._builder.mul(number, ir.Constant(_I64, factor))

    def plus(self, *numbers: Any) -> Any:
        """Return the sum of indices."""
        total = numbers[0]
        for number in numbers[1:]:
            total = self._builder.add(
                total, number if not isinstance(number, int) else ir.Constant(_I64, number)
            )
        return total

    def constant(self, number: Any) -> Row:
        """Return a row that holds one number sixteen times."""
        return Row(self._builder, ir.Constant(_ROW, [float(number)] * LANES))

    def _pointer(self, at: Any) -> Any:
        return self._builder.bitcast(self._builder.gep(self._data, [at]), _ROW.as_pointer())


Body = Callable[[list[Rows], list[Any]], None]


def vector_intrinsic(arrays: int, numbers: int, body: Body) -> Any:
    """Return an instruction for compiled code.

    Args:
        arrays: how many flat float32 arrays are its first arguments.
        numbers: how many indices follow.
        body: generates the code from both.
    """
    names = [f"a{k}" for k in range(arrays)] + [f"n{k}" for k in range(numbers)]

    def typed(kinds: tuple[Any, ...]) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            rows = [Rows(context, builder, signature.args[k], arguments[k]) for k in range(arrays)]
            body(rows, list(arguments[arrays:]))
            return context.get_dummy_value()

        kinds = (*kinds[:arrays], *([_numba.types.int64] * numbers))
        return _numba.types.void(*kinds), generate

    # Numba asks for a function with one name for each argument.
    space: dict[str, Any] = {"typed": typed}
    code = f"def instruction(typing, {', '.join(names)}):\n    return typed(({', '.join(names)},))\n"
    exec(code, space)
    return _numba.extending.intrinsic(space["instruction"])


def transpose(rows: list[Row]) -> list[Row]:
    """Transpose sixteen rows in registers."""
    for distance in (1, 2, 4, 8):
        for first in range(LANES):
            if first & distance:
                continue
            low, high = rows[first], rows[first + distance]
            lanes = range(LANES)
            rows[first] = low.selected(high, [k if not k & distance else LANES + k - distance for k in lanes])
            rows[first + distance] = low.selected(
                high, [k + distance if not k & distance else LANES + k for k in lanes]
            )
    return rows


def empty_rows(count: int) -> npt.NDArray[np.float32]:
    """Allocate rows that begin at a cache line, so that none of them is spread over two lines."""
    line = np.empty(count * LANES * _FLOAT_BYTES + _CACHE_LINE_BYTES, np.uint8)
    begin = -line.ctypes.data % _CACHE_LINE_BYTES
    rows: npt.NDArray[np.float32] = line[begin : begin + count * LANES * _FLOAT_BYTES].view(np.float32)
    return rows
