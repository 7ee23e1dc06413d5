"""Teacher-student gap: AUC of the teacher less that of a student on pseudo-anomalies, without labels.

Pseudo-anomalies are made of the machine's own sound at the wrong time: a stroke that is too loud, comes twice or in
the place of another. A student in closed form models frames and the frames just before them; a teacher that models more
of the machine's cycle is ahead of it on these. Where the gap is small, distillation cannot improve the student.

Both are evaluated on sound that they were fitted on, and a teacher overfits more: on simulated machines the gap is 0.04
to 0.06 too high with two minutes of sound, 0.03 with five, and is meaningless with one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from sklearn.metrics import roc_auc_score

from anomaly.detect.detectors.detector import Detector
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.pooling import fit_pooling, soft_maximum
from anomaly.detect.scoring import recording_errors
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import SAMPLE_RATE_HZ, Samples
from anomaly.student.distillation.pseudo_anomalies import MISTIMED_KINDS, pseudo_anomaly

_PIECE_S = 5


def teacher_student_gap(
    teacher: Detector,
    student: Detector,
    sounds: Sequence[Samples],
    front_end: FrontEnd,
    count: int,
    *,
    seed: int,
) -> float:
    """Compute the AUC of the teacher less that of the student, normal sound against pseudo-anomalies made of it.

    Args:
        teacher, student: the detectors; each is standardised on the normal pieces.
        sounds: normal sound, float32, 16 kHz.
        front_end: of both.
        count: pieces of five seconds, at most.
        seed: of the pseudo-anomalies.

    Returns:
        The difference, positive where the teacher is better; 0 where no sound is a second long.
    """
    pieces = _pieces(sounds, count)
    if not pieces:
        return 0.0
    rng = np.random.default_rng([seed, 4])
    made = [pseudo_anomaly(piece, kind, rng) for piece in pieces for kind in MISTIMED_KINDS]
    return _auc(teacher, "log", pieces, made, front_end) - _auc(student, "count", pieces, made, front_end)


def _pieces(sounds: Sequence[Samples], count: int) -> list[Samples]:
    """Cut pieces of five seconds, or of at least one where no sound is longer, spread evenly over all sound."""
    length = _PIECE_S * SAMPLE_RATE_HZ
    pieces = [sound[i : i + length] for sound in sounds for i in range(0, len(sound), length)]
    whole = [piece for piece in pieces if len(piece) == length]
    pieces = whole or [piece for piece in pieces if len(piece) >= SAMPLE_RATE_HZ]
    chosen = np.unique(np.linspace(0, len(pieces) - 1, min(count, len(pieces))).astype(int))
    return [pieces[int(i)] for i in chosen] if pieces else []


def _auc(
    detector: Detector,
    scale: Literal["log", "count"],
    normal: Sequence[Samples],
    made: Sequence[Samples],
    front_end: FrontEnd,
) -> float:
    errors = [recording_errors(sound, front_end, detector) for sound in (*normal, *made)]
    shares = detector.shares if isinstance(detector, TeacherDetector) else None
    calm = [second for seconds in errors[: len(normal)] for second in seconds]
    pooling = fit_pooling(calm, scale, shares=shares)
    scores = [soft_maximum(np.array([pooling.second(s).score for s in seconds])) for seconds in errors]
    return float(roc_auc_score([False] * len(normal) + [True] * len(made), scores))
