"""Official figures against the evaluators' own arithmetic, done with scikit-learn and SciPy, ties included."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import hmean
from sklearn.metrics import f1_score, roc_auc_score

from anomaly.errors import InputError
from anomaly.evaluate.layouts.layouts import Clip
from anomaly.evaluate.metrics.dcase_files import ScoredFile, write_challenge_files
from anomaly.evaluate.metrics.dcase_metrics import Edition, dcase_figures, edition_of, harmonic_mean

LAYOUTS: dict[Edition, str] = {
    "2020": "test/{label}_id_{section}_{number:08}.wav",
    "2021": "{domain}_test/section_{section}_{domain}_test_{label}_{number:04}.wav",
    "2022 and later": "test/section_{section}_{domain}_test_{label}_{number:04}_spd_1.wav",
}


def clips_of(edition: Edition, seed: int = 0) -> list[Clip]:
    generator = np.random.default_rng(seed)
    found = []
    for section in ("00", "02"):
        for number in range(60):
            label = ("normal", "anomaly")[int(generator.random() < 0.5)]
            domain = ("source", "target")[int(generator.random() < 0.3)]
            path = Path(LAYOUTS[edition].format(label=label, section=section, domain=domain, number=number))
            named = None if edition == "2020" else domain
            found.append(Clip(path, label, None, str(number), section, named))
    return found


def judged(clips: list[Clip], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels, domains, sections, scores with many ties, and decisions."""
    generator = np.random.default_rng(seed + 100)
    labels = np.array([clip.label == "anomaly" for clip in clips])
    domains = np.array([clip.domain or "" for clip in clips])
    sections = np.array([clip.section or "" for clip in clips])
    scores = np.round(generator.standard_normal(len(clips)) + labels, 1)
    return labels, domains, sections, scores, scores > 0.5


@pytest.mark.parametrize("edition", LAYOUTS)
def test_editions_are_recognised_by_their_names(edition: Edition) -> None:
    assert edition_of([clip.path for clip in clips_of(edition)]) == edition


@pytest.mark.parametrize(
    ("paths", "edition"),
    [
        (["test/id_01_00000000.wav"], "2020"),
        (
            ["source_test/section_03_source_test_0000.wav", "target_test/section_03_target_test_0001.wav"],
            "2021",
        ),
        (["test/section_00_0000.wav"], "2022 and later"),
        (["id_00/normal/00000000.wav"], None),
        (["normal/monday.wav"], None),
        (["test/normal_id_00_00000000.wav", "test/section_00_0000.wav"], None),
        ([], None),
    ],
)
def test_hidden_labels_and_other_folders(paths: list[str], edition: Edition | None) -> None:
    assert edition_of([Path(path) for path in paths]) == edition


@pytest.mark.parametrize("seed", range(5))
def test_2020_is_the_arithmetic_mean_of_machines(seed: int) -> None:
    clips = clips_of("2020", seed)
    labels, _, sections, scores, decisions = judged(clips, seed)
    performance = [
        (roc_auc_score(labels[one], scores[one]), roc_auc_score(labels[one], scores[one], max_fpr=0.1))
        for one in (sections == "00", sections == "02")
    ]
    found = dcase_figures(clips, scores, decisions, "2020")
    assert [(one.auc, one.pauc) for one in found.sections] == [pytest.approx(one) for one in performance]
    assert found.score == pytest.approx(np.mean(performance))
    assert found.sections[0].f1_source is None


@pytest.mark.parametrize("seed", range(5))
def test_2021_is_the_harmonic_mean_of_sections_and_domains(seed: int) -> None:
    clips = clips_of("2021", seed)
    labels, domains, sections, scores, decisions = judged(clips, seed)
    performance = []
    for section in ("00", "02"):
        for domain in ("source", "target"):
            one = (sections == section) & (domains == domain)
            performance.append(roc_auc_score(labels[one], scores[one]))
            performance.append(roc_auc_score(labels[one], scores[one], max_fpr=0.1))
    assert dcase_figures(clips, scores, decisions, "2021").score == pytest.approx(hmean(performance))


@pytest.mark.parametrize("seed", range(5))
def test_later_editions_rank_a_domain_s_normals_against_all_anomalies(seed: int) -> None:
    clips = clips_of("2022 and later", seed)
    labels, domains, sections, scores, decisions = judged(clips, seed)
    found = dcase_figures(clips, scores, decisions, "2022 and later")
    performance = []
    for section, one in zip(("00", "02"), found.sections, strict=True):
        here = sections == section
        for domain, area, f1 in (
            ("source", one.auc_source, one.f1_source),
            ("target", one.auc_target, one.f1_target),
        ):
            chosen = here & ((domains == domain) | labels)
            expected = roc_auc_score(labels[chosen], scores[chosen])
            assert area == pytest.approx(expected)
            assert f1 == pytest.approx(
                f1_score(labels[here & (domains == domain)], decisions[here & (domains == domain)])
            )
            performance.append(expected)
        performance.append(roc_auc_score(labels[here], scores[here], max_fpr=0.1))
        assert one.pauc == pytest.approx(performance[-1])
    assert found.score == pytest.approx(hmean(np.maximum(performance, np.finfo(float).eps)))


def test_a_section_without_anomalies_has_no_score() -> None:
    clips = [clip for clip in clips_of("2022 and later") if clip.label == "normal"]
    found = dcase_figures(clips, np.zeros(len(clips)), np.zeros(len(clips)), "2022 and later")
    assert found.score is None
    assert found.sections[0].auc_source is None
    assert found.as_json()["edition"] == "2022 and later"


def test_a_zero_counts_as_the_evaluators_count_it() -> None:
    assert harmonic_mean([0.0, 1.0]) == pytest.approx(hmean(np.maximum([0.0, 1.0], np.finfo(float).eps)))


def test_lengths_must_agree() -> None:
    with pytest.raises(InputError, match="120 clips but 3 scores"):
        dcase_figures(clips_of("2021"), np.zeros(3), np.zeros(120), "2021")


@pytest.mark.parametrize(
    ("edition", "names"),
    [
        ("2020", ["anomaly_score_fan_id_00.csv", "anomaly_score_fan_id_02.csv"]),
        (
            "2021",
            [
                f"{kind}_fan_section_{section}_{domain}_test.csv"
                for kind in ("anomaly_score", "decision_result")
                for section in ("00", "02")
                for domain in ("source", "target")
            ],
        ),
        (
            "2022 and later",
            [
                f"{kind}_fan_section_{section}_test.csv"
                for kind in ("anomaly_score", "decision_result")
                for section in ("00", "02")
            ],
        ),
    ],
)
def test_files_of_scores_and_decisions(tmp_path: Path, edition: Edition, names: list[str]) -> None:
    clips = clips_of(edition)
    _, _, _, scores, decisions = judged(clips, 0)
    scored = [
        ScoredFile(clip.path, clip.section or "", clip.domain, float(score), bool(alarm))
        for clip, score, alarm in zip(clips, scores, decisions, strict=True)
    ]
    written = write_challenge_files(tmp_path, "fan", scored[::-1], edition)
    assert sorted(path.name for path in written) == sorted(names)
    rows = [
        line.split(",") for path in written if "score" in path.name for line in path.read_text().splitlines()
    ]
    assert sorted(float(value) for _, value in rows) == sorted(scores.tolist())
    assert {name for name, _ in rows} == {clip.path.name for clip in clips}
    first = [line.split(",")[0] for line in written[0].read_text().splitlines()]
    assert first == sorted(first)
