"""Sections of a report about the calibration: promised false alarms, scores, uniformity and operating states."""

from __future__ import annotations

from anomaly.evaluate.reporting import plots
from anomaly.evaluate.reporting.html_report import ReportSection
from anomaly.readable import count, duration, rate
from anomaly.training.model_artifacts import ModelArtifacts

_TAILS = {
    "exponential": "exponential",
    "generalised-pareto": "a generalised Pareto law, heavier than exponential",
}


def calibration_sections(artifacts: ModelArtifacts) -> list[ReportSection]:
    """Sections on the promised rate of false alarms, the scores behind it, and the operating states."""
    return [_limits(artifacts), _scores(artifacts), _uniformity(artifacts), _operating(artifacts)]


def _limits(artifacts: ModelArtifacts) -> ReportSection:
    calibration = artifacts.student
    rows: list[tuple[object, ...]] = [("false alarms per day", "limit", "from theory", "from held-out sound")]
    for budget in (10.0, 1.0, 0.1):
        limit = calibration.limit(budget)
        rows.append((budget, limit.value, limit.from_theory, limit.from_data))
    return ReportSection(
        "What the calibration can support",
        f"{duration(len(calibration.scores))} of held-out sound without an alarm prove a rate of false alarms below "
        f"{rate(calibration.supported_per_day)} (95 %, rule of three), and no less. The limits below, for smaller "
        "budgets, are extrapolated from how the decision's sum rose and fell on that sound; the tail of the scores "
        f"beyond the data is {_TAILS[calibration.tail.kind]}.",
        rows=rows,
    )


def _scores(artifacts: ModelArtifacts) -> ReportSection:
    calibration = artifacts.student
    return ReportSection(
        "Scores of held-out normal sound",
        f"{len(calibration.scores)} s in {count(calibration.recordings, 'recording')}, each scored with a "
        "standardisation fitted without it; stops and ramps, on which nothing is decided, are left out. One second in "
        "a hundred scores above the line.",
        plots.score_histogram(
            calibration.scores,
            [],
            threshold=_score_at(artifacts, 0.01),
            marked="1 second in 100 is above",
            of="seconds",
        ),
    )


def _uniformity(artifacts: ModelArtifacts) -> ReportSection:
    title = "Are the probabilities right?"
    uniformity = artifacts.metrics["uniformity"]
    if uniformity is None:
        return ReportSection(title, "Only one recording was held out: there is no other to compare it with.")
    rows: list[tuple[object, ...]] = [
        ("each held-out recording against all others", "measured", "expected"),
        ("share of seconds with p of at most 0.1", uniformity["share_10"], 0.1),
        ("share of seconds with p of at most 0.01", uniformity["share_1"], 0.01),
        ("largest distance from uniform (Kolmogorov-Smirnov)", uniformity["distance"], 0.0),
    ]
    return ReportSection(
        title,
        f"{uniformity['seconds']} s, each judged by the calibration of the other recordings.",
        rows=rows,
    )


def _operating(artifacts: ModelArtifacts) -> ReportSection:
    states = artifacts.operating
    rows: list[tuple[object, ...]] = [("state", "mean level over eight groups of bands, dB")]
    for number, centre in enumerate(states.centre):
        rows.append(("stopped" if number == states.stopped else "running", float(centre.mean())))
    text = (
        "Learned from the sound without labels. Sound that matches none of them is called unknown, and is judged like "
        f"any other. A change from one to another counts as a ramp if it takes at most {states.longest_ramp_s} s."
    )
    return ReportSection("Operating states", text, rows=rows)


def _score_at(artifacts: ModelArtifacts, p_value: float) -> float:
    """Score that normal sound exceeds with this probability, by bisection."""
    tail = artifacts.student.tail
    low, high = tail.start, tail.start + 100.0 * tail.scale
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if artifacts.student.p_value(middle) > p_value else (low, middle)
    return high
