"""Training in memory, for benchmarks and notebooks."""

from __future__ import annotations

from collections.abc import Sequence

from anomaly.detect.model import Model
from anomaly.detect.scoring import Scorer
from anomaly.detect.student import StudentDetector
from anomaly.detect.teacher import TeacherDetector
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Samples
from anomaly.training.compile import read_chip
from anomaly.training.material import cut, split
from anomaly.training.parts import build
from anomaly.training.profiles import profile as profile_named


def train_on_clips(
    clips: Sequence[Samples],
    *,
    profile: str = "fast",
    seed: int = 0,
    level_normalise: bool = False,
    arch: str = "senna",
) -> Model:
    """Train on normal clips without touching a file.

    Args:
        clips: normal sound, each [n], float32, 16 kHz; every clip counts as a recording.
        profile: ``fast``, ``standard`` or ``best``.
        seed: the same seed gives the same model on the same machine.
        level_normalise: take the loudness of the last seconds off every frame.
        arch: architecture name or YAML path.

    Returns:
        A model with `Model.score_clip` and both scorers.

    Raises:
        InputError: there are less than 30 s of sound.
    """
    chip, front_end = read_chip(arch), FrontEnd(level_normalise=level_normalise)
    blocks = [block for index, clip in enumerate(clips) for block in cut(clip, f"clip {index:05d}")]
    parts = build(split(blocks), front_end, profile_named(profile), chip, seed=seed)
    student = StudentDetector(parts.code, parts.compiled.network, chip.arch.v_sat)
    return Model(
        "clips",
        front_end,
        Scorer(front_end, student, parts.student),
        Scorer(front_end, TeacherDetector(parts.onnx), parts.teacher),
        chip.arch,
    )
