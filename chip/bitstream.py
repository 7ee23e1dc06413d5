"""From a network to the bytes that program a chip, and back; docs/bitstream.md describes every bit.

Encoding is canonical: the same network gives the same bytes, and decoding accepts nothing else. So two
different bitstreams that decode at all decode to different networks.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chip import bits
from chip.arch import ArchSpec
from chip.errors import BitstreamError, FitError, NetworkError
from chip.frames import Frame, read_frames, write_frames
from chip.network import Network
from chip.rules import require_fit

__all__ = ["decode", "encode"]

ARRAY, CELL, PADS = 1, 2, 3
_ARRAY = struct.Struct("<III")


def encode(network: Network, arch: ArchSpec) -> bytes:
    """The bitstream of a network; labels do not travel.

    Raises:
        FitError: a design rule finds an error.
    """
    require_fit(network, arch)
    layout = _Layout.of(arch)
    frames = [Frame(ARRAY, 0, _ARRAY.pack(network.n_inputs, network.n_neurons, network.n_outputs))]
    frames += [Frame(CELL, at, row.tobytes()) for at, row in enumerate(layout.pack_cells(network))]
    pads = bits.pack([network.outputs], [layout.cell_bits])
    frames += [Frame(PADS, at, row.tobytes()) for at, row in enumerate(pads)]
    return write_frames(arch.fingerprint(), frames)


def decode(data: bytes, arch: ArchSpec) -> Network:
    """The network that a bitstream programs.

    Raises:
        BitstreamError: damaged, cut, of another version or architecture, or not canonical.
    """
    layout = _Layout.of(arch)
    frames = read_frames(data, arch.fingerprint())
    n_inputs, n_neurons, n_outputs = _sizes(frames, arch)
    expected = [(CELL, at) for at in range(n_neurons)] + [(PADS, at) for at in range(n_outputs)]
    if [(frame.kind, frame.index) for frame in frames[1:]] != expected:
        raise BitstreamError(
            f"does not hold {n_neurons} cells and {n_outputs} outputs in order", where="frames"
        )
    cells = _rows(frames[1 : 1 + n_neurons], bits.row_bytes(layout.cell_widths))
    pads = _rows(frames[1 + n_neurons :], bits.row_bytes([layout.cell_bits]))
    outputs = bits.unpack(pads, [layout.cell_bits])[0]
    try:
        network = layout.unpack_cells(cells, n_inputs, outputs)
        again = encode(network, arch)
    except (NetworkError, FitError) as error:
        raise BitstreamError(f"programs no sound network: {error}", where=error.where) from error
    if again != data:
        raise BitstreamError("is not in canonical form", where="frames")
    return network


def _sizes(frames: list[Frame], arch: ArchSpec) -> tuple[int, int, int]:
    if not frames or (frames[0].kind, frames[0].index, len(frames[0].payload)) != (ARRAY, 0, _ARRAY.size):
        raise BitstreamError("does not start with the frame of the array", where="frame 0")
    sizes: tuple[int, int, int] = _ARRAY.unpack(frames[0].payload)
    limits = arch.array.inputs.value, arch.array.neurons.value, arch.array.outputs.value
    for name, size, limit in zip(("inputs", "neurons", "outputs"), sizes, limits, strict=True):
        if size > limit:
            raise BitstreamError(f"states {size} {name}; the chip has {limit}", where="frame 0")
    return sizes


def _rows(frames: list[Frame], width: int) -> NDArray[np.uint8]:
    for frame in frames:
        if len(frame.payload) != width:
            where = f"frame of kind {frame.kind}, index {frame.index}"
            raise BitstreamError(f"holds {len(frame.payload)} bytes instead of {width}", where=where)
    return np.frombuffer(b"".join(frame.payload for frame in frames), np.uint8).reshape(len(frames), width)


@dataclass(frozen=True)
class _Layout:
    """Widths in bits of the fields of a cell, which follow from the architecture."""

    neuron_widths: tuple[int, ...]
    slots: int
    inputs: int
    source_bits: int
    weight_bits: int
    cell_bits: int

    @classmethod
    def of(cls, arch: ArchSpec) -> _Layout:
        threshold = arch.neuron.threshold_bits.value
        decay = max(arch.neuron.decay_shifts.value).bit_length() or 1
        return cls(
            neuron_widths=(threshold, threshold, 1, arch.neuron.feedback_bits.value, decay),
            slots=arch.neuron.fan_in.value,
            inputs=arch.array.inputs.value,
            source_bits=(arch.array.inputs.value + arch.array.neurons.value - 1).bit_length(),
            weight_bits=arch.neuron.weight_bits.value,
            cell_bits=max(1, (arch.array.neurons.value - 1).bit_length()),
        )

    @property
    def cell_widths(self) -> list[int]:
        slot = [self.source_bits, self.weight_bits - 1, 1]
        return [*self.neuron_widths, *(slot * self.slots)]

    def pack_cells(self, network: Network) -> NDArray[np.uint8]:
        """One row of bytes per neuron: its parameters, then its synapses by ascending source."""
        shape = (network.n_neurons, self.slots)
        source, magnitude, sign = (np.zeros(shape, np.int64) for _ in range(3))
        first = np.concatenate([[0], np.cumsum(network.fan_in())])[:-1]
        place = network.target, np.arange(network.n_synapses) - first[network.target]
        # Addresses on the chip: all its inputs come first, used or not.
        is_input = network.source < network.n_inputs
        source[place] = np.where(is_input, network.source, network.source - network.n_inputs + self.inputs)
        magnitude[place] = np.abs(network.weight)
        sign[place] = network.weight < 0
        slots = np.stack([source, magnitude, sign], axis=2).reshape(network.n_neurons, 3 * self.slots)
        neuron = [network.theta_p, network.theta_n, network.negative, network.w_fb, network.decay]
        return bits.pack([*neuron, *slots.T], self.cell_widths)

    def unpack_cells(self, rows: NDArray[np.uint8], n_inputs: int, outputs: NDArray[np.int64]) -> Network:
        """The network whose rows these are; an empty slot has weight 0."""
        columns = bits.unpack(rows, self.cell_widths)
        theta_p, theta_n, negative, w_fb, decay = columns[: len(self.neuron_widths)]
        slots = np.array(columns[len(self.neuron_widths) :]).reshape(self.slots, 3, len(rows))
        source, magnitude, sign = slots.transpose(1, 2, 0)
        target, slot = np.nonzero(magnitude)
        address = source[target, slot]
        if (unknown := (address >= n_inputs) & (address < self.inputs)).any():
            raise NetworkError(
                f"uses input {address[unknown][0]} of {n_inputs}", where=f"cell {target[unknown][0]}"
            )
        return Network(
            n_inputs=n_inputs,
            theta_p=theta_p,
            theta_n=theta_n,
            negative=negative,
            w_fb=w_fb,
            decay=decay,
            source=np.where(address < self.inputs, address, address - self.inputs + n_inputs),
            target=target,
            weight=np.where(sign == 1, -magnitude, magnitude)[target, slot],
            outputs=outputs,
        )
