"""What there is to say about a network on a chip, as plain values and as text for a terminal."""

from __future__ import annotations

from typing import Any

import numpy as np

from chip.arch import ArchSpec
from chip.cost import cost, latency, utilisation
from chip.network import Network
from chip.rules import check
from chip.simulate import SimulationResult

__all__ = ["as_text", "network_report", "run_report"]


def network_report(network: Network, arch: ArchSpec) -> dict[str, Any]:
    """Sizes, use of the chip, findings, and every parameter of the chip with what it rests on."""
    findings = check(network, arch)
    way = latency(network, arch)
    return {
        "arch": arch.name,
        "title": arch.title,
        "fits": not any(finding.severity == "error" for finding in findings),
        "neurons": network.n_neurons,
        "synapses": network.n_synapses,
        "inputs": network.n_inputs,
        "outputs": network.n_outputs,
        "network_fingerprint": network.fingerprint(),
        "utilisation": utilisation(network, arch),
        "latency_s": None if way is None else {name: figure.value for name, figure in way.items()},
        "findings": [finding.to_dict() for finding in findings],
        "parameters": {key: parameter.model_dump() for key, parameter in arch.parameters()},
    }


def run_report(run: SimulationResult, arch: ArchSpec, *, step_hz: float) -> dict[str, Any]:
    """Counts of a run and what it costs if streams follow each other at ``step_hz`` steps a second."""
    steps, streams = run.outputs.shape[:2]
    seconds = max(steps * streams, 1) / step_hz
    return {
        "steps": steps,
        "streams": streams,
        "input_spikes": run.input_spikes,
        "spikes": run.spikes,
        "sop": run.sop,
        "saturations": run.saturations,
        "output_spikes": np.count_nonzero(run.outputs, axis=(0, 1)).tolist(),
        "cost": cost(arch, steps * streams, run.sop, run.spikes, seconds).to_dict(),
    }


def as_text(report: dict[str, Any]) -> str:
    """The report of ``network_report`` in lines for a person."""
    lines = [report["title"], "", f"fits        {'yes' if report['fits'] else 'no'}"]
    for name, use in report["utilisation"].items():
        lines.append(f"{name:<11} {use['used']} of {use['available']} ({use['share']:.1%})")
    if report["latency_s"] is not None:
        near, far = report["latency_s"].values()
        lines.append(f"latency     {near * 1e9:.0f} to {far * 1e9:.0f} ns from input to output at full clock")
    lines += ["", "findings" if report["findings"] else "no findings"]
    for finding in report["findings"]:
        lines.append(f"  {finding['severity']}: {finding['rule']}: {finding['place']}")
        lines.append(f"      {finding['actual']}, limit {finding['limit']}; {finding['remedy']}")
    lines += ["", "what the chip model rests on"]
    for key, parameter in report["parameters"].items():
        lines.append(f"  {parameter['provenance']:<9} {key} = {parameter['value']} {parameter['unit']}")
        lines.append(f"            {parameter['source']}")
    return "\n".join(lines) + "\n"
