"""Codec: decoding is the inverse of encoding; anything else is refused or decodes to another network."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chip.arch import ArchSpec, load_arch
from chip.bitstream import decode, encode
from chip.bitstream.codec import write_design
from chip.bitstream.fields import FrameKind, Layout
from chip.bitstream.frames import Frame, read_frames, write_frames
from chip.bitstream.readback import differences
from chip.builder import NetworkBuilder
from chip.errors import BitstreamError, FitError
from chip.layout.design import design_of
from chip.layout.fabric import Fabric
from chip.layout.place import Nets, random_placement
from chip.layout.route import route
from chip.network import Network
from chip.testing import layered_network, random_network

SENNA = load_arch("senna")
HEADER_BYTES, FRAME_HEAD = 52, struct.Struct("<BBII")


def spans(data: bytes) -> list[tuple[int, int]]:
    """Return start and end, without the checksum, of the header and of each frame."""
    found, at = [(0, HEADER_BYTES - 4)], HEADER_BYTES
    while at + FRAME_HEAD.size <= len(data):
        end = at + FRAME_HEAD.size + FRAME_HEAD.unpack_from(data, at)[3]
        found.append((at, end))
        at = end + 4
    return found


def repaired(data: bytearray) -> bytes:
    """Return the same bytes with valid checksums."""
    for start, end in spans(bytes(data)):
        if end + 4 <= len(data):
            data[end : end + 4] = struct.pack("<I", zlib.crc32(data[start:end]))
    return bytes(data)


def outcome(data: bytes, original: bytes) -> str:
    try:
        decode(data, SENNA)
    except BitstreamError:
        return "refused"
    return "different" if differences(original, data, SENNA) else "silent"


RANDOM_NETWORKS = {
    "seed": st.integers(0, 2**32 - 1),
    "inputs": st.integers(0, 128),
    "neurons": st.integers(0, 40),
    "outputs": st.integers(0, 40),
    "fan_in": st.integers(0, 25),
}


def network_of(seed: int, inputs: int, neurons: int, outputs: int, fan_in: int) -> Network:
    return random_network(
        SENNA, seed=seed, inputs=inputs, neurons=neurons, outputs=min(outputs, neurons), fan_in=fan_in
    )


@settings(max_examples=1000, deadline=None)
@given(**RANDOM_NETWORKS)
def test_any_routed_design_is_decoded(seed: int, **sizes: int) -> None:
    """Blocks lie on random sites, where wires are longer and cross more often than after a search."""
    network, fabric = network_of(seed, **sizes), Fabric.of(SENNA)
    nets = Nets.of(network, np.ones(network.n_inputs + network.n_neurons))
    placement = random_placement(nets, fabric, seed=seed)
    trees = route(nets, fabric, placement).trees
    data = write_design(design_of(network, nets, fabric, placement, trees), SENNA)
    # Decoding encodes again, too, and compares the bytes.
    assert decode(data, SENNA).difference(network) is None


@settings(max_examples=50, deadline=None)
@given(**RANDOM_NETWORKS)
def test_decode_is_the_inverse_of_encode(seed: int, **sizes: int) -> None:
    network = network_of(seed, **sizes)
    data = encode(network, SENNA)
    assert decode(data, SENNA).difference(network) is None
    assert encode(decode(data, SENNA), SENNA) == data


def test_full_chip_is_decoded() -> None:
    network = layered_network(SENNA, seed=1)
    full = np.full(1024, 255)
    extremes = {"theta_p": full, "theta_n": full, "w_fb": full, "weight": np.full(25_600, -31)}
    network = Network(n_inputs=128, **network.arrays() | extremes)
    data = encode(network, SENNA)
    assert decode(data, SENNA).same_as(network)
    assert 140_000 < len(data) < 180_000


def test_labels_are_not_part_of_the_bitstream() -> None:
    bare, named = NetworkBuilder(n_inputs=1), NetworkBuilder(n_inputs=1, input_labels=["band 0"])
    bare.add_neuron(theta_p=1)
    named.add_neuron(theta_p=1, label="relay")
    assert encode(bare.build(), SENNA) == encode(named.build(), SENNA)
    assert decode(encode(named.build(), SENNA), SENNA).labels == ()


def test_network_that_does_not_fit_is_refused() -> None:
    with pytest.raises(FitError, match="does not fit senna"):
        encode(random_network(SENNA, seed=1, inputs=129), SENNA)


def test_another_architecture_is_refused(senna: ArchSpec) -> None:
    inputs = senna.array.inputs.model_copy(update={"value": 64})
    other = senna.model_copy(update={"array": senna.array.model_copy(update={"inputs": inputs})})
    with pytest.raises(BitstreamError, match="another architecture"):
        decode(encode(random_network(senna, seed=1), senna), other)


def test_every_mutant_is_refused_or_differs() -> None:
    seen = {"refused": 0, "different": 0, "silent": 0}
    for seed in range(6):
        data = encode(random_network(SENNA, seed=seed, neurons=12, fan_in=8), SENNA)
        random = np.random.default_rng(seed)
        for trial in range(200):
            mutant = bytearray(data)
            for _ in range(random.integers(1, 4)):
                mutant[random.integers(len(mutant))] ^= 1 << int(random.integers(8))
            if trial % 10 == 0:
                mutant = mutant[: random.integers(len(mutant))]
            with_checksum = repaired(mutant) if trial % 2 and len(mutant) >= HEADER_BYTES else bytes(mutant)
            if with_checksum != data:
                seen[outcome(with_checksum, data)] += 1
    assert seen["silent"] == 0
    assert seen["refused"] > 600
    assert seen["different"] > 0


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_changed_byte_with_a_valid_checksum_is_detected(data: st.DataObject) -> None:
    original = encode(random_network(SENNA, seed=3, neurons=5, fan_in=4), SENNA)
    mutant = bytearray(original)
    at = data.draw(st.integers(0, len(mutant) - 1))
    mutant[at] ^= data.draw(st.integers(1, 255))
    changed = repaired(mutant)
    if changed != original:
        assert outcome(changed, original) != "silent"


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(noise: bytes) -> None:
    with pytest.raises(BitstreamError):
        decode(noise, SENNA)


def _pair() -> bytes:
    """Return two output neurons with a synapse of weight 3 from input 1."""
    builder = NetworkBuilder(n_inputs=2)
    for _ in range(2):
        builder.connect(1, builder.add_neuron(theta_p=1), 3)
        builder.output(builder.n_neurons - 1)
    return encode(builder.build(), SENNA)


def _frame_changed(data: bytes, kind: FrameKind, nth: int, changes: dict[str, int]) -> bytes:
    """Overwrite fields of the nth frame of a kind, with a valid checksum."""
    layout, changed = Layout.of(SENNA), bytearray(data)
    starts = [start for start, _ in spans(data)[1:] if data[start] == kind]
    at = starts[nth] + FRAME_HEAD.size
    for name, value in changes.items():
        first = 0
        for field, width in layout.fields[kind]:
            for bit in range(width if field == name else 0):
                byte, mask = at + (first + bit) // 8, 1 << (first + bit) % 8
                changed[byte] = changed[byte] & ~mask | (mask if value >> bit & 1 else 0)
            first += width
    return repaired(changed)


@pytest.mark.parametrize(
    ("kind", "nth", "changes", "words"),
    [
        (FrameKind.ARRAY, 0, {"inputs": 129}, "states 129 of kind INPUT; the chip has 128"),
        (FrameKind.ARRAY, 0, {"neurons": 2**31}, "of kind CELL; the chip has 1024"),
        (FrameKind.ARRAY, 0, {"neurons": 1}, "2 frames of kind CELL instead of 1"),
        (FrameKind.ARRAY, 0, {"inputs": 1}, "2 frames of kind INPUT instead of 1"),
        (FrameKind.CELL, 0, {"number": 7}, "does not number its 2 neurons"),
        (FrameKind.OUTPUT, 0, {"number": 63}, "does not number its 2 outputs"),
        (
            FrameKind.CELL,
            0,
            {"tap of synapse 0": 100},
            "listens to a wire that nothing drives",
        ),
        (FrameKind.CELL, 0, {"tap of synapse 5": 1}, "canonical"),
        (FrameKind.CELL, 0, {"decay": 15}, "programs no sound network"),
        (FrameKind.SEGMENT, 0, {"track 31": 1 + 6 * 32}, "selects a driver that is not in use"),
        (FrameKind.SEGMENT, 0, {"track 31": 255}, "selects a driver that is not in use"),
        (FrameKind.SEGMENT, -1, {"track 0": 0}, ""),
    ],
)
def test_place_of_an_inconsistency_is_named(
    kind: FrameKind, nth: int, changes: dict[str, int], words: str
) -> None:
    with pytest.raises(BitstreamError) as caught:
        decode(_frame_changed(_pair(), kind, nth, changes), SENNA)
    assert words in str(caught.value)


def test_circular_and_dangling_wires_are_refused() -> None:
    data, fabric = _pair(), Fabric.of(SENNA)
    used = [
        frame.index for frame in read_frames(data, SENNA.fingerprint()) if frame.kind == FrameKind.SEGMENT
    ]
    pairs = [(a, b) for a in used for b in fabric.neighbours[a] if b in used]
    (a, b), at = pairs[0], {segment: nth for nth, segment in enumerate(used)}
    there, back = (int(np.argmax(fabric.neighbours[x] == y)) for x, y in ((a, b), (b, a)))
    circle = _frame_changed(data, FrameKind.SEGMENT, at[a], {"track 30": 1 + there * 32 + 30})
    circle = _frame_changed(circle, FrameKind.SEGMENT, at[int(b)], {"track 30": 1 + back * 32 + 30})
    with pytest.raises(BitstreamError, match="driven in a circle"):
        decode(circle, SENNA)
    stub = _frame_changed(data, FrameKind.SEGMENT, at[a], {"track 30": 1 + there * 32})
    with pytest.raises(BitstreamError, match="track 30: leads nowhere"):
        decode(stub, SENNA)


def test_frames_out_of_order_or_of_unknown_kind_are_refused() -> None:
    frames = read_frames(_pair(), SENNA.fingerprint())
    swapped = [frames[0], frames[2], frames[1], *frames[3:]]
    foreign = [*frames, Frame(99, 0, b"")]
    long = [frames[0], Frame(frames[1].kind, frames[1].index, frames[1].payload + b"x"), *frames[2:]]
    for wrong, words in ((swapped, "in its place"), (foreign, "of kind 99"), (long, "bytes instead of")):
        with pytest.raises(BitstreamError, match=words):
            decode(write_frames(SENNA.fingerprint(), wrong), SENNA)
