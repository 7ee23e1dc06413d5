"""Compilation of a full chip of 1024 neurons with 25 synapses each, beside a random and a greedy placement.

    python benchmarks/chip_compile.py [--json] [--quick]

A layered network is compiled with three seeds (one with --quick); the figures are the worst of them.
`seconds` is all of `compile_network`, the search for the smallest channel width and the compiled router's
start included; `..._vs_random` and `..._vs_greedy` are ratios to a random legal and to a greedy placement of
the same network: below 1 is shorter or narrower. A network of random connections is tried too; it should
not fit. `large` holds the figures of one compilation of a full layered network of 4096 neurons with 25 synapses
each for senna-4096 (not with --quick); its `peak_mib` is that of the whole run.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Sequence
from typing import Any

from chip.arch import ArchSpec, load_arch
from chip.compiler import compile_network
from chip.errors import FitError
from chip.layout.fabric import Fabric
from chip.layout.place import Nets, Placement, greedy_placement, half_perimeters, random_placement
from chip.layout.route import min_channel_width
from chip.network import Network
from chip.testing import full_random_network, layered_network
from lib.progress import log

SEEDS = 3


def compiled(network: Network, arch: ArchSpec, seed: int) -> tuple[dict[str, Any], Nets]:
    """Compile a network; return its figures, and its nets with their spike rates."""
    result = compile_network(network, arch, seed=seed)
    names = (
        "routed",
        "verified",
        "seconds",
        "neurons",
        "synapses",
        "min_channel_width",
        "activity_wirelength",
    )
    figures = {name: result.report[name] for name in names}
    figures["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return figures, result.implementation.nets


def against_baselines(figures: dict[str, Any], nets: Nets, fabric: Fabric, seed: int) -> dict[str, Any]:
    """Ratios of a compilation to a random and a greedy placement of the same nets."""

    def length(placement: Placement) -> float:
        return float(half_perimeters(nets, fabric, placement) @ nets.rate)

    at_random, greedy = (make(nets, fabric, seed=seed) for make in (random_placement, greedy_placement))
    log(f"seed {seed}: searching the channel width of a random placement")
    width = min_channel_width(nets, fabric, at_random)
    return {
        "activity_wirelength_vs_random": figures["activity_wirelength"] / length(at_random),
        "activity_wirelength_vs_greedy": figures["activity_wirelength"] / length(greedy),
        "min_channel_width_vs_random": figures["min_channel_width"] / width,
    }


def run(seeds: int) -> dict[str, Any]:
    """Compile with each seed and return the worst of each figure."""
    arch = load_arch("senna")
    fabric, rounds, nets_of_seeds = Fabric.of(arch), [], []
    # All compilations come first, so that the peak memory is theirs.
    for seed in range(seeds):
        log(f"seed {seed}: compiling")
        figures, nets = compiled(layered_network(arch, seed=seed), arch, seed)
        rounds.append(figures)
        nets_of_seeds.append(nets)
    for seed, (figures, nets) in enumerate(zip(rounds, nets_of_seeds, strict=True)):
        figures |= against_baselines(figures, nets, fabric, seed)
    worst = {
        name: (min if name in ("routed", "verified") else max)(r[name] for r in rounds) for name in rounds[0]
    }
    return worst | {"seeds": seeds, "random_network": random_network_result(arch)}


def run_large() -> dict[str, Any]:
    """Compile a full chip of the larger architecture senna-4096."""
    arch = load_arch("senna-4096")
    inputs, outputs = arch.array.inputs.value, arch.array.outputs.value
    log("senna-4096: compiling")
    figures, _ = compiled(layered_network(arch, seed=0, inputs=inputs, outputs=outputs), arch, 0)
    return figures


def random_network_result(arch: ArchSpec) -> dict[str, Any]:
    """Result for a full chip with random connections, which should not fit."""
    log("compiling the random network")
    try:
        compile_network(full_random_network(arch, seed=0), arch)
    except FitError as error:
        return {"routed": False, "error": str(error), "hint": error.hint}
    return {"routed": True}


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="one seed")
    options = parser.parse_args(arguments)
    result = run(1 if options.quick else SEEDS)
    if not options.quick:
        result["large"] = run_large()
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:<32} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
