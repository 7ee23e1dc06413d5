"""The report that travels in the bundle: the fit, the cost, the calibration and what it can support."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anomaly.evaluate.reporting import plots
from anomaly.evaluate.reporting.html_report import ReportSection, page
from anomaly.training.model_artifacts import ModelArtifacts
from anomaly.training.reporting.neurobench import complexity_section

PAGE = "report/index.html"
_TAILS = {
    "exponential": "exponential",
    "generalised-pareto": "a generalised Pareto law, heavier than exponential",
}


def training_page(machine: str, artifacts: ModelArtifacts) -> bytes:
    """One self-contained HTML page about a training."""
    metrics, network = artifacts.metrics, artifacts.compiled.network
    figures = {
        "seconds of sound": round(metrics["training_seconds"]),
        "neurons": network.n_neurons,
        "synapses": network.n_synapses,
        "SOP per second of sound": round(metrics["activity"]["sop_per_s"]),
    }
    summary = (
        f"A teacher learned what {machine} normally sounds like, a spiking student was distilled from it and compiled "
        f"for {artifacts.chip.arch.title}."
    )
    sections = [*chip_sections(artifacts), complexity_section(artifacts.metrics["neurobench"])]
    sections += [_distillation(artifacts), _imperfect(artifacts), *_calibration(artifacts)]
    return page(f"{machine}: training", sections, summary, figures).encode()


def chip_sections(artifacts: ModelArtifacts) -> list[ReportSection]:
    """Chip use, and energy as a range."""
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
            f"{activity['sop_per_s']:,.0f} synaptic operations per second of sound, against "
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
    found = artifacts.metrics["chip"]
    rows: list[tuple[object, ...]] = [
        ("what", "figure"),
        ("signed nets per channel that the chip has", found["channel_width"]),
        ("signed nets per channel that would be enough", found["min_channel_width"]),
        ("wire length, cells", found["wirelength"]),
        ("wire length weighted with spikes per step, cells", found["activity_wirelength"]),
        ("bytes of the bitstream", found["bitstream_bytes"]),
    ]
    text = "Placed and routed; the network that is scored is rebuilt from the switch states of the bitstream alone."
    return ReportSection("Placement and routing", text, rows=rows)


def distillation_text(found: Mapping[str, Any]) -> str:
    """How distillation went, from its part of a training's metrics."""
    off = f"on the machine's own sound at the wrong time the teacher's AUC is {found['lead']:+.3f} from the start's"
    if found["trained"] or found["phases"]:
        went = "training went" if found["trained"] else "it went"
        off += f"; on other pseudo-anomalies {went} from {found['start_criterion']:.3f} to "
        off += f"{found['trained_criterion']:.3f}"
    if found["kept_start"]:
        return f"no, {found['kept_because']} ({off}); the closed form was kept"
    if not found["phases"]:
        return f"yes ({off})"
    more = f", and nothing more: {found['kept_because']}" if found["kept_because"] else ""
    left = f"; with phases {found['lead_left']:+.3f}"
    phases = f"thresholds follow {found['phases']} parts of the cycle, by the teacher's phases"
    return f"yes, {phases}{more} ({off}{left})"


def _distillation(artifacts: ModelArtifacts) -> ReportSection:
    found = artifacts.metrics["distillation"]
    if not found["ran"]:
        return ReportSection("Distillation", "Not asked for by this profile: the closed form is the student.")
    rows = [
        ("student", "AUC, normal sound against pseudo-anomalies"),
        ("closed form, the start", found["start_criterion"]),
    ]
    text = f"DistillationResult: {distillation_text(found)}."
    if found["trained"] or found["phases"]:
        rows.append(("distilled from the teacher", found["trained_criterion"]))
        text += " Both were judged by the same recordings."
    return ReportSection("Distillation", text, rows=rows)


def _imperfect(artifacts: ModelArtifacts) -> ReportSection:
    found = artifacts.metrics["robustness"]
    lost, leak = found["lost_events"], found["leak"]
    rows: list[tuple[object, ...]] = [
        ("chip", "AUC, normal sound against pseudo-anomalies"),
        ("perfect", found["perfect"]),
        (f"loses {lost['share']:.0%} of its input events", lost["auc"]),
        (f"leaks 2^-{leak['shift']} per step", leak["auc"]),
    ]
    if (mismatch := found.get("mismatch")) is not None:
        name = f"weights deviate by {mismatch['sigma']:.0%}, mean of {mismatch['chips']} chips"
        rows += [(name, mismatch["auc"]), ("the worst of them", mismatch["least"])]
    text = "The same student on chips that are not what was programmed, scored as on a perfect one."
    return ReportSection("Imperfect chips", text, rows=rows)


def _calibration(artifacts: ModelArtifacts) -> list[ReportSection]:
    held_s, bound = len(artifacts.student.scores), artifacts.student.supported_per_day
    limits = [("false alarms per day", "limit", "from theory", "from held-out sound")]
    rows: list[tuple[object, ...]] = [*limits]
    for budget in (10.0, 1.0, 0.1):
        limit = artifacts.student.limit(budget)
        rows.append((budget, limit.value, limit.from_theory, limit.from_data))
    return [
        ReportSection(
            "Scores of held-out normal sound",
            f"{held_s} s in {artifacts.student.recordings} recordings, each scored with a standardisation fitted "
            "without it; stops and ramps, which the decision never takes, are left out. The line is where a second has "
            "a tail probability of one in a hundred.",
            plots.score_histogram(
                artifacts.student.scores,
                [],
                threshold=_score_at(artifacts, 0.01),
                marked="p = 0.01",
                of="seconds",
            ),
        ),
        ReportSection(
            "What the calibration can support",
            f"The held-out sound itself only bounds the rate of false alarms below {bound:,.0f} a day (95 %, rule of "
            "three). Limits for smaller budgets rest on excursions of the decision's sum and are extrapolation; the "
            f"tail beyond the data is {_TAILS[artifacts.student.tail.kind]}.",
            rows=rows,
        ),
        _uniformity(artifacts),
        _operating(artifacts),
    ]


def _uniformity(artifacts: ModelArtifacts) -> ReportSection:
    title = "Are the probabilities what they say?"
    found = artifacts.metrics["uniformity"]
    if found is None:
        return ReportSection(title, "One recording was held out: there is no other to hold it against.")
    rows: list[tuple[object, ...]] = [
        ("each held-out recording against all others", "found", "should be"),
        ("share of seconds with p of at most 0.1", found["share_10"], 0.1),
        ("share of seconds with p of at most 0.01", found["share_1"], 0.01),
        ("largest distance from uniform (Kolmogorov-Smirnov)", found["distance"], 0.0),
    ]
    return ReportSection(title, f"Judged on {found['seconds']} s, none of them by itself.", rows=rows)


def _operating(artifacts: ModelArtifacts) -> ReportSection:
    states = artifacts.operating
    rows: list[tuple[object, ...]] = [("state", "mean level over eight groups of bands, dB")]
    for number, centre in enumerate(states.centre):
        rows.append(("stopped" if number == states.stopped else "running", float(centre.mean())))
    text = (
        "Found in the sound without labels. Sound that is none of them is called unknown, and is judged all the same; "
        f"a change between them that takes longer than {states.longest_ramp_s} s is no ramp."
    )
    return ReportSection("Operating states", text, rows=rows)


def _score_at(artifacts: ModelArtifacts, p_value: float) -> float:
    """The score that normal sound reaches with this probability."""
    tail = artifacts.student.tail
    low, high = tail.start, tail.start + 100.0 * tail.scale
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if artifacts.student.p_value(middle) > p_value else (low, middle)
    return high
