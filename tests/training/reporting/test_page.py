from __future__ import annotations

import re
from dataclasses import replace

import pytest

from anomaly.training import TrainingResult
from anomaly.training.reporting.calibration_sections import _score_at
from anomaly.training.reporting.page import PAGE, training_page


def test_the_page_travels_in_the_bundle(trained: TrainingResult) -> None:
    page = trained.bundle.read(PAGE).decode()
    assert page.lower().startswith("<!doctype html>")
    for heading in ("Chip use", "Energy is a range", "Distillation", "What the calibration can support"):
        assert heading in page
    assert str(trained.artifacts.compiled.network.n_neurons) in page


def test_verdict_first_and_the_chip_last(trained: TrainingResult) -> None:
    page = trained.bundle.read(PAGE).decode()
    summary = re.search(r'<p class="summary">(.*?)</p>', page)
    assert summary is not None
    assert summary[1].startswith("Not ready: pump learned from 35 s of sound")
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles[0] == "What the calibration can support"
    assert titles[-3:] == ["Chip use", "Placement and routing", "Energy is a range"]
    assert titles.index("Distillation") < titles.index("NeuroBench")
    assert "fewer than 2,200 an hour" in page


def test_the_page_needs_nothing_from_elsewhere(trained: TrainingResult) -> None:
    page = trained.bundle.read(PAGE).decode()
    links = re.findall(r"(?:src|href)=[\"']([^\"']*)", page)
    assert all(link.startswith("data:") or link.startswith("#") for link in links)


def test_the_page_shows_the_uniformity_of_probabilities(trained: TrainingResult) -> None:
    uniformity = {"seconds": 600, "distance": 0.03, "share_10": 0.11, "share_1": 0.012}
    artifacts = replace(trained.artifacts, metrics=trained.artifacts.metrics | {"uniformity": uniformity})
    page = training_page("pump", artifacts).decode()
    assert "Are the probabilities right?" in page
    assert "0.012" in page
    alone = replace(trained.artifacts, metrics=trained.artifacts.metrics | {"uniformity": None})
    assert "no other to compare it with" in training_page("pump", alone).decode()
    assert "Operating states" in page


def test_a_name_cannot_become_markup(trained: TrainingResult) -> None:
    page = training_page("<script>alert(1)</script>", trained.artifacts).decode()
    assert "<script>alert" not in page


def test_imperfect_chips_have_a_section(trained: TrainingResult) -> None:
    robustness = trained.artifacts.metrics["robustness"]
    assert all(0 <= robustness[name]["auc"] <= 1 for name in ("lost_events", "leak"))
    page = trained.bundle.read(PAGE).decode()
    assert "loses 1% of its input events" in page
    assert "mean of" not in page
    mismatch = {"sigma": 0.05, "chips": 7, "auc": 0.9, "least": 0.8}
    artifacts = replace(
        trained.artifacts,
        metrics=trained.artifacts.metrics | {"robustness": robustness | {"mismatch": mismatch}},
    )
    assert "weights deviate by 5%, mean of 7 chips" in training_page("pump", artifacts).decode()


def test_without_distillation(trained: TrainingResult) -> None:
    artifacts = replace(
        trained.artifacts, metrics=trained.artifacts.metrics | {"distillation": {"ran": False}}
    )
    assert "this profile leaves it out" in training_page("pump", artifacts).decode()


@pytest.mark.parametrize("p_value", [0.05, 0.01, 1e-4])
def test_the_marked_score_has_the_marked_probability(trained: TrainingResult, p_value: float) -> None:
    assert trained.artifacts.student.p_value(_score_at(trained.artifacts, p_value)) == pytest.approx(
        p_value, rel=1e-3
    )
