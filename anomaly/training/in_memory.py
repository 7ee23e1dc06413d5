"""Training in memory, for benchmarks and notebooks."""

from __future__ import annotations

from collections.abc import Sequence

from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.model import Model
from anomaly.detect.scoring import Scorer
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Samples
from anomaly.training.compile import read_chip
from anomaly.training.model_artifacts import build_artifacts
from anomaly.training.profiles import profile_named
from anomaly.training.student_training import StudentConstraints
from anomaly.training.teacher_training import train_teacher
from anomaly.training.training_data import TrainingBlock, cut_blocks, split_held_out


def train_teacher_on_clips(
    clips: Sequence[Samples], *, profile: str = "standard", seed: int = 0, level_normalise: bool = False
) -> Scorer:
    """Train and calibrate only the teacher, as a training from recordings does.

    Args:
        clips, profile, seed, level_normalise: as for `train_on_clips`.

    Raises:
        InputError: there are less than 30 s of sound.
    """
    front_end = FrontEnd(level_normalise=level_normalise)
    teacher = train_teacher(split_held_out(_blocks(clips)), front_end, profile_named(profile), seed=seed)
    return Scorer(front_end, TeacherDetector(teacher.onnx), teacher.calibration)


def train_on_clips(
    clips: Sequence[Samples],
    *,
    recordings: Sequence[str] | None = None,
    profile: str = "fast",
    seed: int = 0,
    level_normalise: bool = False,
    arch: str = "senna",
    weight_bits: int | None = None,
    constraints: StudentConstraints | None = None,
) -> Model:
    """Train on normal clips without touching a file.

    Args:
        clips: normal sound, each [n], float32, 16 kHz; every clip counts as a recording, unless recordings are named.
        recordings: recording of each clip, so that held-out clips share none with the others: clips of one recording,
            or with one background, have the same name.
        profile: ``fast``, ``standard`` or ``best``.
        seed: the same seed gives the same model on the same machine.
        level_normalise: subtract the loudness of the last seconds from every frame.
        arch: architecture name or YAML path.
        weight_bits: bits of a weight instead of the architecture's.
        constraints: budget, accelerator and link of the student; no limits by default.

    Returns:
        A model with `Model.score_clip` and both scorers.

    Raises:
        UsageError: the budget is too small for any student.
        InputError: there are less than 30 s of sound.
    """
    chip, front_end = read_chip(arch, weight_bits), FrontEnd(level_normalise=level_normalise)
    artifacts = build_artifacts(
        split_held_out(_blocks(clips, recordings)),
        front_end,
        profile_named(profile),
        chip,
        seed=seed,
        constraints=constraints,
    )
    student = StudentDetector(artifacts.code, artifacts.compiled.network, chip.arch.v_sat)
    return Model(
        "clips",
        front_end,
        {
            "student": Scorer(front_end, student, artifacts.student, artifacts.operating, artifacts.level),
            "teacher": Scorer(
                front_end,
                TeacherDetector(artifacts.onnx),
                artifacts.teacher,
                artifacts.operating,
                artifacts.level,
            ),
        },
        artifacts.sensor,
    )


def _blocks(clips: Sequence[Samples], recordings: Sequence[str] | None = None) -> list[TrainingBlock]:
    names = [f"clip {index:05d}" for index in range(len(clips))] if recordings is None else recordings
    return [block for clip, name in zip(clips, names, strict=True) for block in cut_blocks(clip, name)]
