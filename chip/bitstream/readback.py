"""Comparison of a bitstream read back from a chip with the one written: every differing field by cell and switch."""

from __future__ import annotations

import numpy as np

from chip.arch import ArchSpec
from chip.bitstream import bit_packing
from chip.bitstream.fields import FrameKind, Layout
from chip.bitstream.frames import read_frames
from chip.layout.fabric import Fabric

__all__ = ["differences"]


def differences(written: bytes, read: bytes, arch: ArchSpec) -> list[str]:
    """Describe every field that differs, in the order of the stream; empty only if the bytes are the same.

    Args:
        written: bitstream that was sent.
        read: bitstream that was read back.
        arch: the chip.

    Raises:
        BitstreamError: either is damaged, or made for another architecture; names the frame.
    """
    layout, fabric = Layout.of(arch), Fabric.of(arch)
    frames = [
        {(frame.kind, frame.index): frame.payload for frame in read_frames(data, arch.fingerprint())}
        for data in (written, read)
    ]
    found = []
    for kind, index in sorted(frames[0].keys() | frames[1].keys()):
        payloads = [side.get((kind, index)) for side in frames]
        if payloads[0] != payloads[1]:
            where = _name(kind, index, fabric)
            found += [f"{where}: {description}" for description in _fields(kind, payloads, layout)]
    if not found and written != read:
        found.append("frames: in another order, or more than once")
    return found


def _name(kind: int, index: int, fabric: Fabric) -> str:
    bounds = {
        FrameKind.CELL: (0, fabric.n_cells),
        FrameKind.INPUT: (fabric.n_cells, fabric.n_inputs),
        FrameKind.OUTPUT: (fabric.first_output, fabric.n_outputs),
    }
    for known, (first, count) in bounds.items():
        if kind == known and index < count:
            return fabric.site_name(first + index)
    if kind == FrameKind.SEGMENT and index < fabric.n_segments:
        return fabric.segment_name(index)
    return "array" if (kind, index) == (FrameKind.ARRAY, 0) else f"frame of kind {kind}, index {index}"


def _fields(kind: int, payloads: list[bytes | None], layout: Layout) -> list[str]:
    """Describe the differences between two payloads of one resource; a missing one means that it was not in use."""
    written, read = payloads
    if written is None or read is None:
        return ["is in use, but was not written" if written is None else "was written, but is not in use"]
    if kind not in layout.fields or not len(written) == len(read) == layout.payload_bytes(FrameKind(kind)):
        return [f"holds {len(read)} bytes against {len(written)}, or bytes that mean nothing"]
    known = FrameKind(kind)
    rows = np.frombuffer(written + read, np.uint8).reshape(2, -1)
    values = bit_packing.unpack(rows, layout.widths(known))
    description = [
        f"{name} is {int(value[1])}, written was {int(value[0])}"
        for (name, _), value in zip(layout.fields[known], values, strict=True)
        if value[0] != value[1]
    ]
    return description or ["the bits that fill up the last byte differ"]
