"""The programmed network is the trained one, or there is no bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from anomaly.errors import ModelError
from anomaly.features.delta_encoder import DeltaCode
from anomaly.student.circuit import Circuit
from anomaly.student.circuit_parts import SumNeurons
from anomaly.student.distillation.circuit_model import CircuitModel
from anomaly.student.neuron_limits import NeuronLimits
from anomaly.training import compile as module
from anomaly.training.compile import Chip, compile_circuit, read_chip
from chip.arch import load_arch
from chip.compiler import Compiled, compile_network
from chip.errors import FitError, SpecError
from chip.network import Network

Centibels = npt.NDArray[np.int32]
CODE = DeltaCode(np.full(8, -5000, np.int32), np.full(8, 100, np.int32), 4)


@pytest.fixture(scope="module")
def chip() -> Chip:
    return read_chip("senna")


@pytest.fixture(scope="module")
def segments() -> list[Centibels]:
    random = np.random.default_rng(0)
    return [np.rint(-5000 + 400 * random.standard_normal((60, 8))).astype(np.int32) for _ in range(30)]


@pytest.fixture(scope="module")
def circuit() -> Circuit:
    random = np.random.default_rng(1)
    weights = random.integers(-9, 10, (24, 16)) * (random.random((24, 16)) < 0.5)
    weights[:, 0] = 3
    return Circuit(
        bands=8,
        micro_steps=4,
        delays=1,
        kinds=("frame",),
        tap_weights=weights.astype(np.int32),
        sums=SumNeurons(weights[:3].astype(np.int32), random.integers(5, 40, 3).astype(np.int32)),
        sum_weights=random.integers(-5, 6, (24, 3)).astype(np.int32),
        thresholds=random.integers(1, 40, 24).astype(np.int32),
        channels=(np.arange(24) % 16).astype(np.int32),
        loads=np.ones(24, np.int32),
        divisors=np.ones(16, np.int32),
    )


def test_an_architecture_travels_as_its_text(tmp_path: Path) -> None:
    chip = read_chip("senna")
    path = tmp_path / "own.yaml"
    path.write_bytes(chip.text.replace(b"name: senna", b"name: own"))
    own = read_chip(str(path))
    assert (chip.arch.name, own.arch.name) == ("senna", "own")
    assert own.text == path.read_bytes()
    assert own.arch.fingerprint() == chip.arch.fingerprint() == load_arch("senna").fingerprint()
    assert own.limits == NeuronLimits.from_arch(chip.arch)


def test_an_architecture_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        read_chip("sienna")
    (tmp_path / "odd.yaml").write_text("name: odd\n")
    with pytest.raises(SpecError):
        read_chip(str(tmp_path / "odd.yaml"))


def test_trained_and_decoded_agree_spike_for_spike(
    circuit: Circuit, chip: Chip, segments: list[Centibels]
) -> None:
    compiled, verified = compile_circuit(circuit, CODE, chip, segments)
    assert compiled.network.same_as(circuit.to_network())
    assert verified["equal"]
    # Twelve segments, spread over all of them, are compared.
    assert verified["segments"] == 12
    assert verified["neuron_steps"] == 12 * 60 * 4 * compiled.network.n_neurons


def test_another_network_out_of_the_bitstream_is_found(
    circuit: Circuit, chip: Chip, segments: list[Centibels], monkeypatch: pytest.MonkeyPatch
) -> None:
    def off_by_one(network: Network, *given: object, **named: object) -> Compiled:
        compiled = compile_network(network, *given, **named)  # type: ignore[arg-type]
        return replace(compiled, network=replace(compiled.network, weight=-network.weight))

    monkeypatch.setattr(module, "compile_network", off_by_one)
    with pytest.raises(
        ModelError, match=r"network\.bit: the decoded network is not the trained one: step"
    ) as caught:
        compile_circuit(circuit, CODE, chip, segments)
    assert "bug" in str(caught.value.hint)


def test_a_difference_from_torch_is_found(
    circuit: Circuit, chip: Chip, segments: list[Centibels], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = CircuitModel.forward

    def one_more(model: CircuitModel, events: torch.Tensor) -> torch.Tensor:
        spikes = forward(model, events)
        spikes[100, 0, 5] = 1 - spikes[100, 0, 5]
        return spikes

    monkeypatch.setattr(CircuitModel, "forward", one_more)
    with pytest.raises(ModelError, match="output 5 in step 100"):
        compile_circuit(circuit, CODE, chip, segments)


def test_what_does_not_fit_is_not_compiled(chip: Chip, circuit: Circuit, segments: list[Centibels]) -> None:
    wide = replace(circuit, tap_weights=np.where(circuit.tap_weights == 0, 0, 99).astype(np.int32))
    with pytest.raises(FitError, match="does not fit senna"):
        compile_circuit(wide, CODE, chip, segments)
