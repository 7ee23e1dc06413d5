"""NIR interchange with snnTorch and sinabs: agreement of exported and imported networks with the chip simulator.

    python benchmarks/chip_nir.py [--json] [--quick]

Six networks are exported: layers and loops, with negative outputs, without, and leaking; see lib/chip/nir_peers.py.
`agreement` is the share of [step, output] with equal spikes, `spike_agreement` the same where at least one fires,
`count_difference` the difference between the numbers of output spikes. `readers` are the import
functions of both tools on a network of layers that only excite. `imports` goes the other way: graphs in real
numbers, each approximation of ours alone and all together (`chip`), against the graph as NIR defines it, or with
resets that subtract.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import nir
import numpy as np
import sinabs.nir
import snntorch.import_nir
import torch

from chip.arch import ArchSpec, load_arch
from chip.nir import import_nir, measure
from chip.nir.agreement import agreement_of
from lib.chip.nir_peers import PEERS, examples, one_sided_layers, run_peer, run_reader

# Resets to a value, as NIR has them; the same with feedback fitted on other spikes; resets that subtract.
RESETS: dict[str, dict[str, Any]] = {
    "reset zero": {},
    "reset zero, fitted": {"fit": "trial"},
    "reset subtract": {"reset": "subtract"},
}


def run(quick: bool) -> dict[str, Any]:
    """Measure exports, readers and imports."""
    arch = load_arch("senna")
    exports: dict[str, Any] = {}
    for name, example in examples(arch).items():
        if quick and name.startswith("layers"):
            continue
        expected = example.expected(arch)
        exports[name] = {
            peer: agreement_of(expected, run_peer(example.file(), example.spikes, peer)).to_dict()
            for peer in PEERS
        }
    exact = [one for name, found in exports.items() if "leaking" not in name for one in found.values()]
    return {
        "exact_agreement": min(one["agreement"] for one in exact),
        "exact_spikes": sum(one["spikes"] for one in exact),
        "exports": exports,
        "readers": readers(arch),
        "imports": imports(arch, 300 if quick else 2000),
        "versions": {"snntorch": snntorch.__version__, "sinabs": sinabs.__version__, "nir": nir.version},
    }


def readers(arch: ArchSpec) -> dict[str, Any]:
    """Measure the import functions of the tools: sinabs on IF nodes, snnTorch on LIF nodes (its IF is a leaky one)."""
    found = {}
    for peer, leak in (("sinabs", 0), ("snntorch", 3)):
        example = one_sided_layers(arch, leak)
        found[peer] = agreement_of(example.expected(arch), run_reader(example, peer)).to_dict()
    return found


def imports(arch: ArchSpec, steps: int) -> dict[str, Any]:
    """Measure imported graphs: real weights, two layers, and each kind of neuron of NIR."""
    random = np.random.default_rng(0)
    first, second = (random.normal(0.15, 0.3, shape) for shape in ((40, 16), (10, 40)))
    spikes = (random.random((steps, 16)) < 0.2).astype(np.int8)

    def leaky(size: int) -> Any:
        ones = np.ones(size)
        return nir.LIF(tau=8 * ones, r=8 * ones, v_leak=0 * ones, v_threshold=ones)

    def filtered(size: int) -> Any:
        ones = np.ones(size)
        values = {"tau_syn": 2 * ones, "tau_mem": 8 * ones, "r": 8 * ones, "v_leak": 0 * ones}
        return nir.CubaLIF(**values, v_threshold=ones)

    neurons = {"IF": lambda size: nir.IF(np.ones(size), np.ones(size)), "LIF": leaky, "CubaLIF": filtered}
    found: dict[str, Any] = {}
    for kind, make in neurons.items():
        nodes = (nir.Input(np.array([16])), nir.Linear(first), make(40), nir.Linear(second / 2), make(10))
        graph = nir.NIRGraph.from_list(*nodes)
        for name, settings in RESETS.items():
            imported = import_nir(graph, arch, dt_s=1.0, lossy=True, **settings)
            measured = measure(imported, v_sat=arch.v_sat, spikes=spikes)
            found[f"{kind}, {name}"] = {about: one.to_dict() for about, one in measured.items()}
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="only the small networks, fewer steps")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        result = run(options.quick)
    if options.json:
        print(json.dumps(result))
        return
    for name, found in {**result["exports"], **{"readers": result["readers"]}, **result["imports"]}.items():
        for about, one in found.items():
            shares = f"{one['agreement']:.4f} {one['spike_agreement']:.4f} {one['count_difference']:.4f}"
            print(f"{name:<28}{about:<10}{shares}  {one['spikes']} against {one['chip_spikes']} spikes")


if __name__ == "__main__":
    main()
