"""Diagnosis of an alarm by all diagnosers, in order: what the monitor calls when it opens or updates a case."""

from __future__ import annotations

from collections.abc import Sequence

from anomaly.diagnose.context import DiagnosisContext
from anomaly.diagnose.diagnoser import Diagnoser, Diagnosis, combine
from anomaly.diagnose.sub_bands import SubBandDiagnoser

DIAGNOSERS: tuple[Diagnoser, ...] = (SubBandDiagnoser(),)
"""All diagnosers. The first one finds something in any context, so that every case has a text."""


def diagnose(context: DiagnosisContext, diagnosers: Sequence[Diagnoser] = DIAGNOSERS) -> Diagnosis:
    """Diagnose an alarm.

    Safe to call on any thread: diagnosers keep no state.

    Args:
        context: the evidence.
        diagnosers: the methods, in the order of their findings.
    """
    return combine(context, diagnosers)
