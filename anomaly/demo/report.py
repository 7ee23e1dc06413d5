"""Report of the demo: verdict, course of the fault, alert, test on unseen clips, the chip last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.audio.files.recordings import read_16k
from anomaly.demo.result import DemoResult
from anomaly.demo.scenes import MACHINE
from anomaly.demo.summary import alarm_sentence, clips_sentence
from anomaly.detector_names import BUILT_IN_DETECTORS
from anomaly.evaluate.metrics import detection_metrics
from anomaly.evaluate.reporting import plots, time_plots
from anomaly.evaluate.reporting.html_report import ReportSection, write_report
from anomaly.features.mel import HOP_S, mel_power, pool, pooled_edges_hz
from anomaly.readable import duration, local_time
from anomaly.training.reporting.chip_sections import chip_sections

_BANDS = 64


def write(result: DemoResult, recording: Path) -> Path:
    """Write ``index.html`` and its pictures into the demo's folder; returns the page."""
    alarms, delay_s = result.trial.confusion("student"), result.delay_s()
    summary = (
        f"{alarm_sentence(result)} {clips_sentence(result)} The pump, its faults and the hall are simulated: this "
        "shows that the chain works, not how well it does on your machine."
    )
    figures: dict[str, object] = {
        "from first damage to alarm": "no alarm" if delay_s is None else duration(delay_s),
        "faults that raised an alarm": f"{alarms.true_alarms} of {alarms.true_alarms + alarms.missed}",
        "false alarms": f"{alarms.false_alarms} of {alarms.false_alarms + alarms.true_silence} normal clips",
    }
    sections = [*_story(result, recording), *_detection(result), *chip_sections(result.trained.artifacts)]
    return write_report(result.out, "anomaly demo: a pump fails", sections, summary=summary, figures=figures)


def _story(result: DemoResult, recording: Path) -> list[ReportSection]:
    events: list[tuple[object, ...]] = [("second", "local time", "event", "message")]
    first_s = result.monitored.seconds[0].time_s
    events += [
        (round(e.time_s - first_s) + 1, local_time(e.time_s), str(e.event), e.message)
        for e in result.monitored.events
    ]
    return [
        ReportSection(
            "Score and decision of the student",
            "Score of each second in standard deviations of normal sound, and the sum that decides: unusual seconds "
            "add up (CUSUM), usual ones take it down again, so that no single second raises an alarm. ALARM begins at "
            "the limit for one false alarm a day.",
            _curve(result),
        ),
        ReportSection(
            "The alert as it was delivered",
            "Posted as a signed CloudEvent to the receiver of the demo.",
            rows=[("key", "value"), *_flat(dict(result.alert))],
        ),
        ReportSection("Events of the monitor", rows=events),
        ReportSection("Sound at the microphone", "Log-mel levels of the recording.", _spectrogram(recording)),
    ]


def _curve(result: DemoResult) -> bytes:
    seconds, alarm_s = result.monitored.seconds, result.monitored.alarm_s()
    marks = [(result.begins_s, "bearing begins to fail")]
    if alarm_s is not None:
        marks.append((alarm_s, "alarm, alert sent"))
    return time_plots.score_curve(
        [r.second + 1.0 for r in seconds],
        [np.nan if r.score is None else r.score for r in seconds],
        sums=[r.cusum for r in seconds],
        limit=result.limit.value,
        states=[r.state or "" for r in seconds],
        marks=marks,
        title=f"{MACHINE}: score of the student, and the sum that decides",
    )


def _spectrogram(recording: Path) -> bytes:
    levels = pool(mel_power(read_16k(recording)), _BANDS) / 100.0
    return time_plots.spectrogram(
        levels, hop_s=HOP_S, edges_hz=pooled_edges_hz(_BANDS), title=f"{MACHINE}: sound"
    )


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
    normal = len(trial.labels) - sum(trial.labels)
    return [
        ReportSection(
            "Alarms on unseen clips",
            f"{normal} normal clips and {sum(trial.labels)} with a fault, 10 s each and scored alone, at the limit for "
            "one false alarm a day.",
            plots.confusion(
                at_limit.true_alarms, at_limit.missed, at_limit.false_alarms, at_limit.true_silence
            ),
        ),
        ReportSection(
            "Fault and severity",
            "AUC of the student. At severity 0.1 a fault lies 10 dB below the machine in its own third octaves.",
            plots.heat_map(
                table, [f.replace("_", " ") for f in faults], [f"severity {s:g}" for s in severities]
            ),
        ),
        ReportSection("Faults found against false alarms", picture=plots.roc(curves)),
    ]
