"""Summary of the demo for the screen: alarm, test on unseen clips, model, alert; all figures with details."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from anomaly.demo.result import DemoResult
from anomaly.demo.scenes import FAULT, FAULT_S
from anomaly.evaluate.metrics.joined_alarms import in_total
from anomaly.readable import duration, local_time, rarity
from anomaly.training.reporting.summary import summary_text as training_text
from anomaly.training.reporting.verdict import training_verdict


def summary_text(result: DemoResult, *, details: bool = False) -> str:
    """Alarm and unseen clips first, then the model, the alert and the report; with details all figures."""
    machine = result.trained.bundle.manifest.machine
    blocks = [
        f"{alarm_sentence(result)}\n{clips_sentence(result)}",
        f"The model: {training_verdict(machine, result.trained.artifacts).sentence()}",
        "\n".join(["The alert as it was delivered:", *(f"  {line}" for line in alert_lines(result.alert))]),
    ]
    if details:
        blocks.append(f"Training of the model:\n\n{training_text(result.trained, details=True)}")
        blocks.append(_figures(result))
    more = "" if details else " All figures and the whole alert: --details."
    blocks.append(f"Report with pictures: {result.out / 'index.html'}.{more}")
    return "\n\n".join(blocks)


def alarm_sentence(result: DemoResult) -> str:
    """Fault, alarm and delay in one sentence."""
    fault, begins = FAULT.replace("_", " "), f"{result.begins_s:.0f} s"
    alarm_s, delay_s = result.monitored.alarm_s(), result.delay_s()
    if alarm_s is None or delay_s is None:
        return f"The bearing ({fault}) began to fail at {begins}; no alarm was raised."
    if delay_s < 0:
        return f"False alarm at {alarm_s:.0f} s, before the bearing ({fault}) began to fail at {begins}."
    return (
        f"Alarm {duration(delay_s)} after the bearing ({fault}) began to fail: it began at {begins}, the alarm was "
        f"raised at {alarm_s:.0f} s and its alert delivered."
    )


def clips_sentence(result: DemoResult) -> str:
    """Faults on unseen sound that reach an alarm, and normal clips that do, in one sentence."""
    counts, joined = result.trial.confusion("student"), in_total(result.trial.alarmed("student"))
    return (
        f"On unseen sound, {joined.alarmed} of {joined.stretches} faults of all severities raised an alarm within "
        f"{FAULT_S:.0f} s, and {counts.false_alarms} of {counts.false_alarms + counts.true_silence} normal clips did."
    )


def alert_lines(alert: Mapping[str, Any]) -> list[str]:
    """Message, state with local time, and rarity of an alert."""
    time_s = datetime.fromisoformat(alert["time"]).timestamp()
    lines = [alert["case"]["summary"], f"{alert['state']} since {local_time(time_s)}"]
    if alert.get("p_value") is not None:
        lines.append(f"such a second occurs {rarity(alert['p_value'])}")
    return lines


def _figures(result: DemoResult) -> str:
    took = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in result.took_s.items())
    return "\n".join(
        [
            f"unseen clips  AUC student {result.trial.auc('student'):.3f}, teacher {result.trial.auc('teacher'):.3f}",
            f"took          {took}",
            f"alert         {json.dumps(dict(result.alert), indent=2)}",
        ]
    )
