"""The demo's report: what was heard, what was said, and what it costs on the chip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.audio.files.recordings import read_16k
from anomaly.demo.result import DemoResult
from anomaly.demo.scenes import FAULT
from anomaly.detector_names import BUILT_IN_DETECTORS
from anomaly.evaluate.metrics import detection_metrics
from anomaly.evaluate.reporting import plots, time_plots
from anomaly.evaluate.reporting.html_report import ReportSection, write_report
from anomaly.features.mel import HOP_S, mel_power, pool, pooled_edges_hz
from anomaly.training.reporting.chip_sections import chip_sections

_BANDS = 64


def write(result: DemoResult, recording: Path) -> Path:
    """Write ``index.html`` and its pictures into the demo's folder; returns the page."""
    alarm_s = result.watched.alarm_s()
    delay = None if alarm_s is None else alarm_s - result.begins_s
    summary = (
        f"Ten minutes of a healthy simulated pump were learned, distilled into a spiking network and compiled for "
        f"SENNA. Then its bearing ({FAULT.replace('_', ' ')}) failed slowly, from {result.begins_s:.0f} s on. "
        "All sound here is simulated: the figures say that the chain works, not how well it hears your machine."
    )
    figures = {
        "seconds from first damage to alarm": "none" if delay is None else f"{delay:.0f}",
        "AUC student": result.trial.auc("student"),
        "AUC teacher": result.trial.auc("teacher"),
        "neurons": result.trained.artifacts.compiled.network.n_neurons,
    }
    sections = [*_story(result, recording), *_detection(result), *chip_sections(result.trained.artifacts)]
    return write_report(result.out, "anomaly demo: a pump fails", sections, summary=summary, figures=figures)


def _story(result: DemoResult, recording: Path) -> list[ReportSection]:
    levels = pool(mel_power(read_16k(recording)), _BANDS) / 100.0
    watched, alarm_s = result.watched, result.watched.alarm_s()
    marks = [(result.begins_s, "bearing begins to fail")]
    if alarm_s is not None:
        marks.append((alarm_s, "alarm, alert sent"))
    curve = time_plots.score_curve(
        [r.second + 1.0 for r in watched.seconds],
        [np.nan if r.score is None else r.score for r in watched.seconds],
        states=[r.state for r in watched.seconds],
        marks=marks,
    )
    events = [("second", "event", "what")] + [
        (round(e.time_s - watched.seconds[0].time_s) + 1, str(e.event), e.message) for e in watched.events
    ]
    alert = [("key", "value"), *_flat(dict(result.alert))]
    return [
        ReportSection(
            "What the microphone heard",
            "Log-mel levels of the stream, in decibels.",
            time_plots.spectrogram(levels, hop_s=HOP_S, edges_hz=pooled_edges_hz(_BANDS)),
        ),
        ReportSection(
            "What the student said",
            "Score per second, in standard deviations of normal sound. No single second raises an alarm: surprises "
            "add up (CUSUM) until their sum passes the limit for one false alarm a day.",
            curve,
        ),
        ReportSection("What happened", rows=events),
        ReportSection(
            "The alert as it was delivered",
            "Posted as a signed CloudEvent to the demo's receiver.",
            rows=alert,
        ),
    ]


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for key, value in values.items():
        if isinstance(value, dict) and key != "evidence":
            rows += _flat(value, f"{prefix}{key}.")
        elif value is not None and key not in ("groups", "evidence"):
            rows.append((prefix + key, str(value)))
    return rows


def _detection(result: DemoResult) -> list[ReportSection]:
    trial = result.trial
    curves: dict[str, tuple[npt.ArrayLike, npt.ArrayLike]] = {}
    for name in BUILT_IN_DETECTORS:
        roc = detection_metrics.roc_curve(trial.labels, trial.scores(name))
        curves[name] = (roc.false_positive_rate, roc.true_positive_rate)
    at_limit = trial.confusion("student")
    faults, severities, table = trial.by_fault("student")
    return [
        ReportSection("Unseen clips: student and teacher", _clips_in_words(result), plots.roc(curves)),
        ReportSection(
            "Confusion at the chosen threshold",
            "Clips of ten seconds, each alone: does the limit for one false alarm a day raise an alarm?",
            plots.confusion(
                at_limit.true_alarms, at_limit.missed, at_limit.false_alarms, at_limit.true_silence
            ),
        ),
        ReportSection(
            "Which fault, how far",
            "AUC of the student per fault and severity. At severity 0.1 a fault lies 10 dB below the machine in its "
            "own third octaves.",
            plots.heat_map(
                table, [f.replace("_", " ") for f in faults], [f"severity {s:g}" for s in severities]
            ),
        ),
    ]


def _clips_in_words(result: DemoResult) -> str:
    labels = result.trial.labels
    return f"{len(labels) - sum(labels)} normal clips and {sum(labels)} with a fault, none of them heard in training."
