from __future__ import annotations

import re
from dataclasses import replace

import pytest

from anomaly.training import TrainingResult
from anomaly.training.reporting.page import PAGE, _score_at, training_page


def test_the_page_travels_in_the_bundle(trained: TrainingResult) -> None:
    page = trained.bundle.read(PAGE).decode()
    assert page.lower().startswith("<!doctype html>")
    for heading in ("Chip use", "Energy is a range", "Distillation", "What the calibration can support"):
        assert heading in page
    assert str(trained.artifacts.compiled.network.n_neurons) in page


def test_the_page_needs_nothing_from_elsewhere(trained: TrainingResult) -> None:
    page = trained.bundle.read(PAGE).decode()
    links = re.findall(r"(?:src|href)=[\"']([^\"']*)", page)
    assert all(link.startswith("data:") or link.startswith("#") for link in links)


def test_the_page_says_whether_probabilities_are_uniform(trained: TrainingResult) -> None:
    unseen = {"seconds": 600, "distance": 0.03, "share_10": 0.11, "share_1": 0.012}
    artifacts = replace(trained.artifacts, metrics=trained.artifacts.metrics | {"uniformity": unseen})
    page = training_page("pump", artifacts).decode()
    assert "Are the probabilities what they say?" in page
    assert "0.012" in page
    alone = replace(trained.artifacts, metrics=trained.artifacts.metrics | {"uniformity": None})
    assert "no other to hold it against" in training_page("pump", alone).decode()
    assert "Operating states" in page


def test_a_name_cannot_become_markup(trained: TrainingResult) -> None:
    page = training_page("<script>alert(1)</script>", trained.artifacts).decode()
    assert "<script>alert" not in page


def test_imperfect_chips_are_told(trained: TrainingResult) -> None:
    found = trained.artifacts.metrics["robustness"]
    assert all(0 <= found[name]["auc"] <= 1 for name in ("lost_events", "leak"))
    page = trained.bundle.read(PAGE).decode()
    assert "loses 1% of its input events" in page
    assert "mean of" not in page
    mismatch = {"sigma": 0.05, "chips": 7, "auc": 0.9, "least": 0.8}
    artifacts = replace(
        trained.artifacts, metrics=trained.artifacts.metrics | {"robustness": found | {"mismatch": mismatch}}
    )
    assert "weights deviate by 5%, mean of 7 chips" in training_page("pump", artifacts).decode()


def test_without_distillation(trained: TrainingResult) -> None:
    artifacts = replace(
        trained.artifacts, metrics=trained.artifacts.metrics | {"distillation": {"ran": False}}
    )
    assert "Not asked for by this profile" in training_page("pump", artifacts).decode()


@pytest.mark.parametrize("p_value", [0.05, 0.01, 1e-4])
def test_the_line_is_where_it_is_said_to_be(trained: TrainingResult, p_value: float) -> None:
    assert trained.artifacts.student.p_value(_score_at(trained.artifacts, p_value)) == pytest.approx(
        p_value, rel=1e-3
    )
