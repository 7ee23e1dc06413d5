"""Encoder and decoder between a routed design and its bitstream; docs/bitstream.md describes every bit.

No frame holds a netlist: a synapse selects a wire beside its cell, a wire the wire or neuron that drives it. The
decoder follows the switches back to the neurons. Encoding is canonical: the same design gives the same bytes, and
decoding accepts nothing else, so two different bitstreams never decode to the same design.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.bitstream import bit_packing
from chip.bitstream.fields import FrameKind, Layout
from chip.bitstream.frames import Frame, read_frames, write_frames
from chip.bitstream.netlist import Configuration, rebuild
from chip.errors import BitstreamError, FitError, NetworkError
from chip.layout.design import Design
from chip.layout.fabric import Fabric
from chip.network import Network
from chip.rules import require_limits

__all__ = ["decode", "encode", "read_design", "write_design"]

Ints = NDArray[np.int64]
_NEURON = ("theta_p", "theta_n", "negative", "w_fb", "decay")


def encode(network: Network, arch: ArchSpec) -> bytes:
    """Place, route and encode a network with the default seed; labels are not part of a bitstream.

    Raises:
        FitError: a design rule finds an error, or a channel overflows.
    """
    from chip.layout.implementation import implement

    require_limits(network, arch)
    return write_design(implement(network, arch).design, arch)


def decode(data: bytes, arch: ArchSpec) -> Network:
    """Decode the network that a bitstream programs.

    Raises:
        BitstreamError: damaged, cut, of another version or architecture, not canonical, or its switches
            make no sound network.
    """
    return read_design(data, arch).network


def write_design(design: Design, arch: ArchSpec) -> bytes:
    """Encode a design."""
    layout = Layout.of(arch)
    frames = []
    for kind, index, columns in _tables(design, Fabric.of(arch), layout):
        rows = bit_packing.pack(columns, layout.widths(kind))
        frames += [Frame(kind, int(at), row.tobytes()) for at, row in zip(index, rows, strict=True)]
    return write_frames(arch.fingerprint(), frames)


def read_design(data: bytes, arch: ArchSpec) -> Design:
    """Decode the design that a bitstream programs: its netlist is rebuilt from the switches.

    Raises:
        BitstreamError: see ``decode``.
    """
    layout = Layout.of(arch)
    tables = _columns(read_frames(data, arch.fingerprint()), layout)
    sizes = tables[FrameKind.ARRAY][1]
    if len(sizes[0]) != 1:
        raise BitstreamError("does not start with the frame of the array", where="frame 0")
    for kind, size in zip((FrameKind.INPUT, FrameKind.CELL, FrameKind.OUTPUT), sizes, strict=True):
        count, limit = int(size[0]), layout.count[kind]
        if count > limit:
            raise BitstreamError(f"states {count} of kind {kind.name}; the chip has {limit}", where="frame 0")
        if (found := len(tables[kind][0])) != count:
            raise BitstreamError(
                f"holds {found} frames of kind {kind.name} instead of {count}", where="frames"
            )
    try:
        design = rebuild(_configuration(tables, layout), Fabric.of(arch))
        require_limits(design.network, arch)
    except (NetworkError, FitError) as error:
        raise BitstreamError(f"programs no sound network: {error}", where=error.where) from error
    if write_design(design, arch) != data:
        raise BitstreamError("is not in canonical form", where="frames")
    return design


def _tables(
    design: Design, fabric: Fabric, layout: Layout
) -> Iterator[tuple[FrameKind, Ints, list[NDArray[np.generic]]]]:
    """Yield the frames by kind, in the order of the stream: their indices and the columns of their fields."""
    network, placement = design.network, design.placement
    sizes = [np.array([size]) for size in (network.n_inputs, network.n_neurons, network.n_outputs)]
    yield FrameKind.ARRAY, np.zeros(1, np.int64), [*sizes]
    order = np.argsort(placement.cell)
    neuron = [getattr(network, name)[order] for name in _NEURON]
    yield FrameKind.CELL, placement.cell[order], [order, *neuron, *_slots(design, layout)[order].T]
    order = np.argsort(placement.output_pad)
    yield FrameKind.OUTPUT, placement.output_pad[order], [order, design.output_tap[order]]
    order = np.argsort(placement.input_pad)
    yield FrameKind.INPUT, placement.input_pad[order], [order]
    state = np.zeros(fabric.n_segments * fabric.width, np.int64)
    state[design.wire] = design.switch
    by_segment = state.reshape(fabric.n_segments, fabric.width)
    used = np.flatnonzero(by_segment.any(axis=1))
    yield FrameKind.SEGMENT, used, [*by_segment[used].T]


def _slots(design: Design, layout: Layout) -> Ints:
    """Return tap, magnitude and sign of the synapses of each neuron, by ascending tap, [neuron, 3 * slots]."""
    network = design.network
    order = np.lexsort((design.synapse_tap, network.target))
    target, weight = network.target[order], network.weight[order]
    slots = np.zeros((network.n_neurons, layout.slots, 3), np.int64)
    fields = design.synapse_tap[order], np.abs(weight), weight < 0
    slots[target, np.arange(len(order)) - np.searchsorted(target, target)] = np.stack(fields, axis=1)
    return slots.reshape(network.n_neurons, 3 * layout.slots)


def _columns(frames: list[Frame], layout: Layout) -> dict[FrameKind, tuple[Ints, list[Ints]]]:
    """Return the indices of the frames of each kind, and the columns of their fields."""
    found: dict[int, tuple[Ints, list[Ints]]] = {}
    for number, group in groupby(frames, key=lambda frame: frame.kind):
        members = list(group)
        if number not in layout.fields or number <= max(found, default=0):
            raise BitstreamError(f"holds frames of kind {number} where none belong", where="frames")
        kind = FrameKind(number)
        length = layout.payload_bytes(kind)
        for before, frame in zip([None, *members], members, strict=False):
            where = f"frame of kind {kind.name}, index {frame.index}"
            if frame.index >= layout.count[kind] or (before is not None and frame.index <= before.index):
                raise BitstreamError("is not in its place", where=where)
            if len(frame.payload) != length:
                raise BitstreamError(f"holds {len(frame.payload)} bytes instead of {length}", where=where)
        rows = np.frombuffer(b"".join(frame.payload for frame in members), np.uint8).reshape(-1, length)
        index = np.array([frame.index for frame in members], np.int64)
        found[kind] = index, bit_packing.unpack(rows, layout.widths(kind))
    nothing = np.zeros(0, np.int64)
    return {kind: found.get(kind, (nothing, [nothing] * len(layout.fields[kind]))) for kind in FrameKind}


def _configuration(tables: dict[FrameKind, tuple[Ints, list[Ints]]], layout: Layout) -> Configuration:
    cells, cell_fields = tables[FrameKind.CELL]
    outputs, output_fields = tables[FrameKind.OUTPUT]
    inputs, input_fields = tables[FrameKind.INPUT]
    segments, switches = tables[FrameKind.SEGMENT]
    number, *neuron = cell_fields[: layout.neuron_fields]
    slots = np.array(cell_fields[layout.neuron_fields :]).reshape(layout.slots, 3, len(cells))
    tap, magnitude, sign = slots.transpose(1, 2, 0)
    return Configuration(
        cell=cells,
        number=number,
        neuron=dict(zip(_NEURON, neuron, strict=True)),
        tap=tap,
        weight=np.where(sign == 1, -magnitude, magnitude),
        input_pad=inputs,
        input_number=input_fields[0],
        output_pad=outputs,
        output_number=output_fields[0],
        output_tap=output_fields[1],
        segment=segments,
        switch=np.array(switches).T.reshape(len(segments), len(switches)),
    )
