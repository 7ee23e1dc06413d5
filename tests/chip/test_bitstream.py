"""What is decoded is what was encoded; anything else is refused or decodes to another network."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chip.arch import ArchSpec, load_arch
from chip.bitstream import decode, encode
from chip.builder import NetworkBuilder
from chip.errors import BitstreamError, FitError
from chip.network import Network
from chip.testing import random_network

SENNA = load_arch("senna")
HEADER_BYTES, FRAME_HEAD = 52, struct.Struct("<BBII")


def spans(data: bytes) -> list[tuple[int, int]]:
    """Start and end, without the checksum, of the header and of each frame."""
    found, at = [(0, HEADER_BYTES - 4)], HEADER_BYTES
    while at + FRAME_HEAD.size <= len(data):
        end = at + FRAME_HEAD.size + FRAME_HEAD.unpack_from(data, at)[3]
        found.append((at, end))
        at = end + 4
    return found


def repaired(data: bytearray) -> bytes:
    """The same bytes with every checksum made right."""
    for start, end in spans(bytes(data)):
        if end + 4 <= len(data):
            data[end : end + 4] = struct.pack("<I", zlib.crc32(data[start:end]))
    return bytes(data)


def outcome(data: bytes, original: Network) -> str:
    try:
        decoded = decode(data, SENNA)
    except BitstreamError:
        return "refused"
    return "silent" if decoded.same_as(original) else "different"


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    inputs=st.integers(0, 128),
    neurons=st.integers(0, 40),
    outputs=st.integers(0, 40),
    fan_in=st.integers(0, 25),
)
def test_decode_gives_back_what_was_encoded(
    seed: int, inputs: int, neurons: int, outputs: int, fan_in: int
) -> None:
    network = random_network(
        SENNA, seed=seed, inputs=inputs, neurons=neurons, outputs=min(outputs, neurons), fan_in=fan_in
    )
    data = encode(network, SENNA)
    assert decode(data, SENNA).difference(network) is None
    assert encode(decode(data, SENNA), SENNA) == data


def test_a_full_chip_comes_back() -> None:
    random = np.random.default_rng(1)
    sources = np.concatenate([np.sort(random.permutation(1152)[:25]) for _ in range(1024)])
    full = np.full(1024, 255)
    network = Network(
        n_inputs=128,
        theta_p=full,
        theta_n=full,
        negative=full > 0,
        w_fb=full,
        decay=np.full(1024, 10),
        source=sources,
        target=np.repeat(np.arange(1024), 25),
        weight=np.full(25_600, -31),
        outputs=np.arange(1024)[::-16],
    )
    data = encode(network, SENNA)
    assert decode(data, SENNA).same_as(network)
    assert 70_000 < len(data) < 80_000


def test_labels_do_not_travel_and_do_not_show() -> None:
    bare, named = NetworkBuilder(n_inputs=1), NetworkBuilder(n_inputs=1, input_labels=["band 0"])
    bare.add_neuron(theta_p=1)
    named.add_neuron(theta_p=1, label="relay")
    assert encode(bare.build(), SENNA) == encode(named.build(), SENNA)
    assert decode(encode(named.build(), SENNA), SENNA).labels == ()


def test_what_does_not_fit_is_not_encoded() -> None:
    with pytest.raises(FitError, match="does not fit senna"):
        encode(random_network(SENNA, seed=1, inputs=129), SENNA)


def test_another_architecture_is_refused(senna: ArchSpec) -> None:
    inputs = senna.array.inputs.model_copy(update={"value": 64})
    other = senna.model_copy(update={"array": senna.array.model_copy(update={"inputs": inputs})})
    with pytest.raises(BitstreamError, match="another architecture"):
        decode(encode(random_network(senna, seed=1), senna), other)


@pytest.mark.parametrize("seed", range(6))
def test_no_mutant_passes(seed: int) -> None:
    network = random_network(SENNA, seed=seed, neurons=12, fan_in=8)
    data = encode(network, SENNA)
    random = np.random.default_rng(seed)
    seen = {"refused": 0, "different": 0, "silent": 0}
    for trial in range(200):
        mutant = bytearray(data)
        for _ in range(random.integers(1, 4)):
            mutant[random.integers(len(mutant))] ^= 1 << int(random.integers(8))
        if trial % 10 == 0:
            mutant = mutant[: random.integers(len(mutant))]
        with_checksum = repaired(mutant) if trial % 2 and len(mutant) >= HEADER_BYTES else bytes(mutant)
        if with_checksum != data:
            seen[outcome(with_checksum, network)] += 1
    assert seen["silent"] == 0
    assert seen["refused"] > 100
    assert seen["different"] > 0


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_byte_that_changes_under_a_sound_checksum_is_seen(data: st.DataObject) -> None:
    network = random_network(SENNA, seed=3, neurons=5, fan_in=4)
    mutant = bytearray(encode(network, SENNA))
    at = data.draw(st.integers(0, len(mutant) - 1))
    mutant[at] ^= data.draw(st.integers(1, 255))
    changed = repaired(mutant)
    if changed != encode(network, SENNA):
        assert outcome(changed, network) != "silent"


@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(BitstreamError):
        decode(noise, SENNA)


def _frame_changed(data: bytes, frame: int, offset: int, new: bytes) -> bytes:
    start = spans(data)[frame + 1][0] + FRAME_HEAD.size + offset
    changed = bytearray(data)
    changed[start : start + len(new)] = new
    return repaired(changed)


def test_the_place_of_a_lie_is_named() -> None:
    builder = NetworkBuilder(n_inputs=2)
    for _ in range(2):
        builder.connect(1, builder.add_neuron(theta_p=1), 3)
        builder.output(builder.n_neurons - 1)
    data = encode(builder.build(), SENNA)
    lies = [
        (_frame_changed(data, 0, 0, struct.pack("<I", 129)), "states 129 inputs; the chip has 128"),
        (_frame_changed(data, 0, 4, struct.pack("<I", 2**31)), "neurons; the chip has 1024"),
        (_frame_changed(data, 0, 4, struct.pack("<I", 1)), "1 cells and 2 outputs in order"),
        (_frame_changed(data, 0, 0, struct.pack("<I", 1)), "uses input 1 of 1"),
        (_frame_changed(data, 3, 0, b"\x05"), "not within 0..1"),
        (_frame_changed(data, 4, 0, b"\x00"), "output twice"),
        (_frame_changed(data, 3, 1, b"\x80"), "canonical"),
    ]
    for at, (lie, words) in enumerate(lies):
        with pytest.raises(BitstreamError) as caught:
            decode(lie, SENNA)
        assert words in str(caught.value), at
