"""NeuroBench's figures of a student are those of its run on held-out sound."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.training import TrainingResult
from anomaly.training.reporting.neurobench import complexity_section, measure_complexity
from anomaly.training.reporting.page import PAGE


def test_they_travel_in_the_bundle_and_on_its_page(trained: TrainingResult) -> None:
    found = trained.bundle.manifest.metrics["neurobench"]
    network = trained.artifacts.compiled.network
    assert 0.5 < found["connection_sparsity"] < 1
    assert 0.5 < found["activation_sparsity"] < 1
    assert found["effective_macs"] == 0
    assert 0 < found["effective_acs"] < found["dense"]
    assert 0 < found["stored_bytes"] < found["footprint_bytes"]
    assert found["stored_bytes"] > network.n_synapses * 6 / 8
    assert found["effective_acs_per_s"] == pytest.approx(
        trained.artifacts.metrics["activity"]["sop_per_s"], rel=0.5
    )
    page = trained.bundle.read(PAGE).decode()
    assert "NeuroBench" in page
    assert "connection sparsity" in page


def test_silence_costs_nothing(trained: TrainingResult) -> None:
    artifacts = trained.artifacts
    still = np.tile(artifacts.code.mean, (20, 1))
    found = measure_complexity(
        artifacts.compiled.network, artifacts.code, artifacts.chip.arch, [still, still, still[:7]]
    )
    assert found["steps"] == 2 * 20 * artifacts.code.micro_steps
    assert found["effective_acs"] == 0
    assert found["activation_sparsity"] == 1
    assert "0 accumulates per second" in (complexity_section(found).text or "")
