"""Comparison of a network on SENNA with the profiles of other neuromorphic chips.

Other chips have one kind of spike, so a network with signed spikes is converted first: an input or neuron that sends
-1 becomes a pair, one member for each sign, and its targets get synapses from both. That is a lower bound of the
resources; a pair does not share a membrane, so the spikes will differ, and a network for such a chip is better trained
for it. Energy follows the published figures, with what they leave out; it is None where none is published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec, Parameter
from chip.connectivity import spike_signs
from chip.network import Network
from chip.profiles import ChipProfile, load_profiles
from chip.rules import Finding, check
from chip.run_cost import cost
from chip.sim.simulator import SimulationResult

__all__ = ["ChipComparison", "compare", "compare_text"]


@dataclass(frozen=True)
class ChipComparison:
    """Resources and energy of a network on one chip.

    Args:
        name: name of the chip.
        title: maker and technology.
        fits: whether no published limit is exceeded.
        reasons: each limit that is exceeded.
        needs: resources of the network there: neurons, inputs, outputs, synapses, and the largest fan-in and fan-out
            of a neuron; inputs come from outside and may be sent as often as needed.
        energy_j: least and greatest energy of the run, in joule; None if no figure is published.
        energy_covers: scope of that energy.
        figures: limits, energies and facts with unit, provenance and source.
    """

    name: str
    title: str
    fits: bool
    reasons: tuple[Finding, ...]
    needs: dict[str, int]
    energy_j: tuple[float, float] | None
    energy_covers: str
    figures: dict[str, dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        return asdict(self)


def compare(
    network: Network,
    arch: ArchSpec,
    run: SimulationResult,
    spikes: NDArray[np.integer[Any]],
    *,
    step_hz: float,
) -> list[ChipComparison]:
    """Compare the network on ``arch`` and on every profile.

    Args:
        network: network to compare.
        arch: the first chip of the comparison.
        run: a run of the network, whose operations and steps determine the energy.
        spikes: its input, -1, 0 or +1 of each [step, stream, input].
        step_hz: steps a second, which determine the energy of idle power.
    """
    operations = _unsigned_sop(network, run, spikes)
    return [
        _on_arch(network, arch, run, step_hz),
        *(_on_profile(network, profile, run, operations, step_hz) for profile in load_profiles()),
    ]


def _on_arch(network: Network, arch: ArchSpec, run: SimulationResult, step_hz: float) -> ChipComparison:
    steps = run.outputs.shape[0] * run.outputs.shape[1]
    report = cost(arch, steps, run.sop, run.spikes, max(steps, 1) / step_hz)
    joules = [energy.joule for energy in report.energies]
    errors = tuple(finding for finding in check(network, arch) if finding.severity == "error")
    needs = {
        "neurons": network.n_neurons,
        "inputs": network.n_inputs,
        "outputs": network.n_outputs,
        "synapses": network.n_synapses,
        "fan_in": int(network.fan_in().max(initial=0)),
        "fan_out": int(network.fan_out()[network.n_inputs :].max(initial=0)),
    }
    covers = (
        "from all power is activity to all power is leakage; how the published power splits is not public"
    )
    figures = {key: parameter.model_dump() for key, parameter in arch.parameters()}
    return ChipComparison(
        arch.name, arch.title, not errors, errors, needs, (min(joules), max(joules)), covers, figures
    )


def _on_profile(
    network: Network, profile: ChipProfile, run: SimulationResult, operations: float, step_hz: float
) -> ChipComparison:
    needs, steps = _unsigned(network), run.outputs.shape[0] * run.outputs.shape[1]
    reasons = (*_sizes(profile, needs), *_weights(network, profile))
    return ChipComparison(
        profile.name,
        profile.title,
        not reasons,
        reasons,
        needs,
        _energy(profile, needs["neurons"], steps, operations, step_hz),
        profile.energy.covers,
        {key: parameter.model_dump() for key, parameter in profile.parameters().items()},
    )


def _unsigned(network: Network) -> dict[str, int]:
    """Count the resources of the network with unsigned spikes: pairs for all sources that can send -1."""
    members = 1 + spike_signs(network)[1].astype(np.int64)
    inputs, neurons = members[: network.n_inputs], members[network.n_inputs :]
    pairs_of_source, double = members[network.source], neurons[network.target]
    fan_in = np.bincount(network.target, weights=pairs_of_source, minlength=network.n_neurons)
    fan_out = np.bincount(network.source, weights=double, minlength=members.size)
    return {
        "neurons": int(neurons.sum()),
        "inputs": int(inputs.sum()),
        "outputs": int(neurons[network.outputs].sum()),
        "synapses": int((pairs_of_source * double).sum()),
        "fan_in": int(fan_in.max(initial=0)),
        "fan_out": int(fan_out[network.n_inputs :].max(initial=0)),
    }


def _unsigned_sop(network: Network, run: SimulationResult, spikes: NDArray[np.integer[Any]]) -> float:
    """Compute the synaptic operations of the run with unsigned spikes: a spike arrives at both members of a pair."""
    members = 1 + spike_signs(network)[1][network.n_inputs :].astype(np.int64)
    arrived = np.concatenate([np.count_nonzero(spikes, axis=(0, 1)), run.neuron_spikes])
    by_source = arrived[network.source]
    unpaired = int(by_source.sum())
    # The spikes of the last step are emitted but do not arrive: they count for the ratio, not for the operations.
    return run.sop * float(by_source @ members[network.target]) / unpaired if unpaired else float(run.sop)


def _sizes(profile: ChipProfile, needs: dict[str, int]) -> list[Finding]:
    remedies = {
        "neurons": "use several chips, or fewer neurons",
        "inputs": "use fewer or coarser inputs, or none that send -1",
        "outputs": "read fewer neurons",
        "synapses": "use fewer synapses",
        "fan_in": "use fewer sources per neuron, or fewer that send -1",
        "fan_out": "duplicate the source",
    }
    found = []
    for name, remedy in remedies.items():
        limit: Parameter[int] | None = getattr(profile.limits, name)
        if limit is not None and needs[name] > limit.value:
            place = "the busiest neuron" if name.startswith("fan") else "network"
            found.append(Finding(name, "error", place, str(limit.value), str(needs[name]), remedy))
    return found


def _weights(network: Network, profile: ChipProfile) -> list[Finding]:
    bits, values, found = profile.limits.weight_bits, profile.limits.weight_values, []
    largest = int(np.abs(network.weight).max(initial=0))
    if bits is not None and largest > (most := 2 ** (bits.value - 1) - 1):
        remedy = "scale the weights down"
        found.append(Finding("weight_bits", "error", "network", f"±{most}", f"±{largest}", remedy))
    if values is not None and network.n_synapses:
        _, sign = spike_signs(network)
        # A source that sends both signs has a synapse with its weight and one with the opposite weight.
        weight = np.concatenate([network.weight, -network.weight[sign[network.source]]])
        target = np.concatenate([network.target, network.target[sign[network.source]]])
        pairs = np.unique(np.stack([target, weight]), axis=1)
        kinds = np.bincount(pairs[0], minlength=network.n_neurons)
        if kinds.max() > values.value:
            neuron, remedy = int(np.argmax(kinds)), "round the weights of each neuron to so many values"
            place, actual = network.neuron_name(neuron), f"{kinds.max()} weight values"
            found.append(Finding("weight_values", "error", place, str(values.value), actual, remedy))
    return found


def _energy(
    profile: ChipProfile, neurons: int, steps: int, operations: float, step_hz: float
) -> tuple[float, float] | None:
    energy = profile.energy
    if energy.sop_j is None:
        return None
    least = most = operations * energy.sop_j.value
    if energy.update_min_j is not None and energy.update_max_j is not None:
        least += steps * neurons * energy.update_min_j.value
        most += steps * neurons * energy.update_max_j.value
    if energy.neuron_w is not None:
        lasting = steps / step_hz * neurons * energy.neuron_w.value
        least, most = least + lasting, most + lasting
    return least, most


def compare_text(comparisons: Sequence[Mapping[str, Any]]) -> str:
    """Format comparisons, given as plain values with our chip first, as lines of text."""
    lines = []
    for at, one in enumerate(comparisons):
        energy = "no figure published" if one["energy_j"] is None else _range(*one["energy_j"])
        lines += [f"{one['name']}: {'fits' if one['fits'] else 'does not fit'}", f"  {one['title']}"]
        lines.append("  needs   " + ", ".join(f"{value} {name}" for name, value in one["needs"].items()))
        lines += [f"  because {Finding(**reason)}" for reason in one["reasons"]]
        lines.append(f"  energy  {energy}: {one['energy_covers']}")
        # The figures of the first chip are in the report already.
        lines += [
            f"    {figure['provenance']:<9} {key} = {figure['value']} {figure['unit']}: {figure['source']}"
            for key, figure in (one["figures"].items() if at else ())
        ]
    return "\n".join(lines) + "\n"


def _range(least: float, most: float) -> str:
    return f"{least:.3g} J" if least == most else f"{least:.3g} to {most:.3g} J"
