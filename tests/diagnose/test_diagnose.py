"""Several diagnosers, one diagnosis: in order, without those that find nothing, and in spite of those that fail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.detect.operating.states import OperatingState
from anomaly.diagnose.context import DiagnosisContext
from anomaly.diagnose.diagnose import DIAGNOSERS, diagnose
from anomaly.diagnose.diagnoser import Diagnosis

CONTEXT = DiagnosisContext(
    "pump",
    np.linspace(0, 3, 16),
    scores=np.array([0.1, 4.0]),
    samples=np.zeros(16_000, np.float32),
    levels=np.zeros((31, 32), np.int32),
    operating=OperatingState.RUNNING,
    speed_hz=24.5,
    facts={"bearing": {"balls": 8}},
)


@dataclass
class Speed:
    name = "speed"

    def diagnose(self, context: DiagnosisContext) -> Diagnosis | None:
        if context.speed_hz is None:
            return None
        text = f"shaft at {context.speed_hz} Hz, {context.facts['bearing']['balls']} balls"
        return Diagnosis(text, {"speed_hz": context.speed_hz, "groups": "not used"})


class Broken:
    name = "broken"

    def diagnose(self, context: DiagnosisContext) -> Diagnosis | None:
        raise ZeroDivisionError("no shaft")


def test_the_first_finding_alone_is_the_diagnosis() -> None:
    assert diagnose(CONTEXT) == DIAGNOSERS[0].diagnose(CONTEXT)


def test_findings_follow_each_other_and_the_first_owns_a_key() -> None:
    found = diagnose(CONTEXT, (*DIAGNOSERS, Speed()))
    assert found.summary.endswith("sigma); shaft at 24.5 Hz, 8 balls")
    assert found.evidence["speed_hz"] == 24.5
    assert len(found.evidence["groups"]) == 16


def test_a_diagnoser_without_what_it_needs_says_nothing() -> None:
    bare = DiagnosisContext("pump", CONTEXT.groups)
    assert diagnose(bare, (*DIAGNOSERS, Speed())) == diagnose(bare)


def test_a_diagnoser_that_fails_does_not_stop_the_others() -> None:
    found = diagnose(CONTEXT, (Broken(), *DIAGNOSERS))
    assert found.summary == diagnose(CONTEXT).summary
    assert found.evidence["diagnosis_errors"] == {"broken": "ZeroDivisionError('no shaft')"}


def test_no_diagnoser_no_text() -> None:
    assert diagnose(CONTEXT, ()) == Diagnosis("", {})
