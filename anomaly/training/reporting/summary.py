"""What a training found, in words for a person."""

from __future__ import annotations

from anomaly.detect.decision import REFERENCE
from anomaly.training.pipeline import TrainingResult
from anomaly.training.reporting.page import distillation_text


def summary_text(trained: TrainingResult) -> str:
    """A few lines: the bundle, the fit, what the calibration can and cannot support."""
    metrics, network = trained.artifacts.metrics, trained.artifacts.compiled.network
    arch = trained.artifacts.chip.arch
    activity, distillation, chip = metrics["activity"], metrics["distillation"], metrics["chip"]
    held_s = metrics["held_out_seconds"]
    # Rule of three: n seconds without an alarm bound the rate, at 95 %, only below 3/n.
    bound_per_day = 3 * 86_400 / max(held_s, 1.0)
    limit = trained.artifacts.student.limit(1.0)
    lines = [
        f"bundle     {trained.bundle.path}",
        f"sound      {metrics['training_seconds']:.0f} s, of which {held_s:.0f} s held out for calibration",
        f"student    {network.n_neurons} of {arch.array.neurons.value} neurons, "
        f"{network.n_synapses} of {arch.array.synapses.value} synapses, {activity['sop_per_s']:,.0f} SOP per second",
        f"routed     with {chip['min_channel_width']} of {chip['channel_width']} nets per channel",
        f"verified   {metrics['verified']['neuron_steps']:,} neuron-steps of held-out sound, trained = decoded",
    ]
    if silent := trained.bundle.manifest.metrics["silent_files"]:
        lines.insert(2, f"left out   {silent} silent recording(s); `anomaly data check` names them")
    if distillation["ran"]:
        lines.append(f"distilled  {distillation_text(distillation)}")
    lines.append(
        f"alarms     limit {limit.value:.1f} (reference {REFERENCE}) for one false alarm a day; the held-out sound "
        f"itself only bounds the rate below {bound_per_day:,.0f} a day, the rest is extrapolation"
    )
    if (unseen := metrics.get("uniformity")) is not None:
        lines.append(
            f"calibrated {100 * unseen['share_10']:.1f} % of held-out seconds have p <= 0.1 and "
            f"{100 * unseen['share_1']:.1f} % p <= 0.01, each recording against all others"
        )
    lines.append(f"took       {trained.seconds:.0f} s")
    return "\n".join(lines)
