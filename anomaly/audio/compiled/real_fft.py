"""Real Fourier transforms of sixteen windows side by side, with the bits of ``scipy.fft.rfft`` on float32.

The passes are those of pocketfft (radix 4 and 5, after FFTPACK by Swarztrauber), operation by operation; only the
number of windows in a register differs. The result is *half-complex*: row 0 the constant part, rows 2k-1 and 2k the
real and imaginary parts of bin k, the last row the real part of the last bin.
"""

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from anomaly.audio.compiled.float_lanes import Row, Rows, vector_intrinsic

__all__ = ["transform_1024", "transform_1600", "twiddles"]

_HALF_ROOT = np.float32(0.7071067811865476)
_COS_1, _SIN_1 = np.float32(0.30901699437494742), np.float32(0.95105651629515357)
_COS_2, _SIN_2 = np.float32(-0.80901699437494742), np.float32(0.58778525229247313)
_FACTORS = {1024: (4, 4, 4, 4, 4), 1600: (4, 4, 4, 5, 5)}


@functools.cache
def twiddles(length: int) -> tuple[npt.NDArray[np.float32], ...]:
    """Return the factors of each pass, in the order of the factors of the length."""
    found, stride = [], 1
    for radix in _FACTORS[length]:
        inner = length // (stride * radix)
        table = np.zeros((radix - 1, max(inner - 1, 1)), np.float32)
        for j in range(1, radix):
            angle = 2 * np.pi * (j * stride * np.arange(1, (inner - 1) // 2 + 1)) / length
            table[j - 1, 0 : 2 * len(angle) : 2], table[j - 1, 1 : 2 * len(angle) : 2] = (
                np.cos(angle),
                np.sin(angle),
            )
        found.append(table.ravel())
        stride *= radix
    return tuple(found)


def _rotated(c: Row, d: Row, e: Row, f: Row) -> tuple[Row, Row]:
    return c * e + d * f, c * f - d * e


def _inputs(rows: Rows, first: Any, step: Any, radix: int) -> list[Row]:
    found, at = [], first
    for _ in range(radix):
        found.append(rows.load(at))
        at = rows.plus(at, step)
    return found


def _place(rows: Rows, first: Any, inner: Any, count: int, more: Any = 0) -> Any:
    return rows.plus(first, rows.times(inner, count), more)


def _first_4(arrays: list[Rows], numbers: list[Any]) -> None:
    source, target = arrays
    p, step, q, inner = numbers
    a0, a1, a2, a3 = _inputs(source, p, step, 4)
    t1, t2 = a3 + a1, a0 + a2
    last = target.plus(q, inner, -1)
    target.store(_place(target, q, inner, 2), a3 - a1)
    target.store(_place(target, last, inner, 1), a0 - a2)
    target.store(q, t2 + t1)
    target.store(_place(target, last, inner, 3), t2 - t1)


def _middle_4(arrays: list[Rows], numbers: list[Any]) -> None:
    source, target = arrays
    p, step, q, inner = numbers
    a0, a1, a2, a3 = _inputs(source, p, step, 4)
    t1 = source.constant(-_HALF_ROOT) * (a1 + a3)
    t2 = source.constant(_HALF_ROOT) * (a1 - a3)
    last = target.plus(q, inner, -1)
    target.store(last, a0 + t2)
    target.store(_place(target, last, inner, 2), a0 - t2)
    target.store(_place(target, q, inner, 3), t1 + a2)
    target.store(_place(target, q, inner, 1), t1 - a2)


def _rotations(
    source: Rows, factors: Rows, p: Any, step: Any, w: Any, width: Any, radix: int
) -> list[tuple[Row, Row]]:
    found = [(source.load(p), source.load(source.plus(p, 1)))]
    for _ in range(radix - 1):
        p = source.plus(p, step)
        pair = factors.broadcast(w), factors.broadcast(factors.plus(w, 1))
        found.append(_rotated(*pair, source.load(p), source.load(source.plus(p, 1))))
        w = factors.plus(w, width)
    return found


def _pair(target: Rows, row: Any, real: Row, imaginary: Row) -> None:
    target.store(row, real)
    target.store(target.plus(row, 1), imaginary)


def _main_4(arrays: list[Rows], numbers: list[Any]) -> None:
    source, target, factors = arrays
    p, step, w, width, q, r, inner = numbers
    (a0, b0), (a1, b1), (a2, b2), (a3, b3) = _rotations(source, factors, p, step, w, width, 4)
    tr1, tr4, ti1, ti4 = a3 + a1, a3 - a1, b1 + b3, b1 - b3
    tr2, tr3, ti2, ti3 = a0 + a2, a0 - a2, b0 + b2, b0 - b2
    _pair(target, q, tr2 + tr1, ti1 + ti2)
    _pair(target, _place(target, r, inner, 3), tr2 - tr1, ti1 - ti2)
    _pair(target, _place(target, q, inner, 2), tr3 + ti4, tr4 + ti3)
    _pair(target, _place(target, r, inner, 1), tr3 - ti4, tr4 - ti3)


def _first_5(arrays: list[Rows], numbers: list[Any]) -> None:
    source, target = arrays
    p, step, q, inner = numbers
    a0, a1, a2, a3, a4 = _inputs(source, p, step, 5)
    c1, c2, s1, s2 = (source.constant(x) for x in (_COS_1, _COS_2, _SIN_1, _SIN_2))
    cr2, ci5, cr3, ci4 = a4 + a1, a4 - a1, a3 + a2, a3 - a2
    last = target.plus(q, inner, -1)
    target.store(q, a0 + cr2 + cr3)
    target.store(_place(target, last, inner, 1), a0 + c1 * cr2 + c2 * cr3)
    target.store(_place(target, q, inner, 2), s1 * ci5 + s2 * ci4)
    target.store(_place(target, last, inner, 3), a0 + c2 * cr2 + c1 * cr3)
    target.store(_place(target, q, inner, 4), s2 * ci5 - s1 * ci4)


def _main_5(arrays: list[Rows], numbers: list[Any]) -> None:
    source, target, factors = arrays
    p, step, w, width, q, r, inner = numbers
    (a0, b0), (a1, b1), (a2, b2), (a3, b3), (a4, b4) = _rotations(source, factors, p, step, w, width, 5)
    c1, c2, s1, s2 = (source.constant(x) for x in (_COS_1, _COS_2, _SIN_1, _SIN_2))
    cr2, ci5, ci2, cr5 = a4 + a1, a4 - a1, b1 + b4, b1 - b4
    cr3, ci4, ci3, cr4 = a3 + a2, a3 - a2, b2 + b3, b2 - b3
    _pair(target, q, a0 + cr2 + cr3, b0 + ci2 + ci3)
    tr2, ti2 = a0 + c1 * cr2 + c2 * cr3, b0 + c1 * ci2 + c2 * ci3
    tr3, ti3 = a0 + c2 * cr2 + c1 * cr3, b0 + c2 * ci2 + c1 * ci3
    tr5, tr4 = _rotated(cr5, cr4, s1, s2)
    ti5, ti4 = _rotated(ci5, ci4, s1, s2)
    _pair(target, _place(target, q, inner, 2), tr2 + tr5, ti5 + ti2)
    _pair(target, _place(target, r, inner, 1), tr2 - tr5, ti5 - ti2)
    _pair(target, _place(target, q, inner, 4), tr3 + tr4, ti4 + ti3)
    _pair(target, _place(target, r, inner, 3), tr3 - tr4, ti4 - ti3)


first_4, middle_4, first_5 = (vector_intrinsic(2, 4, body) for body in (_first_4, _middle_4, _first_5))
main_4, main_5 = (vector_intrinsic(3, 7, body) for body in (_main_4, _main_5))


@numba.njit(cache=True)
def _pass_4(inner: int, blocks: int, source: Any, target: Any, factors: Any) -> None:
    step = inner * blocks
    for k in range(blocks):
        p, q = inner * k, 4 * inner * k
        first_4(source, target, p, step, q, inner)
        if inner % 2 == 0:
            middle_4(source, target, p + inner - 1, step, q, inner)
        for i in range(2, inner, 2):
            main_4(
                source,
                target,
                factors,
                p + i - 1,
                step,
                i - 2,
                inner - 1,
                q + i - 1,
                q + inner - i - 1,
                inner,
            )


@numba.njit(cache=True)
def _pass_5(inner: int, blocks: int, source: Any, target: Any, factors: Any) -> None:
    step = inner * blocks
    for k in range(blocks):
        p, q = inner * k, 5 * inner * k
        first_5(source, target, p, step, q, inner)
        for i in range(2, inner, 2):
            main_5(
                source,
                target,
                factors,
                p + i - 1,
                step,
                i - 2,
                inner - 1,
                q + i - 1,
                q + inner - i - 1,
                inner,
            )


@numba.njit(cache=True)
def transform_1024(rows: Any, work: Any, factors: Any) -> None:
    """Transform windows of 1,024 samples, one a column of ``rows``; the result is in ``work``."""
    _pass_4(1, 256, rows, work, factors[4])
    _pass_4(4, 64, work, rows, factors[3])
    _pass_4(16, 16, rows, work, factors[2])
    _pass_4(64, 4, work, rows, factors[1])
    _pass_4(256, 1, rows, work, factors[0])


@numba.njit(cache=True)
def transform_1600(rows: Any, work: Any, factors: Any) -> None:
    """Transform windows of 1,600 samples, one a column of ``rows``; the result is in ``work``."""
    _pass_5(1, 320, rows, work, factors[4])
    _pass_5(5, 64, work, rows, factors[3])
    _pass_4(25, 16, rows, work, factors[2])
    _pass_4(100, 4, work, rows, factors[1])
    _pass_4(400, 1, rows, work, factors[0])
