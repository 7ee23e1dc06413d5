"""Summary of a training for the person at the machine: verdict, meaning, what to do next; figures with details."""

from __future__ import annotations

from typing import Any

from anomaly import workspace
from anomaly.detect.calibration.promise import BUDGET_PER_DAY
from anomaly.detect.decision import REFERENCE
from anomaly.readable import count, duration, rate
from anomaly.training.model_artifacts import ModelArtifacts
from anomaly.training.pipeline import TrainingResult
from anomaly.training.reporting.distillation import distillation_figures, distillation_notice
from anomaly.training.reporting.page import PAGE
from anomaly.training.reporting.verdict import TrainingVerdict, training_verdict

# Share of held-out seconds with p <= 0.01 from which recordings differ clearly; 0.01 is expected, and the same bound
# refuses sound as not normal in `anomaly calibrate`.
_MAX_RARE_SHARE = 0.05


def summary_text(trained: TrainingResult, *, details: bool = False) -> str:
    """Verdict in the first line, what it means, what to do next; with details the figures of chip and statistics."""
    machine = trained.bundle.manifest.machine
    verdict = training_verdict(machine, trained.artifacts)
    blocks = [
        [verdict.sentence(), *_notices(trained, verdict)],
        ["Next:", *_next_steps(trained, verdict)],
        *([_details(trained)] if details else []),
        [_bundle_line(trained, details)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


def _notices(trained: TrainingResult, verdict: TrainingVerdict) -> list[str]:
    metrics = trained.artifacts.metrics
    notices = []
    if verdict.ready and verdict.promised_per_day > BUDGET_PER_DAY:
        budget = rate(BUDGET_PER_DAY, "false alarm")
        notices.append(
            f"The alarm limit is set for {budget}: a cautious estimate until it is calibrated on more sound."
        )
    uniformity = metrics.get("uniformity")
    if uniformity is not None and uniformity["share_1"] > _MAX_RARE_SHARE:
        notices.append(
            f"The recordings differ from each other: {100 * uniformity['share_1']:.0f} of 100 seconds are rare to the "
            "other recordings, 1 is expected. Expect more false alarms; record more of the machine's ordinary work."
        )
    if (notice := distillation_notice(metrics["distillation"], verdict.sound_s)) is not None:
        notices.append(notice)
    if silent := trained.bundle.manifest.metrics["silent_files"]:
        notices.append(f"Left out: {count(silent, 'silent recording')}; see `anomaly data check`.")
    return notices


def _next_steps(trained: TrainingResult, verdict: TrainingVerdict) -> list[str]:
    machine, models = trained.bundle.manifest.machine, trained.bundle.path.parent
    where = f"--machine {machine}" + ("" if models == workspace.models_dir() else f" --models {models}")
    steps = [
        (f"anomaly evaluate {where} --data FOLDER", "faults found and false alarms, on recordings of both"),
        (f"anomaly monitor {where} --device NAME", "watch the machine; `anomaly devices` lists the names"),
    ]
    if not verdict.ready:
        steps.insert(
            0, (f"anomaly record --machine {machine} --device NAME --minutes 10", "more normal sound")
        )
    elif verdict.promised_per_day > BUDGET_PER_DAY:
        days = duration(verdict.calibration_s_for_budget)
        steps.append(
            (f"anomaly calibrate {where} --since 3d", f"after {days} of monitoring: fewer false alarms")
        )
    width = max(len(command) for command, _ in steps)
    return [f"  {command:<{width}}  {purpose}" for command, purpose in steps]


def _bundle_line(trained: TrainingResult, details: bool) -> str:
    path = trained.bundle.path
    more = "" if details else " Figures of chip and statistics: --details."
    return f"Written to {path} after {duration(trained.seconds)}; report: {path / PAGE}.{more}"


def _details(trained: TrainingResult) -> list[str]:
    metrics = trained.artifacts.metrics
    lines = [
        f"sound      {metrics['training_seconds']:.0f} s, of which {metrics['held_out_seconds']:.0f} s held out",
        *_chip_lines(trained.artifacts),
    ]
    if metrics["distillation"]["ran"] or metrics["distillation"].get("agreement") is not None:
        lines.append(f"distilled  {distillation_figures(metrics['distillation'])}")
    limit = trained.artifacts.student.limit(BUDGET_PER_DAY)
    lines.append(
        f"alarms     limit {limit.value:.1f} (reference {REFERENCE}) for {rate(BUDGET_PER_DAY)}; held-out sound alone "
        f"supports {metrics['supported_per_day']:,.0f} a day, the rest is extrapolation"
    )
    lines += _uniformity_lines(metrics)
    return lines


def _chip_lines(artifacts: ModelArtifacts) -> list[str]:
    metrics, network, array = artifacts.metrics, artifacts.compiled.network, artifacts.chip.arch.array
    activity, chip = metrics["activity"], metrics["chip"]
    return [
        f"student    {network.n_neurons} of {array.neurons.value} neurons, {network.n_synapses} of "
        f"{array.synapses.value} synapses, {activity['sop_per_s']:,.0f} synaptic operations per second",
        f"routed     with {chip['min_channel_width']} of {chip['channel_width']} nets per channel",
        f"verified   {metrics['verified']['neuron_steps']:,} neuron-steps of held-out sound, trained = decoded",
    ]


def _uniformity_lines(metrics: dict[str, Any]) -> list[str]:
    if (uniformity := metrics.get("uniformity")) is None:
        return []
    return [
        f"calibrated {100 * uniformity['share_10']:.1f} % of held-out seconds have p <= 0.1 and "
        f"{100 * uniformity['share_1']:.1f} % p <= 0.01, each recording against all others"
    ]
