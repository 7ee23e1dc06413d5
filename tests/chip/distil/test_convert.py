"""Conversion end to end: limits, proof, and a student that follows whatever network it is given."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import anomaly
from chip.arch import load_arch
from chip.distil.api import Converted, convert, exported
from chip.distil.candidates import best_candidate, problem_of
from chip.distil.measure import chip_model
from chip.distil.options import ConversionOptions
from chip.dnn.bitstream_run import load_model
from chip.dnn.onnx_import import import_onnx
from chip.errors import BitstreamError, ChipError, FitError, NetworkError
from support.small_networks import blobs, classifier

SENNA = load_arch("senna")


def answers(network: nn.Module, options: ConversionOptions) -> np.ndarray:
    """Values of a student before it is placed and routed."""
    samples, _ = blobs()
    dnn = import_onnx(exported(network, samples))
    problem = problem_of(dnn, samples, None, SENNA, "values", options)
    candidate, _ = best_candidate(problem, options, lambda _stage, _share: None)
    return chip_model(candidate.student, dnn, SENNA, "values").run(samples).values


def agreement(network: nn.Module, outputs: np.ndarray) -> float:
    with torch.no_grad():
        expected = network(torch.tensor(blobs()[0])).numpy().argmax(axis=1)
    return float(np.mean(outputs.argmax(axis=1) == expected))


def test_the_network_is_within_the_limits_and_verified(converted: Converted) -> None:
    network = converted.conversion.model.network
    assert (converted.summary["fits"], converted.summary["routed"], converted.summary["verified"]) == (
        True,
    ) * 3
    assert network.fan_in().max() <= SENNA.neuron.fan_in.value
    assert np.abs(network.weight).max() <= SENNA.weight_max
    assert converted.summary["neurons"] == network.n_neurons
    assert converted.summary["accuracy_chip"] >= converted.summary["accuracy_dnn"] - 0.1
    assert converted.summary["agreement"] > 0.85


def test_files_run_the_same(converted: Converted, tmp_path: Path) -> None:
    converted.save(tmp_path)
    samples, _ = blobs()
    model = load_model(tmp_path)
    assert hashlib.sha256((tmp_path / "network.bit").read_bytes()).hexdigest() == model.io.bitstream_sha256
    np.testing.assert_array_equal(model.run(samples[:20]).outputs, converted.run(samples[:20]))
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/png") >= 4
    assert "Energy is a range" in page


def test_files_that_do_not_belong_together(converted: Converted, tmp_path: Path) -> None:
    converted.save(tmp_path)
    data = bytearray((tmp_path / "network.bit").read_bytes())
    data[40] ^= 1
    (tmp_path / "network.bit").write_bytes(data)
    with pytest.raises(BitstreamError, match=r"not the bitstream that io\.json describes"):
        load_model(tmp_path)
    with pytest.raises(BitstreamError, match="no folder"):
        load_model(tmp_path / "none")


def test_a_swapped_network_is_followed(quick: ConversionOptions, converted: Converted) -> None:
    samples, _ = blobs()
    swapped = classifier(permuted=True)
    follower = answers(swapped, quick)
    assert agreement(swapped, follower) > 0.85
    assert agreement(classifier(), follower) < 0.3
    assert agreement(classifier(), converted.run(samples)) > 0.85


def test_an_untrained_network_is_followed(quick: ConversionOptions) -> None:
    samples, labels = blobs()
    untrained = classifier(trained=False)
    outputs = answers(untrained, quick)
    assert np.mean(outputs.argmax(axis=1) == labels) < 0.7
    with torch.no_grad():
        expected = untrained(torch.tensor(samples)).numpy()
    assert np.corrcoef(outputs.ravel(), expected.ravel())[0, 1] > 0.8


def test_values_without_labels(quick: ConversionOptions) -> None:
    samples, _ = blobs()
    torch.manual_seed(1)
    encoder = nn.Sequential(nn.Linear(12, 6), nn.Tanh(), nn.Linear(6, 12), nn.Sigmoid())
    found = anomaly.convert(encoder, samples, options=quick)
    assert found.figures["task"] == "values"
    assert found.summary["accuracy_chip"] is None
    assert found.summary["agreement"] > 0.5


def test_sizes_that_cannot_fit() -> None:
    samples, _ = blobs()
    with pytest.raises(FitError, match="100 outputs, and senna has 64"):
        convert(nn.Linear(12, 100), samples)
    with pytest.raises(FitError, match="needs at least 12 neurons") as error:
        convert(classifier(), samples, options=ConversionOptions(max_neurons=5))
    assert error.value.hint == "--max-neurons 12"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.arange(3), "has 3 labels for 240"),
        (np.full(240, 7), "class 7"),
        (np.full(240, np.nan), "holds nan"),
    ],
)
def test_labels_are_checked(labels: Any, words: str) -> None:
    with pytest.raises(NetworkError, match=words):
        convert(classifier(), blobs()[0], labels)


@pytest.mark.parametrize("settings", [{"steps": 1}, {"max_neurons": 0}, {"teacher_share": 2.0}])
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    with pytest.raises(ChipError):
        ConversionOptions(**settings)
