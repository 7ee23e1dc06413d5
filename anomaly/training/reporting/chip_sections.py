"""Sections of a report about the chip: use, placement and routing, energy, and imperfect chips."""

from __future__ import annotations

from anomaly.evaluate.reporting import plots
from anomaly.evaluate.reporting.html_report import ReportSection
from anomaly.training.model_artifacts import ModelArtifacts


def chip_sections(artifacts: ModelArtifacts) -> list[ReportSection]:
    """Sections on chip use, placement and routing, and energy."""
    network, arch, activity = artifacts.compiled.network, artifacts.chip.arch, artifacts.metrics["activity"]
    use = {
        "neurons": (float(network.n_neurons), float(arch.array.neurons.value)),
        "synapses": (float(network.n_synapses), float(arch.array.synapses.value)),
        "inputs": (float(network.n_inputs), float(arch.array.inputs.value)),
        "outputs": (float(network.n_outputs), float(arch.array.outputs.value)),
        "largest fan-in": (float(network.fan_in().max()), float(arch.neuron.fan_in.value)),
    }
    ratio = activity["teacher_macs_per_s"] / max(activity["sop_per_s"], 1e-9)
    energies: list[tuple[object, ...]] = [("clock policy", "calibration", "joule per second of sound", "how")]
    seconds = activity["energy"]["figures"]["seconds"]["value"]
    for energy in activity["energy"]["energies"]:
        per_second = f"{energy['joule'] / seconds:.2e}"
        energies.append((energy["policy"], energy["calibration"], per_second, energy["source"]))
    return [
        ReportSection(
            "Chip use",
            f"{network.n_neurons:,} neurons and {network.n_synapses:,} synapses; {activity['sop_per_s']:,.0f} synaptic "
            "operations per second of sound, against "
            f"{activity['teacher_macs_per_s']:,.0f} multiply-accumulates of the teacher ({ratio:.0f} times as many). "
            f"The decoded bitstream equals the trained network in "
            f"{artifacts.metrics['verified']['neuron_steps']:,} neuron-steps of held-out sound.",
            plots.chip_use(use),
        ),
        _wiring(artifacts),
        ReportSection(
            "Energy is a range",
            "How the published 23 mW divide between activity, clock and leakage is not public; these calibrations "
            "bracket it, and the worst one counts.",
            rows=energies,
        ),
    ]


def _wiring(artifacts: ModelArtifacts) -> ReportSection:
    routing = artifacts.metrics["chip"]
    rows: list[tuple[object, ...]] = [
        ("what", "figure"),
        ("signed nets per channel that the chip has", routing["channel_width"]),
        ("signed nets per channel that would be enough", routing["min_channel_width"]),
        ("wire length, cells", routing["wirelength"]),
        ("wire length weighted with spikes per step, cells", routing["activity_wirelength"]),
        ("bytes of the bitstream", routing["bitstream_bytes"]),
    ]
    text = "Placed and routed; the network that is scored is rebuilt from the switch states of the bitstream alone."
    return ReportSection("Placement and routing", text, rows=rows)


def imperfect_chip_section(artifacts: ModelArtifacts) -> ReportSection:
    """Section on chips that lose events, leak or have mismatched weights."""
    robustness = artifacts.metrics["robustness"]
    lost, leak = robustness["lost_events"], robustness["leak"]
    rows: list[tuple[object, ...]] = [
        ("chip", "AUC, normal sound against pseudo-anomalies"),
        ("perfect", robustness["perfect"]),
        (f"loses {lost['share']:.0%} of its input events", lost["auc"]),
        (f"leaks 2^-{leak['shift']} per step", leak["auc"]),
    ]
    if (mismatch := robustness.get("mismatch")) is not None:
        name = f"weights deviate by {mismatch['sigma']:.0%}, mean of {mismatch['chips']} chips"
        rows += [(name, mismatch["auc"]), ("the worst of them", mismatch["least"])]
    text = "The same student on chips that deviate from the program, scored as on a perfect one."
    return ReportSection("Imperfect chips", text, rows=rows)
