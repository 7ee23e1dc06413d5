"""Report of a network on a chip as plain values and as text for a terminal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.errors import FitError
from chip.layout.implementation import implement
from chip.network import Network
from chip.reporting.chip_comparison import compare, compare_text
from chip.reporting.neurobench import neurobench
from chip.rules import check, require_fit
from chip.run_cost import cost, latency, stepped_latency, utilisation
from chip.sim.simulator import SimulationResult, Simulator
from chip.sim.stimulus import random_spikes

__all__ = ["as_text", "full_report", "import_lines", "network_report", "run_report"]

_STEPS = 256


def network_report(
    network: Network, arch: ArchSpec, usage: NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """Report sizes, utilisation, findings, and every parameter of the chip with its provenance.

    Args:
        network: network to report.
        arch: the chip.
        usage: nets in each channel segment; by default the network is placed and routed to count them. If that
            fails, ``unrouted`` gives the reason, and ``utilisation`` holds no ``tracks``.
    """
    findings = check(network, arch)
    delays = latency(network, arch)
    unrouted = None
    if usage is None:
        usage, unrouted = _routed(network, arch)
    return {
        "arch": arch.name,
        "title": arch.title,
        "fits": not any(finding.severity == "error" for finding in findings),
        "neurons": network.n_neurons,
        "synapses": network.n_synapses,
        "inputs": network.n_inputs,
        "outputs": network.n_outputs,
        "network_fingerprint": network.fingerprint(),
        "utilisation": utilisation(network, arch, usage),
        "unrouted": unrouted,
        "latency_s": None if delays is None else {name: figure.value for name, figure in delays.items()},
        "findings": [finding.to_dict() for finding in findings],
        "parameters": {key: parameter.model_dump() for key, parameter in arch.parameters()},
    }


def _routed(network: Network, arch: ArchSpec) -> tuple[NDArray[np.int64] | None, str | None]:
    """Return the nets in each channel segment, or the reason why there are none."""
    try:
        require_fit(network, arch)
        # With the width search of the compiler, so that both report the same usage.
        return implement(network, arch, search=True).routing.usage, None
    except FitError as error:
        return None, str(error)


def full_report(
    network: Network,
    arch: ArchSpec,
    spikes: NDArray[np.integer[Any]] | None = None,
    *,
    step_hz: float,
    compared: bool = False,
    usage: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Report a network with NeuroBench's metrics, and its needs on other chips.

    Args:
        network: network to report.
        arch: the chip.
        spikes: -1, 0 or +1 of each [step, stream, input]; by default sparse random spikes.
        step_hz: steps a second, for the energy.
        compared: whether to add the other chips.
        usage: nets in each channel segment, if they are known; see ``network_report``.
    """
    stimulus = random_spikes(network.n_inputs, _STEPS) if spikes is None else spikes
    run = Simulator(network, v_sat=arch.v_sat).run(stimulus)
    content = network_report(network, arch, usage) | stepped_latency(network, step_hz)
    content["input"] = f"{_STEPS} steps of sparse random spikes" if spikes is None else "the given spikes"
    content["neurobench"] = neurobench(network, run, arch).to_dict()
    if compared:
        chips = compare(network, arch, run, stimulus, step_hz=step_hz)
        content["comparison"] = [chip.to_dict() for chip in chips]
    return content


def run_report(run: SimulationResult, arch: ArchSpec, *, step_hz: float) -> dict[str, Any]:
    """Report the counts of a run and its cost if streams follow each other at ``step_hz`` steps a second."""
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


def import_lines(report: dict[str, Any]) -> list[str]:
    """Format the import section of a report as lines; none for a network that was not imported."""
    if "import" not in report:
        return []
    found, verdict = report["import"], report["import"]["verdict"]
    lines = ["", f"import from NIR, a step being {found['dt_s']:g} s"]
    lines += [f"  kept exactly: {one}" for one in verdict["kept"]]
    lines += [f"  approximated: {one}" for one in verdict["approximated"]]
    lines += [f"  refused, and accepted by --lossy: {one}" for one in [verdict["refused"]] if one]
    lines += [f"  measured on: {one}" for one in [found["measured_on"]] if one]
    lines += [
        f"    {one['node']}: {one['about']}: {one['words']}"
        for one in found["declarations"]
        if not one["exact"]
    ]
    return lines


def as_text(report: dict[str, Any]) -> str:
    """Format the report of ``network_report`` or ``full_report`` as lines of text."""
    lines = [report["title"], "", f"fits        {'yes' if report['fits'] else 'no'}"]
    for name, use in report["utilisation"].items():
        lines.append(f"{name:<11} {use['used']} of {use['available']} ({use['share']:.1%})")
    if (tracks := report["utilisation"].get("tracks")) is None:
        lines.append(f"tracks      not routed: {report['unrouted']}")
    else:
        lines.append(
            f"channels    {tracks['max']} of {tracks['per_channel']} tracks in the fullest, "
            f"{tracks['mean']:.1f} on average"
        )
    if report["latency_s"] is not None:
        near, far = report["latency_s"].values()
        lines.append(f"latency     {near * 1e9:.0f} to {far * 1e9:.0f} ns from input to output at full clock")
    if report.get("stepped_latency_s") is not None:
        near, far = report["stepped_latency_s"].values()
        pace = f"at the pace of the network, {report['step_s']:g} s a step"
        lines.append(f"            {near:.4g} to {far:.4g} s {pace}")
    lines += import_lines(report)
    lines += ["", "findings" if report["findings"] else "no findings"]
    for finding in report["findings"]:
        lines.append(f"  {finding['severity']}: {finding['rule']}: {finding['place']}")
        lines.append(f"      {finding['actual']}, limit {finding['limit']}; {finding['remedy']}")
    if "neurobench" in report:
        lines += ["", f"NeuroBench, per step, on {report['input']}"]
        lines += [
            f"  {name:<20} {value:.6g}"
            for name, value in report["neurobench"].items()
            if isinstance(value, int | float)
        ]
    if "comparison" in report:
        lines += [
            "",
            f"side by side, energy on {report['input']}",
            compare_text(report["comparison"]).rstrip(),
        ]
    lines += ["", "what the chip model rests on"]
    for key, parameter in report["parameters"].items():
        lines.append(f"  {parameter['provenance']:<9} {key} = {parameter['value']} {parameter['unit']}")
        lines.append(f"            {parameter['source']}")
    return "\n".join(lines) + "\n"
