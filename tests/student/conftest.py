"""Limits of SENNA, synthetic levels and random circuits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.circuit import Circuit
from anomaly.student.circuit_parts import FILTER_KINDS, DriftIntegrators, SumNeurons
from anomaly.student.neuron_limits import NeuronLimits
from chip.arch import ArchSpec
from support.senna import senna

Centibels = npt.NDArray[np.int32]

__all__ = ["senna"]


@pytest.fixture(scope="session")
def limits(senna: ArchSpec) -> NeuronLimits:
    return NeuronLimits.from_arch(senna)


def levels(seed: int, frames: int = 300, bands: int = 32) -> Centibels:
    """Return levels of bands that share a slow loudness and are correlated with their neighbours."""
    random = np.random.default_rng(seed)
    loudness = np.convolve(random.standard_normal(frames + 9), np.ones(10) / 10, "valid")
    own = random.standard_normal((frames, bands + 2))
    shared = own[:, :-2] + own[:, 1:-1] + own[:, 2:]
    made: Centibels = np.rint(-5000 + 700 * loudness[:, None] + 150 * shared).astype(np.int32)
    return made


@pytest.fixture(scope="session")
def training() -> list[Centibels]:
    return [levels(seed) for seed in range(8)]


@pytest.fixture(scope="session")
def held_out() -> list[Centibels]:
    return [levels(seed) for seed in range(100, 104)]


def random_rows(random: np.random.Generator, rows: int, taps: int, most: int) -> npt.NDArray[np.int32]:
    """Return rows of a few heavy synapses each."""
    weights = np.zeros((rows, taps), np.int32)
    for row in weights:
        chosen = random.permutation(taps)[: random.integers(1, most + 1)]
        row[chosen] = random.integers(1, 32, len(chosen)) * random.choice([-1, 1], len(chosen))
    return weights


def random_circuit(
    seed: int, *, bands: int = 16, delays: int = 2, sums: int = 12, comparators: int = 40, most: int = 8
) -> Circuit:
    """Return a circuit with random synapses, thresholds and read-outs."""
    random = np.random.default_rng(seed)
    taps = (delays + 1) * bands
    return Circuit(
        bands=bands,
        micro_steps=4,
        delays=delays,
        kinds=FILTER_KINDS,
        tap_weights=random_rows(random, comparators, taps, most),
        sums=SumNeurons(random_rows(random, sums, taps, most), random.integers(5, 40, sums).astype(np.int32)),
        sum_weights=random_rows(random, comparators, sums, 3),
        thresholds=random.integers(1, 90, comparators).astype(np.int32),
        channels=random.integers(0, 48, comparators).astype(np.int32),
        loads=random.integers(1, 3, comparators).astype(np.int32),
        divisors=random.integers(1, 4, 48).astype(np.int32),
        leak=seed % 6,
    )


@pytest.fixture
def one_circuit() -> Circuit:
    return random_circuit(7)


@pytest.fixture(params=range(6))
def circuit(request: pytest.FixtureRequest) -> Circuit:
    return random_circuit(request.param)


@pytest.fixture
def drift() -> DriftIntegrators:
    """Return twenty integrators of a few of forty comparators each, with read-outs from 48 on."""
    random = np.random.default_rng(5)
    return DriftIntegrators(
        weights=random_rows(random, 20, 40, 6),
        thresholds=random.integers(1, 200, 20).astype(np.int32),
        channels=random.integers(48, 64, 20).astype(np.int32),
        loads=random.integers(1, 4, 20).astype(np.int32),
    )
