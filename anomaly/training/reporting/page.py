"""Report of a training, which travels in the bundle: verdict, false alarms promised, reasons, the chip last."""

from __future__ import annotations

from anomaly.evaluate.reporting.html_report import ReportSection, page
from anomaly.readable import duration, rate
from anomaly.training.model_artifacts import ModelArtifacts
from anomaly.training.reporting.calibration_sections import calibration_sections
from anomaly.training.reporting.chip_sections import chip_sections, imperfect_chip_section
from anomaly.training.reporting.distillation import distillation_figures, distillation_notice
from anomaly.training.reporting.neurobench import complexity_section
from anomaly.training.reporting.verdict import TrainingVerdict, training_verdict

PAGE = "report/index.html"


def training_page(machine: str, artifacts: ModelArtifacts) -> bytes:
    """Return the self-contained HTML page about a training."""
    verdict = training_verdict(machine, artifacts)
    figures = {
        "model": "ready" if verdict.ready else "not ready",
        "sound learned from": duration(verdict.sound_s),
        "calibrated on": duration(verdict.calibration_s),
        "false alarms promised": f"fewer than {rate(verdict.promised_per_day)}",
    }
    sections = [
        *calibration_sections(artifacts),
        _distillation(artifacts, verdict),
        imperfect_chip_section(artifacts),
        complexity_section(artifacts.metrics["neurobench"]),
        *chip_sections(artifacts),
    ]
    title = f"{machine}: training"
    sentence = verdict.sentence()
    return page(title, sections, sentence[0].upper() + sentence[1:], figures).encode()


def _distillation(artifacts: ModelArtifacts, verdict: TrainingVerdict) -> ReportSection:
    metrics = artifacts.metrics["distillation"]
    notice = distillation_notice(metrics, verdict.sound_s) or "Distilled from the teacher."
    if not metrics["ran"]:
        figures = "" if metrics.get("agreement") is None else f"\n\nFigures: {distillation_figures(metrics)}."
        return ReportSection("Distillation", notice + figures)
    rows = [
        ("student", "AUC, normal sound against pseudo-anomalies"),
        ("closed form, the start", metrics["start_criterion"]),
    ]
    text = f"{notice}\n\nFigures: {distillation_figures(metrics)}."
    if metrics["trained"] or metrics["phases"]:
        rows.append(("distilled from the teacher", metrics["trained_criterion"]))
        text += " Both rows are measured on the same recordings."
    return ReportSection("Distillation", text, rows=rows)
