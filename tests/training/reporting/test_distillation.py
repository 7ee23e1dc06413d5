from __future__ import annotations

from typing import Any, get_args

import pytest

from anomaly.student.distillation.distil import KeptBecause
from anomaly.training.reporting.distillation import distillation_figures, distillation_notice


def metrics(**found: Any) -> dict[str, Any]:
    kept = found.get("kept_because") is not None and "phases" not in found
    measured = {
        "ran": True,
        "kept_start": kept,
        "start_criterion": 0.85,
        "trained_criterion": 0.8,
        "phases": 0,
    }
    return measured | found


@pytest.mark.parametrize("reason", get_args(KeptBecause))
def test_every_reason_has_one_plain_line(reason: str) -> None:
    notice = distillation_notice(metrics(trained=False, kept_because=reason, lead=0.1), 60.0)
    assert notice is not None
    assert notice.startswith("Not distilled from the teacher: ")
    assert "\n" not in notice
    assert "AUC" not in notice


def test_the_notice_of_too_little_sound_states_the_amount_needed() -> None:
    notice = distillation_notice(metrics(trained=False, kept_because="too little sound", lead=0.1), 60.0)
    assert "that needs 2.5 min of sound and there was 60 s" in str(notice)


def test_a_profile_without_distillation_has_a_notice() -> None:
    assert "this profile leaves it out" in str(distillation_notice({"ran": False}, 60.0))


def test_a_distilled_student_needs_no_notice() -> None:
    assert distillation_notice(metrics(trained=True, kept_because=None, lead=0.2), 600.0) is None
    phased = metrics(trained=False, kept_because="too little to learn", lead=0.2, phases=40, lead_left=0.02)
    assert distillation_notice(phased, 600.0) is None


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            {"trained": False, "kept_because": "too little to learn", "lead": -0.03},
            "no, too little to learn (on the machine's own sound at the wrong time the teacher's AUC is -0.030 from",
        ),
        (
            {"trained": True, "kept_because": "training did harm", "lead": 0.12},
            "no, training did harm (on the machine's own sound at the wrong time the teacher's AUC is +0.120 from the "
            "start's; on other pseudo-anomalies from 0.850 to 0.800)",
        ),
        ({"trained": True, "kept_because": None, "lead": 0.12}, "yes (on the machine's own sound"),
        (
            {
                "trained": False,
                "kept_because": "too little to learn",
                "lead": 0.2,
                "phases": 40,
                "lead_left": 0.02,
            },
            "yes, thresholds follow 40 parts of the cycle, by the teacher's phases, and nothing more: too little to "
            "learn (on the machine's own sound at the wrong time the teacher's AUC is +0.200 from the start's; on "
            "other pseudo-anomalies from 0.850 to 0.800; with phases +0.020)",
        ),
        (
            {"trained": True, "kept_because": None, "lead": 0.12, "phases": 40, "lead_left": 0.1},
            "yes, thresholds follow 40 parts of the cycle, by the teacher's phases (on",
        ),
    ],
)
def test_figures(found: dict[str, Any], text: str) -> None:
    figures = distillation_figures(metrics(**found))
    assert text in figures
    assert ("the closed form was kept" in figures) == metrics(**found)["kept_start"]
