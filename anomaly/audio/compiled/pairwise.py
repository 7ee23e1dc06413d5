"""Compiled sums of samples in the order in which NumPy adds: halves, down to eight running sums (pairwise summation).

This file is imported only where Numba is installed.
"""

from __future__ import annotations

from typing import Any

import numba as _numba
import numpy as np
from llvmlite import ir

__all__ = ["sum_of_samples", "sum_of_squares"]

_F32, _F64 = ir.FloatType(), ir.DoubleType()
_FLOATS, _DOUBLES, _LANES = ir.VectorType(_F32, 8), ir.VectorType(_F64, 8), 8
_I64 = ir.IntType(64)
# NumPy halves sums of more numbers than these.
_BLOCK = 128


def _adding(squared: bool, chunks: int) -> Any:
    """Generate the instruction that adds chunks of eight samples, or their squares, to eight running sums."""

    def add(typing: Any, samples: Any, sums: Any, at: Any, mean: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, value=arguments[0]).data
            running = context.make_array(signature.args[1])(context, builder, value=arguments[1]).data
            running = builder.bitcast(running, _DOUBLES.as_pointer())
            single = builder.insert_element(
                ir.Constant(_DOUBLES, ir.Undefined), arguments[3], ir.Constant(ir.IntType(32), 0)
            )
            mask = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
            shift = builder.shuffle_vector(single, single, mask)
            total = builder.load(running, align=8)
            for chunk in range(chunks):
                place = builder.add(arguments[2], ir.Constant(_I64, chunk * _LANES))
                floats = builder.bitcast(builder.gep(data, [place]), _FLOATS.as_pointer())
                value = builder.fpext(builder.load(floats, align=4), _DOUBLES)
                if squared:
                    value = builder.fsub(value, shift)
                    value = builder.fmul(value, value)
                total = builder.fadd(total, value)
            builder.store(total, running, align=8)
            return context.get_dummy_value()

        return _numba.types.void(samples, sums, _numba.types.int64, _numba.types.float64), generate

    return _numba.extending.intrinsic(add)


_add_sample, _add_samples = _adding(False, 1), _adding(False, 4)
_add_square, _add_squares = _adding(True, 1), _adding(True, 4)


@_numba.njit(cache=True)
def sum_of_samples(samples: Any, begin: int, count: int, sums: Any) -> Any:
    """Add float32 samples as float64.

    Args:
        samples: float32.
        begin: first of them.
        count: number of them.
        sums: eight numbers to work on.
    """
    if count > _BLOCK:
        half = count // 2
        half -= half % 8
        first: Any = sum_of_samples(samples, begin, half, sums)
        return first + sum_of_samples(samples, begin + half, count - half, sums)
    sums[:] = 0.0
    at, whole = begin, begin + count - count % 8
    while at + 32 <= whole:
        _add_samples(samples, sums, at, 0.0)
        at += 32
    while at < whole:
        _add_sample(samples, sums, at, 0.0)
        at += 8
    total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
    for place in range(whole, begin + count):
        total += np.float64(samples[place])
    return total


@_numba.njit(cache=True)
def sum_of_squares(samples: Any, begin: int, count: int, mean: float, sums: Any) -> Any:
    """Add the squares of the distances of float32 samples from their mean, as float64; see `sum_of_samples`."""
    if count > _BLOCK:
        half = count // 2
        half -= half % 8
        first: Any = sum_of_squares(samples, begin, half, mean, sums)
        return first + sum_of_squares(samples, begin + half, count - half, mean, sums)
    sums[:] = 0.0
    at, whole = begin, begin + count - count % 8
    while at + 32 <= whole:
        _add_squares(samples, sums, at, mean)
        at += 32
    while at < whole:
        _add_square(samples, sums, at, mean)
        at += 8
    total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
    for place in range(whole, begin + count):
        value = np.float64(samples[place]) - mean
        total += value * value
    return total
