"""Fuzzing of bitstreams: flipped bits and truncation, half of the mutants with repaired checksums.

    python benchmarks/chip_fuzz.py [--json] [--quick]

Each mutant of a routed random network must be refused, or decode to a design that the read-back comparison
reports as different. `same_network` counts those of the latter whose switches differ although their network does
not, such as a synapse on another wire of the same net.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import traceback
import zlib
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from chip.arch import ArchSpec, load_arch
from chip.bitstream import decode, encode
from chip.bitstream.readback import differences
from chip.errors import BitstreamError
from chip.network import Network
from chip.testing import random_network

MUTANTS, QUICK_MUTANTS = 10_000, 2_000
PER_NETWORK = 250
HEADER_BYTES, FRAME_HEAD = 52, struct.Struct("<BBII")


def mutants(data: bytes, random: np.random.Generator, count: int) -> list[tuple[bytes, bool]]:
    """Mutants of a bitstream, each with a flag: true if its checksums were repaired, as in every second one."""
    found: list[tuple[bytes, bool]] = []
    while len(found) < count:
        mutant, repair = bytearray(data), len(found) % 2 == 1
        if random.random() < 0.1:
            # Truncate anywhere, or after a whole frame if the checksums are repaired.
            ends = frame_ends(data) if repair else range(len(data))
            mutant = mutant[: ends[int(random.integers(len(ends)))]]
        else:
            for _ in range(int(random.integers(1, 4))):
                mutant[mutation_offset(data, random)] ^= 1 << int(random.integers(8))
        changed = repaired(mutant) if repair else bytes(mutant)
        if changed != data:
            found.append((changed, repair))
    return found


def mutation_offset(data: bytes, random: np.random.Generator) -> int:
    """Offset of a byte to change: header and each kind of frame are equally likely."""
    ends = frame_ends(data)
    by_kind: dict[int, list[tuple[int, int]]] = {-1: [(0, ends[0])]}
    for start, end in pairwise(ends):
        by_kind.setdefault(data[start], []).append((start, end))
    spans = by_kind[int(random.choice(sorted(by_kind)))]
    start, end = spans[int(random.integers(len(spans)))]
    return int(random.integers(start, end))


def frame_ends(data: bytes | bytearray) -> list[int]:
    """End offsets of the header and of each frame, as far as the lengths are valid."""
    ends = [HEADER_BYTES]
    while ends[-1] + FRAME_HEAD.size <= len(data):
        end = ends[-1] + FRAME_HEAD.size + FRAME_HEAD.unpack_from(data, ends[-1])[3] + 4
        if end > len(data):
            break
        ends.append(end)
    return ends


def repaired(data: bytearray) -> bytes:
    """Repair every checksum and the number of frames."""
    ends = frame_ends(data)
    struct.pack_into("<I", data, HEADER_BYTES - 8, len(ends) - 1)
    for start, end in zip([0, *ends], ends, strict=False):
        struct.pack_into("<I", data, end - 4, zlib.crc32(data[start : end - 4]))
    return bytes(data)


def outcome(data: bytes, original: bytes, network: Network, arch: ArchSpec) -> list[str]:
    """Classify a mutant by the result of decoding it."""
    try:
        decoded = decode(data, arch)
    except BitstreamError:
        return ["refused"]
    except Exception:
        traceback.print_exc()
        return ["crashed"]
    if not differences(original, data, arch):
        return ["passed_silently"]
    return ["reported_different", *(["same_network"] if decoded.same_as(network) else [])]


def run(count: int) -> dict[str, Any]:
    """Count the outcomes of all mutants."""
    arch, random = load_arch("senna"), np.random.default_rng(0)
    counts: Counter[str] = Counter()
    for seed in range(count // PER_NETWORK):
        network = random_network(arch, seed=seed, neurons=8 + seed % 40, fan_in=4 + seed % 22)
        data = encode(network, arch)
        for mutant, repair in mutants(data, random, PER_NETWORK):
            counts.update(
                ["mutants", *(["crc_repaired"] if repair else []), *outcome(mutant, data, network, arch)]
            )
    names = ("mutants", "crc_repaired", "refused", "reported_different", "same_network")
    return {name: counts[name] for name in (*names, "crashed", "passed_silently")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_MUTANTS} mutants instead of {MUTANTS}")
    options = parser.parse_args(arguments)
    result = run(QUICK_MUTANTS if options.quick else MUTANTS)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:<20} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
