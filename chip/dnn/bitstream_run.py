"""Runs of a bitstream with its ``io.json`` on samples: what the chip would answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec, load_arch
from chip.bitstream import decode
from chip.dnn.io_file import IoDescription, read_io
from chip.dnn.layers import apply_readout
from chip.dnn.scores import accuracy, predictions
from chip.errors import BitstreamError, ChipError, SpecError
from chip.file_io import read_bitstream_bytes
from chip.network import Network
from chip.sim.simulator import Simulator

__all__ = ["ChipModel", "ChipRun", "load_model"]

# Spikes of all inputs that are held at once.
_CHUNK_VALUES = 1 << 25


@dataclass(frozen=True, eq=False)
class ChipRun:
    """Answers of the chip.

    Args:
        values: before the read-out, [sample, value].
        outputs: after it.
        predicted: class of each sample, or the values themselves.
        sop: synaptic operations of all samples.
        spikes: spikes of neurons.
        saturations: membranes clipped at the limit.
    """

    values: NDArray[np.float64]
    outputs: NDArray[np.float64]
    predicted: NDArray[Any]
    sop: int
    spikes: int
    saturations: int

    def accuracy(self, labels: NDArray[Any], task: str) -> float:
        """Share of right classes, or the share of variance explained."""
        return accuracy(self.predicted, labels, task)


@dataclass(frozen=True, eq=False)
class ChipModel:
    """Decoded network and the way to feed and read it."""

    network: Network
    io: IoDescription
    arch: ArchSpec

    def for_labels(self, labels: NDArray[Any] | None) -> ChipModel:
        """Return the same as a classifier if the labels are classes and there are several outputs.

        A network without a softmax that was converted without labels may be either.
        """
        classes = labels is not None and labels.dtype.kind == "i" and labels.ndim == 1
        if not classes or self.io.output.task == "classifier" or len(self.io.output.members) == 1:
            return self
        output = self.io.output.model_copy(update={"task": "classifier"})
        return ChipModel(self.network, self.io.model_copy(update={"output": output}), self.arch)

    def run(self, samples: NDArray[Any]) -> ChipRun:
        """Encode samples, simulate each from rest, and decode."""
        per_sample = self.io.total_steps * max(self.network.n_inputs, self.network.n_neurons // 4)
        length = max(1, _CHUNK_VALUES // per_sample)
        values, sop, spikes, saturations = [], 0, 0, 0
        for at in range(0, len(samples), length):
            simulator = Simulator(self.network, v_sat=self.arch.v_sat, engine="auto")
            found = simulator.run(self.io.spikes(samples[at : at + length]))
            values.append(self.io.values(found.outputs))
            sop, spikes = sop + found.sop, spikes + found.spikes
            saturations += found.saturations
        joined = np.concatenate(values) if values else np.zeros((0, len(self.io.output.members)))
        outputs = apply_readout(self.io.output.readout, joined)
        predicted = predictions(joined, outputs, self.io.output.task)
        return ChipRun(joined, outputs, predicted, sop, spikes, saturations)


def load_model(folder: Path, arch: str | None = None) -> ChipModel:
    """Decode ``network.bit`` of a folder, and check it against ``io.json``.

    Args:
        folder: written by ``anomaly chip from-onnx``.
        arch: name or path of the chip; by default the one that ``io.json`` names.

    Raises:
        BitstreamError: a file is missing, damaged, or they do not belong together.
    """
    if not folder.is_dir():
        raise BitstreamError("is no folder", where=folder, hint="give the --out of anomaly chip from-onnx")
    io = read_io(folder / "io.json")
    try:
        spec = load_arch(io.arch if arch is None else arch)
    except SpecError as error:
        if arch is None:
            error.hint = "the bitstream was made for this chip: give its YAML file with --arch"
        raise
    data = read_bitstream_bytes(folder / "network.bit")
    if hashlib.sha256(data).hexdigest() != io.bitstream_sha256:
        hint = "one of the two files was changed or copied from elsewhere; convert again"
        raise BitstreamError(
            "is not the bitstream that io.json describes", where=folder / "network.bit", hint=hint
        )
    network = decode(data, spec)
    _check(network, io, folder)
    return ChipModel(network, io, spec)


def _check(network: Network, io: IoDescription, folder: Path) -> None:
    found = network.n_inputs, network.n_outputs
    listed = {index for group in io.output.members for index in group}
    if found[0] != len(io.input.groups) or max(listed) >= found[1]:
        message = (
            f"describes {len(io.input.groups)} inputs and {max(listed) + 1} outputs, the network has {found}"
        )
        raise BitstreamError(message, where=folder / "io.json")


def require_samples(samples: NDArray[Any], io: IoDescription, where: object) -> NDArray[np.float64]:
    """Return samples in the shape that ``io.json`` states.

    Raises:
        ChipError: they have another shape.
    """
    size = int(np.prod(io.input.shape))
    if samples.ndim < 2 or samples.reshape(len(samples), -1).shape[1] != size:
        from chip.errors import NetworkError

        shape = "x".join(map(str, io.input.shape))
        message = f"has the shape {samples.shape}, and a sample has {shape} values"
        error: ChipError = NetworkError(message, where=where, hint="one row of the data is one sample")
        raise error
    return np.asarray(samples, np.float64).reshape(len(samples), size)
