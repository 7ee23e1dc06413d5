"""Bit fields of each kind of frame; their widths follow from the architecture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from chip.arch import ArchSpec
from chip.bitstream.bit_packing import row_bytes
from chip.layout.fabric import Fabric

__all__ = ["FrameKind", "Layout"]


class FrameKind(IntEnum):
    """Kinds of frames by the resource that they configure; docs/bitstream.md lists the numbers."""

    ARRAY = 1
    CELL = 2
    OUTPUT = 3
    INPUT = 4
    SEGMENT = 16


@dataclass(frozen=True)
class Layout:
    """Names and widths in bits of the fields of every kind of frame, and the number of resources of each kind.

    Args:
        fields: (name, bits) of each field by kind.
        count: resources of each kind.
        neuron_fields: number of fields of a cell before its synapses.
        slots: synapses of a cell, three fields each: tap, magnitude, sign.
    """

    fields: dict[FrameKind, tuple[tuple[str, int], ...]]
    count: dict[FrameKind, int]
    neuron_fields: int
    slots: int

    @classmethod
    def of(cls, arch: ArchSpec) -> Layout:
        """Derive the layout from an architecture."""
        fabric, neuron = Fabric.of(arch), arch.neuron
        tap = _bits_for(fabric.around.shape[1] * fabric.width)
        slots = neuron.fan_in.value
        cell = [
            ("number", _bits_for(arch.array.neurons.value)),
            ("theta_p", neuron.threshold_bits.value),
            ("theta_n", neuron.threshold_bits.value),
            ("negative", 1),
            ("w_fb", neuron.feedback_bits.value),
            ("decay", max(neuron.decay_shifts.value).bit_length() or 1),
        ]
        synapses = [
            (f"{name} of synapse {slot}", bits)
            for slot in range(slots)
            for name, bits in (("tap", tap), ("magnitude", neuron.weight_bits.value - 1), ("sign", 1))
        ]
        states = 1 + fabric.neighbours.shape[1] * fabric.width + fabric.beside.shape[1]
        fields = {
            FrameKind.ARRAY: tuple((name, 32) for name in ("inputs", "neurons", "outputs")),
            FrameKind.CELL: (*cell, *synapses),
            FrameKind.OUTPUT: (("number", _bits_for(fabric.n_outputs)), ("track", _bits_for(fabric.width))),
            FrameKind.INPUT: (("number", _bits_for(fabric.n_inputs)),),
            FrameKind.SEGMENT: tuple((f"track {track}", _bits_for(states)) for track in range(fabric.width)),
        }
        count = {
            FrameKind.ARRAY: 1,
            FrameKind.CELL: fabric.n_cells,
            FrameKind.OUTPUT: fabric.n_outputs,
            FrameKind.INPUT: fabric.n_inputs,
            FrameKind.SEGMENT: fabric.n_segments,
        }
        return cls(fields, count, len(cell), slots)

    def widths(self, kind: FrameKind) -> list[int]:
        """Return the bits of each field."""
        return [bits for _, bits in self.fields[kind]]

    def payload_bytes(self, kind: FrameKind) -> int:
        """Return the length of a payload."""
        return row_bytes(self.widths(kind))


def _bits_for(states: int) -> int:
    return max(1, (states - 1).bit_length())
