"""Named training profiles: fast, standard and best."""

from __future__ import annotations

from dataclasses import dataclass, field

from anomaly.errors import UsageError
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.distillation.plan import DistilPlan
from anomaly.teacher.fit import TeacherPlan


@dataclass(frozen=True)
class TrainingProfile:
    """Effort of a training: plans of teacher, student and distillation.

    Args:
        teacher: plan of the teacher's training.
        augmented: variations of each training block that the teacher also learns from.
        closed_form: plan of the student's closed form.
        distil: plan of the distillation; None to keep the closed form.
        chips: number of imperfect chips that the student is tried on.
    """

    teacher: TeacherPlan = field(default_factory=TeacherPlan)
    augmented: int = 0
    closed_form: ClosedFormPlan = field(default_factory=ClosedFormPlan)
    distil: DistilPlan | None = field(default_factory=DistilPlan)
    chips: int = 0


PROFILES = {
    "fast": TrainingProfile(
        teacher=TeacherPlan(epochs=3),
        distil=DistilPlan(windows=256, steps=40, validation_windows=20),
        chips=10,
    ),
    "standard": TrainingProfile(distil=DistilPlan(windows=1024, steps=60, validation_windows=60), chips=50),
    "best": TrainingProfile(
        teacher=TeacherPlan(epochs=10),
        augmented=2,
        distil=DistilPlan(windows=2048, steps=60, batch=64, validation_windows=96),
        chips=50,
    ),
}


def profile_named(name: str) -> TrainingProfile:
    """Return the profile of a name.

    Raises:
        UsageError: there is no such profile.
    """
    if name not in PROFILES:
        raise UsageError(
            f"there is no profile {name!r}", where="--profile", hint=f"one of {', '.join(PROFILES)}"
        )
    return PROFILES[name]
