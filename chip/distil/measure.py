"""Measurement of a student by exact simulation, and the choice of its codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.distil.assemble import assemble
from chip.distil.rate_model import RateStudent
from chip.distil.targets import Task
from chip.distil.training import distil_loss
from chip.dnn.bitstream_run import ChipModel
from chip.dnn.codes import DECODERS, ENCODERS, Decoder, Encoder, features
from chip.dnn.io_file import InputCode, IoDescription, OutputCode
from chip.dnn.layers import Dnn

__all__ = ["HeldOut", "HeldOutFigures", "chip_model", "choose_codes", "measured"]

_NO_BITSTREAM = "0" * 64
# A code other than rate and counts has to be better by this share, since it is measured on few samples.
_MARGIN = 0.05


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Samples that are not trained on, flat, the network's answers to them, and labels if any."""

    samples: NDArray[np.float64]
    targets: NDArray[np.float64]
    labels: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class HeldOutFigures:
    """Result of a measurement.

    Args:
        loss: distance to the network's answers, and to the labels if there are any.
        agreement: share of equal classes, or the share of variance explained.
        sop: synaptic operations a sample.
    """

    loss: float
    agreement: float
    sop: float


def chip_model(
    student: RateStudent, dnn: Dnn, arch: ArchSpec, task: Task, encoder: Encoder = "rate"
) -> ChipModel:
    """Build the network and the description of its input and output, with counts as the decoder."""
    shape, window = student.shape, student.window
    gain = (student.gain * student.log_gain.detach().exp()).numpy().astype(float)
    copies = np.array([len(members) for members in shape.members])
    io = IoDescription(
        arch=arch.name,
        bitstream_sha256=_NO_BITSTREAM,
        total_steps=window.total,
        input=InputCode(
            shape=dnn.input_shape,
            groups=tuple(tuple(int(n) for n in group) for group in shape.inputs.groups),
            offset=tuple(shape.inputs.offset.tolist()),
            scale=tuple(shape.inputs.scale.tolist()),
            encoder=encoder,
            steps=window.steps,
        ),
        output=OutputCode(
            decoder="counts",
            members=shape.members,
            gain=tuple((gain / copies / window.steps).tolist()),
            offset=tuple(student.offset.detach().numpy().astype(float).tolist()),
            readout=dnn.readout,
            task=task,
        ),
    )
    return ChipModel(assemble(student, arch, encoder).network, io, arch)


def measured(model: ChipModel, held_out: HeldOut, share: float) -> HeldOutFigures:
    """Run the model on held-out samples."""
    run = model.run(held_out.samples)
    return _score(run.values, run.sop / max(1, len(held_out.samples)), held_out, model.io.output.task, share)


def _score(
    values: NDArray[np.float64], sop: float, held_out: HeldOut, task: Task, share: float
) -> HeldOutFigures:
    from chip.dnn.scores import explained

    found, target = (torch.tensor(part, dtype=torch.float32) for part in (values, held_out.targets))
    labels = None if held_out.labels is None else torch.tensor(held_out.labels, dtype=torch.float32)
    loss = float(distil_loss(found, target, labels, task, share))
    if task == "classifier":
        agreement = float(np.mean(classes_of(values) == classes_of(held_out.targets)))
    else:
        agreement = explained(values, held_out.targets)
    return HeldOutFigures(loss, agreement, sop)


def classes_of(values: NDArray[np.float64]) -> NDArray[Any]:
    """Class of each sample; one value tells two classes by its sign."""
    if values.shape[1] == 1:
        return np.asarray(values[:, 0] > 0)
    return np.asarray(values.argmax(axis=1))


def choose_codes(
    student: RateStudent, dnn: Dnn, arch: ArchSpec, task: Task, held_out: HeldOut, share: float, neurons: int
) -> tuple[ChipModel, dict[str, HeldOutFigures]]:
    """Choose encoder and decoder by held-out loss; rate and counts unless another is clearly better.

    Args:
        student: trained.
        dnn: the network it follows.
        arch: the chip.
        task: classes or values.
        held_out: samples to choose by.
        share: weight of the network's answers against the labels.
        neurons: that the chip model may have; latches of ``ttfs`` may not fit.
    """
    tried: dict[str, HeldOutFigures] = {}
    models: dict[str, ChipModel] = {}
    for encoder in ENCODERS:
        model = chip_model(student, dnn, arch, task, encoder)
        if model.network.n_neurons > neurons:
            continue
        for decoder in DECODERS:
            name = f"{encoder}, {decoder}"
            models[name] = model if decoder == "counts" else _decoded(model, held_out, decoder)
            tried[name] = measured(models[name], held_out, share)
    best = min(tried, key=lambda name: tried[name].loss * (1 if name == "rate, counts" else 1 + _MARGIN))
    return models[best], tried


def _decoded(model: ChipModel, held_out: HeldOut, decoder: Decoder) -> ChipModel:
    """Replace the decoder; its gain and offset are fitted by least squares."""
    from chip.sim.simulator import Simulator

    simulator = Simulator(model.network, v_sat=model.arch.v_sat, engine="auto")
    outputs = simulator.run(model.io.spikes(held_out.samples)).outputs
    found = features(outputs, decoder)
    sums = np.stack([found[:, list(group)].sum(axis=1) for group in model.io.output.members], axis=1)
    centred, target = sums - sums.mean(axis=0), held_out.targets - held_out.targets.mean(axis=0)
    axis = None if model.io.output.task == "classifier" else 0
    gain = (centred * target).sum(axis=axis) / np.maximum(np.square(centred).sum(axis=axis), 1e-9)
    gain = np.broadcast_to(gain, sums.shape[1])
    offset = held_out.targets.mean(axis=0) - gain * sums.mean(axis=0)
    changes = {"decoder": decoder, "gain": tuple(gain.tolist()), "offset": tuple(offset.tolist())}
    output = model.io.output.model_copy(update=changes)
    return ChipModel(model.network, model.io.model_copy(update={"output": output}), model.arch)
