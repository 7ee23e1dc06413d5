"""Instructions on vectors of 32 neurons, for the compiled inner loop: LLVM's, through Numba.

They are exact on any processor; one with vectors of 512 bits does each in a few cycles. This file is imported
only where Numba is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numba.core.cgutils
import numba.core.codegen
import numba.extending
from llvmlite import ir

from chip.tiles import LANES, TABLES

__all__ = [
    "PACKS",
    "add_row",
    "first",
    "number",
    "pack",
    "signs",
    "step_leaky_tile",
    "step_tile",
    "taken",
]

_I1, _I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
# Numba's own types say less than they should.
_numba: Any = numba
_FEATURES = _numba.config.CPU_FEATURES
if _FEATURES is None:
    _FEATURES = _numba.core.codegen.get_host_cpu_features()
# Whether one instruction can pack the lanes that are set; without it a loop does.
PACKS = "+avx512vbmi2" in _FEATURES


class _Lanes:
    """Loads, stores and constants of vectors with one lane per neuron of a tile."""

    def __init__(self, context: Any, builder: Any, element: Any, count: int = LANES) -> None:
        self.context, self.builder, self.element = context, builder, element
        self.type = ir.VectorType(element, count)
        self.zero = ir.Constant(self.type, [0] * count)

    def pointer(self, kind: Any, array: Any, at: Any) -> Any:
        data = self.context.make_array(kind)(self.context, self.builder, value=array).data
        return self.builder.bitcast(self.builder.gep(data, [at]), self.type.as_pointer())

    def load(self, pointer: Any) -> Any:
        value = self.builder.load(pointer)
        value.align = self.element.width // 8
        return value

    def store(self, value: Any, pointer: Any) -> None:
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
        return self.builder.icmp_signed(relation, left, right)

    def least(self, left: Any, right: Any) -> Any:
        return self.builder.select(self.where("<", left, right), left, right)

    def most(self, left: Any, right: Any) -> Any:
        return self.builder.select(self.where(">", left, right), left, right)

    def size(self, value: Any) -> Any:
        return self.builder.select(
            self.where("<", value, self.zero), self.builder.sub(self.zero, value), value
        )

    def bits(self, lanes: Any) -> Any:
        """One bit per lane as a 64-bit integer."""
        bits = self.builder.bitcast(lanes, ir.IntType(self.type.count))
        return bits if self.type.count == _I64.width else self.builder.zext(bits, _I64)


def _add_row(typing: Any, level: Any, at: Any, rows: Any, row: Any) -> Any:
    """Add the 64 weights of a row to the levels from ``at`` on."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        lanes = _Lanes(context, builder, context.get_value_type(signature.args[0].dtype))
        first = builder.mul(given[3], ir.Constant(_I64, 2 * LANES))
        for part in range(2):
            offset = ir.Constant(_I64, part * LANES)
            into = lanes.pointer(signature.args[0], given[0], builder.add(given[1], offset))
            out_of = lanes.pointer(signature.args[2], given[2], builder.add(first, offset))
            lanes.store(builder.add(lanes.load(into), lanes.load(out_of)), into)
        return context.get_dummy_value()

    return _numba.types.void(level, at, rows, row), generate


def _signs(typing: Any, spikes: Any, at: Any) -> Any:
    """Of 32 spikes: bits of the positive, of the negative, and of those that are no spikes."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        lanes = _Lanes(context, builder, _I8)
        value = lanes.load(lanes.pointer(signature.args[0], given[0], given[1]))
        one = ir.Constant(lanes.type, [1] * LANES)
        none = builder.or_(
            lanes.where(">", value, one), lanes.where("<", builder.add(value, one), lanes.zero)
        )
        signs = lanes.where(">", value, lanes.zero), lanes.where("<", value, lanes.zero), none
        return context.make_tuple(builder, signature.return_type, [lanes.bits(sign) for sign in signs])

    return _numba.types.UniTuple(_numba.types.int64, 3)(spikes, at), generate


def _taken(typing: Any, flags: Any, at: Any) -> Any:
    """Which of 64 flags are up, as bits; takes them down."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        lanes = _Lanes(context, builder, _I8, _I64.width)
        pointer = lanes.pointer(signature.args[0], given[0], given[1])
        up = lanes.where("!=", lanes.load(pointer), lanes.zero)
        lanes.store(lanes.zero, pointer)
        return lanes.bits(up)

    return _numba.types.int64(flags, at), generate


def _stepping(leaks: bool) -> Callable[..., Any]:
    """What steps the 32 neurons at ``at``; their levels hold what arrived, and are emptied.

    It returns bits of the neurons that fire, of those that fire negatively, of those held at the limit, and
    1 if any may act again although nothing arrives.
    """

    def step_tile(typing: Any, level: Any, v: Any, v_at: Any, tables: Any, peak: Any, at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            kinds = signature.args
            lanes = _Lanes(context, builder, context.get_value_type(kinds[0].dtype))
            first = builder.mul(given[5], ir.Constant(_I64, TABLES))

            def table(number: int) -> Any:
                offset = builder.add(first, ir.Constant(_I64, number * LANES))
                return lanes.load(lanes.pointer(kinds[3], given[3], offset))

            theta_p, theta_n, w_fb, limit = (table(number) for number in range(4))
            shifts = [table(number) for number in range(4, TABLES)] if leaks else []
            arrived = lanes.pointer(kinds[0], given[0], given[5])
            kept = lanes.pointer(kinds[1], given[1], given[2])
            highest = lanes.pointer(kinds[4], given[4], given[5])
            before = lanes.load(kept)
            if leaks:
                before, _ = _leaked(lanes, before, shifts)
            q = builder.add(before, lanes.load(arrived))
            lanes.store(lanes.zero, arrived)
            up = lanes.where(">=", q, theta_p)
            down = lanes.where("<=", q, theta_n)
            fed_back = builder.select(down, builder.add(q, w_fb), q)
            fed_back = builder.select(up, builder.sub(q, w_fb), fed_back)
            after = lanes.most(lanes.least(fed_back, limit), builder.sub(lanes.zero, limit))
            lanes.store(after, kept)
            lanes.store(lanes.most(lanes.size(after), lanes.load(highest)), highest)
            restless = builder.or_(lanes.where(">=", after, theta_p), lanes.where("<=", after, theta_n))
            if leaks:
                restless = builder.or_(restless, _leaked(lanes, after, shifts)[1])
            held = lanes.where("!=", after, fed_back)
            found = [lanes.bits(each) for each in (builder.or_(up, down), down, held)]
            again = builder.icmp_unsigned("!=", lanes.bits(restless), ir.Constant(_I64, 0))
            return context.make_tuple(builder, signature.return_type, [*found, builder.zext(again, _I64)])

        return _numba.types.UniTuple(_numba.types.int64, 4)(level, v, v_at, tables, peak, at), generate

    return step_tile


def _leaked(lanes: _Lanes, value: Any, shifts: list[Any]) -> tuple[Any, Any]:
    """Membranes after the leak, and in which lanes there was one."""
    builder, (own_shift, fraction, extra_shift) = lanes.builder, shifts
    size = lanes.size(value)
    own = builder.shl(builder.lshr(size, own_shift), fraction)
    rest = builder.sub(size, own)
    extra = builder.lshr(rest, extra_shift)
    rest = builder.sub(rest, extra)
    negative = lanes.where("<", value, lanes.zero)
    lost = lanes.where("!=", builder.or_(own, extra), lanes.zero)
    return builder.select(negative, builder.sub(lanes.zero, rest), rest), lost


def _pack(typing: Any, events: Any, count: Any, fired: Any, negative: Any, code: Any) -> Any:
    """Append the codes of the lanes that fired with one instruction."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        lanes = _Lanes(context, builder, _I16)
        mask = ir.VectorType(_I1, LANES)
        some, below = (builder.bitcast(builder.trunc(bits, _I32), mask) for bits in given[2:4])
        place = builder.add(lanes.all(given[4]), ir.Constant(lanes.type, list(range(0, 2 * LANES, 2))))
        codes = builder.add(place, builder.zext(below, lanes.type))
        kind = ir.FunctionType(lanes.type, [lanes.type, lanes.type, mask])
        name = "llvm.x86.avx512.mask.compress.v32i16"
        compress = _numba.core.cgutils.get_or_insert_function(builder.module, kind, name)
        packed = builder.call(compress, [codes, lanes.zero, some])
        lanes.store(packed, lanes.pointer(signature.args[0], given[0], given[1]))
        return builder.add(given[1], builder.ctpop(given[2]))

    return _numba.types.int64(events, count, fired, negative, code), generate


def _first(typing: Any, bits: Any) -> Any:
    """The number of the lowest bit that is set; 64 if none is."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.cttz(given[0], ir.Constant(_I1, 0))

    return _numba.types.int64(_numba.types.int64), generate


def _number(typing: Any, bits: Any) -> Any:
    """How many bits are set."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.ctpop(given[0])

    return _numba.types.int64(_numba.types.int64), generate


add_row, signs, taken = (_numba.extending.intrinsic(each) for each in (_add_row, _signs, _taken))
pack, first, number = (_numba.extending.intrinsic(each) for each in (_pack, _first, _number))
step_tile, step_leaky_tile = (_numba.extending.intrinsic(_stepping(leaks)) for leaks in (False, True))
