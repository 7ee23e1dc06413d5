"""Vector instructions for 32 neurons, for the compiled loop: LLVM code through Numba.

They are exact on any processor; one with vectors of 512 bits executes each in a few cycles. This file is imported
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

from chip.sim.compiled.lanes import Lanes
from chip.sim.compiled.tiles import LANES, TABLES

__all__ = [
    "HAS_COMPRESS",
    "add_row",
    "compress_events",
    "copy_lanes",
    "count_bits",
    "lowest_bit",
    "peek",
    "poke",
    "prefetch",
    "sign_bits",
    "step_leaky_tile",
    "step_signed_tile",
    "step_tile",
    "take_flags",
]

_I1, _I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
# Numba has no complete type annotations.
_numba: Any = numba
_FEATURES = _numba.config.CPU_FEATURES
if _FEATURES is None:
    _FEATURES = _numba.core.codegen.get_host_cpu_features()
# Whether the processor can compress the codes of the lanes that fired with one instruction; otherwise a loop does.
HAS_COMPRESS = "+avx512vbmi2" in _FEATURES


def _add_row(typing: Any, current: Any, tile: Any, rows: Any, first: Any) -> Any:
    """Add the 64 weights from ``first`` on to the currents of a tile and the next."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        lanes, narrow = (
            Lanes(context, builder, context.get_value_type(kinds[number].dtype)) for number in (0, 2)
        )
        at = builder.mul(arguments[1], ir.Constant(_I64, LANES))
        for part in range(2):
            offset = ir.Constant(_I64, part * LANES)
            into = lanes.pointer(kinds[0], arguments[0], builder.add(at, offset))
            weights = narrow.load(narrow.pointer(kinds[2], arguments[2], builder.add(arguments[3], offset)))
            if narrow.element.width < lanes.element.width:
                weights = builder.sext(weights, lanes.type)
            lanes.store(builder.add(lanes.load(into), weights), into)
        return context.get_dummy_value()

    return _numba.types.void(current, tile, rows, first), generate


def _copy_lanes(typing: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    """Copy 32 items of one array into another of the same kind."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        lanes = Lanes(context, builder, context.get_value_type(kinds[0].dtype))
        value = lanes.load(lanes.pointer(kinds[0], arguments[0], arguments[1]))
        lanes.store(value, lanes.pointer(kinds[2], arguments[2], arguments[3]))
        return context.get_dummy_value()

    return _numba.types.void(source, at, target, to), generate


def _peek(typing: Any, array: Any, at: Any) -> Any:
    """Load an item of an array as a 64-bit integer; ``at`` never counts from the end."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.load(_item(context, builder, signature, arguments))
        if value.type.width == _I64.width:
            return value
        return (builder.sext if signature.args[0].dtype.signed else builder.zext)(value, _I64)

    return _numba.types.int64(array, at), generate


def _poke(typing: Any, array: Any, at: Any, value: Any) -> Any:
    """Store a 64-bit integer in an array, truncated to its type."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        item = _item(context, builder, signature, arguments)
        kind = item.type.pointee
        builder.store(arguments[2] if kind.width == _I64.width else builder.trunc(arguments[2], kind), item)
        return context.get_dummy_value()

    return _numba.types.void(array, at, value), generate


def _prefetch(typing: Any, array: Any, at: Any) -> Any:
    """Prefetch the cache line of item ``at``, which may be beyond the end."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = builder.bitcast(_item(context, builder, signature, arguments), _I8.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])
        fetch = _numba.core.cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        # To be read, kept in every cache, data.
        builder.call(fetch, [address, *(ir.Constant(_I32, number) for number in (0, 3, 1))])
        return context.get_dummy_value()

    return _numba.types.void(array, at), generate


def _item(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    data = context.make_array(signature.args[0])(context, builder, value=arguments[0]).data
    return builder.gep(data, [arguments[1]])


def _sign_bits(typing: Any, spikes: Any, at: Any) -> Any:
    """Return bits of the positive, of the negative, and of the invalid ones among 32 spikes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = Lanes(context, builder, _I8)
        value = lanes.load(lanes.pointer(signature.args[0], arguments[0], arguments[1]))
        one = ir.Constant(lanes.type, [1] * LANES)
        none = builder.or_(
            lanes.compare(">", value, one), lanes.compare("<", builder.add(value, one), lanes.zero)
        )
        signs = lanes.compare(">", value, lanes.zero), lanes.compare("<", value, lanes.zero), none
        return context.make_tuple(builder, signature.return_type, [lanes.bits(sign) for sign in signs])

    return _numba.types.UniTuple(_numba.types.int64, 3)(spikes, at), generate


def _take_flags(typing: Any, flags: Any, at: Any) -> Any:
    """Return 64 flags as bits, and clear them."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = Lanes(context, builder, _I8, _I64.width)
        pointer = lanes.pointer(signature.args[0], arguments[0], arguments[1])
        up = lanes.compare("!=", lanes.load(pointer), lanes.zero)
        lanes.store(lanes.zero, pointer)
        return lanes.bits(up)

    return _numba.types.int64(flags, at), generate


def _stepping(signed: bool, leaks: bool) -> Callable[..., Any]:
    """Generate the instruction that steps the 32 neurons of a tile.

    Their membranes begin at ``begin``; their currents are cleared. It returns bits of the neurons that fire, of those
    that fire negatively, of those saturated, and bits that are all 0 only if none can act again unless something
    arrives. ``peak`` holds magnitudes before saturation.
    """

    def step_tile(
        typing: Any, current: Any, membrane: Any, begin: Any, parameters: Any, peak: Any, tile: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kinds = signature.args
            lanes = Lanes(context, builder, context.get_value_type(kinds[0].dtype))
            first = builder.mul(arguments[5], ir.Constant(_I64, TABLES * LANES))
            at = builder.mul(arguments[5], ir.Constant(_I64, LANES))

            def table(number: int) -> Any:
                offset = builder.add(first, ir.Constant(_I64, number * LANES))
                return lanes.load(lanes.pointer(kinds[3], arguments[3], offset))

            arrived = lanes.pointer(kinds[0], arguments[0], at)
            kept = lanes.pointer(kinds[1], arguments[1], arguments[2])
            highest = lanes.pointer(kinds[4], arguments[4], at)
            shifts = [table(number) for number in range(4, TABLES)] if leaks else []
            before = lanes.load(kept)
            if leaks:
                before, _ = _apply_leak(lanes, before, shifts)
            q = builder.add(before, lanes.load(arrived))
            lanes.store(lanes.zero, arrived)
            fired, w_fb = lanes.compare(">=", q, table(0)), table(2)
            after = builder.select(fired, builder.sub(q, w_fb), q)
            down = ir.Constant(_I64, 0)
            if signed:
                below = lanes.compare("<=", q, table(1))
                after = builder.select(below, builder.add(q, w_fb), after)
                fired, down = builder.or_(fired, below), lanes.bits(below)
            size, limit = lanes.magnitude(after), table(3)
            lanes.store(lanes.maximum(size, lanes.load(highest)), highest)
            over = lanes.bits(lanes.compare(">", size, limit))
            lanes.store(after, kept)
            with builder.if_then(builder.icmp_unsigned("!=", over, ir.Constant(_I64, 0)), likely=False):
                clipped = lanes.maximum(lanes.minimum(after, limit), builder.sub(lanes.zero, limit))
                lanes.store(clipped, kept)
            again = some = lanes.bits(fired)
            if leaks:
                again = builder.or_(some, lanes.bits(_apply_leak(lanes, after, shifts)[1]))
            return context.make_tuple(builder, signature.return_type, [some, down, over, again])

        return _numba.types.UniTuple(_numba.types.int64, 4)(
            current, membrane, begin, parameters, peak, tile
        ), generate

    return step_tile


def _apply_leak(lanes: Lanes, value: Any, shifts: list[Any]) -> tuple[Any, Any]:
    """Return membranes after the leak, and bits of the lanes that it changed."""
    builder, (own_shift, fraction, extra_shift) = lanes.builder, shifts
    size = lanes.magnitude(value)
    own = builder.shl(builder.lshr(size, own_shift), fraction)
    rest = builder.sub(size, own)
    extra = builder.lshr(rest, extra_shift)
    rest = builder.sub(rest, extra)
    negative = lanes.compare("<", value, lanes.zero)
    lost = lanes.compare("!=", builder.or_(own, extra), lanes.zero)
    return builder.select(negative, builder.sub(lanes.zero, rest), rest), lost


def _compress_events(typing: Any, events: Any, count: Any, fired: Any, negative: Any, code: Any) -> Any:
    """Append the codes of the lanes that fired with one instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = Lanes(context, builder, _I16)
        mask = ir.VectorType(_I1, LANES)
        some, below = (builder.bitcast(builder.trunc(bits, _I32), mask) for bits in arguments[2:4])
        place = builder.add(
            lanes.broadcast(arguments[4]), ir.Constant(lanes.type, list(range(0, 2 * LANES, 2)))
        )
        codes = builder.add(place, builder.zext(below, lanes.type))
        kind = ir.FunctionType(lanes.type, [lanes.type, lanes.type, mask])
        name = "llvm.x86.avx512.mask.compress.v32i16"
        compress = _numba.core.cgutils.get_or_insert_function(builder.module, kind, name)
        packed = builder.call(compress, [codes, lanes.zero, some])
        lanes.store(packed, lanes.pointer(signature.args[0], arguments[0], arguments[1]))
        return builder.add(arguments[1], builder.ctpop(arguments[2]))

    return _numba.types.int64(events, count, fired, negative, code), generate


def _lowest_bit(typing: Any, bits: Any) -> Any:
    """Return the number of the lowest bit that is set; 64 if none is."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(_I1, 0))

    return _numba.types.int64(_numba.types.int64), generate


def _count_bits(typing: Any, bits: Any) -> Any:
    """Count the bits that are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return _numba.types.int64(_numba.types.int64), generate


add_row, copy_lanes, sign_bits, take_flags = (
    _numba.extending.intrinsic(each) for each in (_add_row, _copy_lanes, _sign_bits, _take_flags)
)
compress_events, lowest_bit, count_bits = (
    _numba.extending.intrinsic(each) for each in (_compress_events, _lowest_bit, _count_bits)
)
peek, poke, prefetch = (_numba.extending.intrinsic(each) for each in (_peek, _poke, _prefetch))
step_tile, step_signed_tile, step_leaky_tile = (
    _numba.extending.intrinsic(_stepping(signed, leaks))
    for signed, leaks in ((False, False), (True, False), (True, True))
)
