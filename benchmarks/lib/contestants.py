"""Detectors of the detection bench: the product's teacher and student, and the published baselines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from anomaly.evaluate.bench.rounds import BenchDetector, Score
from baselines import Baseline, Samples
from baselines.dcase_ae import DcaseAe
from baselines.frame_mahalanobis import VARIANTS, FrameMahalanobis
from baselines.log_mel import power
from baselines.mahalanobis import Mahalanobis
from baselines.mean_knn import MeanKnn
from baselines.twfr_gmm import TwfrGmm
from lib.code_hashes import STUDENT, TEACHER, baseline_code, product_code
from lib.kind_weights import WEIGHTS, with_weights

# As published for the autoencoder of DCASE 2020 Task 2.
EPOCHS = 100
PROFILE = "standard"


def contestants(names: Collection[str]) -> list[BenchDetector]:
    """Trainings that produce the detectors of these names."""
    known = {
        "teacher": BenchDetector("teacher", teacher, f"{PROFILE} {WEIGHTS} {product_code(TEACHER)}"),
        "student": BenchDetector("student", student, f"{PROFILE} {WEIGHTS} {product_code(STUDENT)}"),
        "dcase_ae": baseline("dcase_ae", lambda seed: DcaseAe(EPOCHS, seed)),
        "mean_knn": baseline("mean_knn", lambda seed: MeanKnn()),
        "mahalanobis": baseline("mahalanobis", lambda seed: Mahalanobis()),
        "twfr_gmm": baseline("twfr_gmm", TwfrGmm),
        "frame_mahalanobis": BenchDetector(
            "frame_mahalanobis", frame_mahalanobis, baseline_code("frame_mahalanobis")
        ),
    }
    return [detector for name, detector in known.items() if name in names]


def baseline(name: str, make: Callable[[int], Baseline]) -> BenchDetector:
    """Bench detector of a baseline that `make` builds for a seed."""

    def fit(clips: Sequence[Samples], seed: int) -> Mapping[str, Score]:
        detector = make(seed)
        detector.fit(clips)
        return {name: clip_by_clip(detector.score)}

    return BenchDetector(name, fit, baseline_code(name))


def clip_by_clip(score: Callable[[Samples], float]) -> Score:
    """Turn the score of one clip into a score of many."""
    return lambda clips: [score(clip) for clip in clips]


def teacher(clips: Sequence[Samples], seed: int) -> Mapping[str, Score]:
    """Train the product's teacher as training from recordings does."""
    from anomaly.training.in_memory import train_teacher_on_clips

    return with_weights("teacher", train_teacher_on_clips(clips, profile=PROFILE, seed=seed))


def student(clips: Sequence[Samples], seed: int) -> Mapping[str, Score]:
    """Train the product's student, which is distilled from a teacher of its own."""
    from anomaly.training import train_on_clips

    return with_weights("student", train_on_clips(clips, profile=PROFILE, seed=seed).scorer("student"))


def frame_mahalanobis(clips: Sequence[Samples], _seed: int) -> Mapping[str, Score]:
    """Fit all variants of frame Mahalanobis, which share their spectrograms and need no random numbers."""
    variants = {variant_name(*variant): FrameMahalanobis(*variant) for variant in VARIANTS}
    spectrograms = [power(clip) for clip in clips]
    for detector in variants.values():
        detector.fit_spectrograms(spectrograms)
    return {name: clip_by_clip(detector.score) for name, detector in variants.items()}


def variant_name(frames: int, bands: int) -> str:
    """Name of a variant of frame Mahalanobis."""
    return f"frames_{frames}_bands_{bands}"


def variant_names() -> set[str]:
    """Names of all variants of frame Mahalanobis."""
    return {variant_name(*variant) for variant in VARIANTS}
