"""A full chip of 1024 neurons with 25 synapses each: placed, routed, encoded and verified, against simpler placements.

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

SEEDS = 3


def compiled(network: Network, arch: ArchSpec, seed: int) -> tuple[dict[str, Any], Nets]:
    """The figures of one compilation, and its nets with their spike rates."""
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
    """How a compilation compares with a random and a greedy placement of the same nets."""

    def length(placement: Placement) -> float:
        return float(half_perimeters(nets, fabric, placement) @ nets.rate)

    by_chance, by_greed = (make(nets, fabric, seed=seed) for make in (random_placement, greedy_placement))
    say(f"seed {seed}: searching the channel width of a random placement")
    width = min_channel_width(nets, fabric, by_chance)
    return {
        "activity_wirelength_vs_random": figures["activity_wirelength"] / length(by_chance),
        "activity_wirelength_vs_greedy": figures["activity_wirelength"] / length(by_greed),
        "min_channel_width_vs_random": figures["min_channel_width"] / width,
    }


def run(seeds: int) -> dict[str, Any]:
    """Every figure: the worst over the seeds."""
    arch = load_arch("senna")
    fabric, rounds, kept = Fabric.of(arch), [], []
    # All compilations come first, so that the peak of the memory is theirs.
    for seed in range(seeds):
        say(f"seed {seed}: compiling")
        figures, nets = compiled(layered_network(arch, seed=seed), arch, seed)
        rounds.append(figures)
        kept.append(nets)
    for seed, (figures, nets) in enumerate(zip(rounds, kept, strict=True)):
        figures |= against_baselines(figures, nets, fabric, seed)
    worst = {
        name: (min if name in ("routed", "verified") else max)(r[name] for r in rounds) for name in rounds[0]
    }
    return worst | {"seeds": seeds, "random_network": random_network_result(arch)}


def run_large() -> dict[str, Any]:
    """The figures of a full chip of the larger member of the family."""
    arch = load_arch("senna-4096")
    inputs, outputs = arch.array.inputs.value, arch.array.outputs.value
    say("senna-4096: compiling")
    figures, _ = compiled(layered_network(arch, seed=0, inputs=inputs, outputs=outputs), arch, 0)
    return figures


def random_network_result(arch: ArchSpec) -> dict[str, Any]:
    """What is said of a full chip whose neurons hear sources from anywhere."""
    say("the random network")
    try:
        compile_network(full_random_network(arch, seed=0), arch)
    except FitError as error:
        return {"routed": False, "error": str(error), "hint": error.hint}
    return {"routed": True}


def say(words: str) -> None:
    """Progress goes to stderr, so that stdout holds the result alone."""
    print(words, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="one seed")
    given = parser.parse_args(arguments)
    result = run(1 if given.quick else SEEDS)
    if not given.quick:
        result["large"] = run_large()
    if given.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:<32} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
