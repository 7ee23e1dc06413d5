"""Outcome of a distillation as text: a plain notice where it was not kept, and its figures for the details."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from anomaly.readable import duration
from anomaly.student.distillation.plan import DistilPlan

# Of all sound four fifths are for training, and of these four fifths are not kept for validation.
_DISTILLED_SHARE = 0.64
_ROUNDED_TO_S = 30
_REASONS = {
    "too little to learn": (
        "the teacher is too little better than the student for that to pay. Nothing needs to be done"
    ),
    "training did harm": (
        "the distilled student detected less than the one before, which was kept. More recordings of ordinary work may "
        "help"
    ),
    "it left the budget": (
        "the distilled student exceeded the budget, so the one before was kept. A larger budget would allow it"
    ),
}


def distillation_notice(metrics: Mapping[str, Any], sound_s: float) -> str | None:
    """One line that says why the student was not distilled, and what would change that; None if it was.

    Args:
        metrics: part ``distillation`` of the metrics of a training.
        sound_s: seconds of normal sound in all.
    """
    if metrics.get("agreement") is not None:
        return None
    if not metrics["ran"]:
        return "Not distilled from the teacher: this profile leaves it out."
    if not metrics["kept_start"]:
        return None
    if metrics["kept_because"] != "too little sound":
        return f"Not distilled from the teacher: {_REASONS[metrics['kept_because']]}."
    needed = _ROUNDED_TO_S * math.ceil(DistilPlan().min_sound_s / _DISTILLED_SHARE / _ROUNDED_TO_S)
    return (
        f"Not distilled from the teacher: that needs {duration(needed)} of sound and there was {duration(sound_s)}. "
        "Record more and train again."
    )


def distillation_figures(metrics: Mapping[str, Any]) -> str:
    """Agreement with the teacher; then the outcome of gradients: the teacher-student gap and both criteria, as AUC."""
    if metrics.get("agreement") is None:
        return _gradient_figures(metrics)
    agreement = (
        f"yes, errors follow the teacher's with a correlation of {metrics['agreement']:.2f} on unseen sound "
        f"({metrics['agreement_alone']:.2f} without the teacher)"
    )
    return f"{agreement}; by gradients: {_gradient_figures(metrics)}" if metrics["ran"] else agreement


def _gradient_figures(metrics: Mapping[str, Any]) -> str:
    text = f"on the machine's own sound at the wrong time the teacher's AUC is {metrics['lead']:+.3f} from the start's"
    if metrics["trained"] or metrics["phases"]:
        text += f"; on other pseudo-anomalies from {metrics['start_criterion']:.3f} to "
        text += f"{metrics['trained_criterion']:.3f}"
    if metrics["kept_start"]:
        return f"no, {metrics['kept_because']} ({text}); the closed form was kept"
    if not metrics["phases"]:
        return f"yes ({text})"
    more = f", and nothing more: {metrics['kept_because']}" if metrics["kept_because"] else ""
    gap = f"; with phases {metrics['lead_left']:+.3f}"
    return f"yes, thresholds follow {metrics['phases']} parts of the cycle, by the teacher's phases{more} ({text}{gap})"
