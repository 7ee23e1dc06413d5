"""One trial: a network is trained, converted, and compared with direct conversion and training from scratch."""

from __future__ import annotations

import io
import time
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from chip.arch import ArchSpec, load_arch
from chip.distil.candidates import problem_of
from chip.distil.convert import Conversion, convert_dnn
from chip.distil.measure import chip_model
from chip.distil.options import ConversionOptions
from chip.distil.rate_model import RateStudent, RunWindow
from chip.distil.start import StudentShape, randomised
from chip.distil.training import train
from chip.dnn.layers import Dnn
from chip.dnn.onnx_import import import_onnx
from lib.any_dnn.tasks import Data, DnnTask

__all__ = ["run_trial", "train_network"]

_BATCH = 32
_LEARNING_RATE, _DECAY, _NOISE = 4e-3, 1e-2, 0.05


def run_trial(task: DnnTask, seed: int, *, quarter: bool) -> dict[str, Any]:
    """Run one seed of a task.

    Args:
        task: the task.
        seed: of data, network and student.
        quarter: the students see a quarter of the data that the network has seen.
    """
    data = task.data(seed)
    network = train_network(task, data, seed)
    dnn = import_onnx(to_onnx(network, data.train))
    chosen = _quarter(data, seed) if quarter else np.arange(len(data.train))
    samples = data.train[chosen]
    labels = None if data.labels is None else data.labels[chosen]
    arch, options = load_arch("senna"), ConversionOptions(seed=seed)
    started = time.perf_counter()
    conversion = convert_dnn(dnn, samples, labels, arch, options)
    seconds = time.perf_counter() - started
    run = conversion.model.run(data.test.astype(np.float64))
    chip = conversion.compiled.report
    return {
        "dnn": _score(dnn.output_of(data.test), data),
        "chip": _score(run.values, data),
        "direct": _score(_direct(conversion, dnn, arch, data), data),
        "scratch": _score(_scratch(conversion, dnn, samples, labels, arch, options, data), data),
        "neurons": chip["neurons"],
        "synapses": chip["synapses"],
        "steps": conversion.model.io.total_steps,
        "sop": run.sop / len(data.test),
        "seconds": seconds,
        "verified": bool(chip["verified"] and chip["routed"]),
        "channel_width": chip["min_channel_width"],
        "units": dnn.n_units,
        "samples": len(samples),
        "chosen": conversion.candidate.name,
        "codes": f"{conversion.model.io.input.encoder}, {conversion.model.io.output.decoder}",
        "candidates": conversion.candidates,
    }


def train_network(task: DnnTask, data: Data, seed: int) -> nn.Module:
    """Train the ordinary network of a task."""
    torch.manual_seed(seed)
    network = task.network()
    samples = torch.tensor(data.train)
    labels = samples.flatten(1) if data.labels is None else torch.tensor(data.labels)
    loss = nn.MSELoss() if data.labels is None else nn.CrossEntropyLoss(label_smoothing=0.05)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=_DECAY)
    per_epoch = -(-len(samples) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _LEARNING_RATE, total_steps=task.epochs * per_epoch
    )
    for _ in range(task.epochs):
        for index in torch.split(torch.randperm(len(samples)), _BATCH):
            batch = samples[index]
            found = network(batch + _NOISE * torch.randn_like(batch)) if len(index) > 1 else None
            if found is not None:
                optimiser.zero_grad()
                loss(found, labels[index]).backward()
                optimiser.step()
            schedule.step()
    return network.eval()


def to_onnx(network: nn.Module, samples: NDArray[np.float32]) -> bytes:
    """Export a network."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings: dict[str, Any] = {"f": file, "input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}}
        torch.onnx.export(network, (torch.tensor(samples[:2]),), dynamo=False, **settings)
    return file.getvalue()


def _quarter(data: Data, seed: int) -> NDArray[np.int64]:
    """A quarter of the samples, of each class alike."""
    random = np.random.default_rng(seed)
    if data.labels is None:
        return random.permutation(len(data.train))[: len(data.train) // 4]
    parts = []
    for label in np.unique(data.labels):
        own = random.permutation(np.flatnonzero(data.labels == label))
        parts.append(own[: max(2, round(len(own) / 4))])
    return np.concatenate(parts)


def _score(values: NDArray[np.float64], data: Data) -> float:
    """Accuracy, or the AUC of the reconstruction error of whole clips."""
    if data.clip is None:
        return float(np.mean(values.argmax(axis=1) == data.test_labels))
    from sklearn.metrics import roc_auc_score

    errors = np.square(values - data.test).mean(axis=1)
    clips = np.bincount(data.clip, errors) / np.bincount(data.clip)
    truth = np.bincount(data.clip, data.test_labels) > 0
    return float(roc_auc_score(truth, clips))


def _direct(conversion: Conversion, dnn: Dnn, arch: ArchSpec, data: Data) -> NDArray[np.float64]:
    """Threshold-normalised conversion, pruned once to the same fan-in; same size and steps, no training."""
    student = _student(conversion, conversion.starts[0], arch)
    student.sparsify(arch.neuron.fan_in.value)
    student.dense_gradient = False
    model = chip_model(student, dnn, arch, conversion.task)
    return model.run(data.test.astype(np.float64)).values


def _scratch(
    conversion: Conversion,
    dnn: Dnn,
    samples: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    arch: ArchSpec,
    options: ConversionOptions,
    data: Data,
) -> NDArray[np.float64]:
    """The same network of neurons from random weights, on labels alone; an autoencoder on its input."""
    own = samples.reshape(len(samples), -1).astype(np.float64) if labels is None else labels
    plain = replace(options, teacher_share=0.0, start="random")
    problem = problem_of(dnn, samples, own, arch, conversion.task, plain)
    student = _student(conversion, randomised(conversion.starts[0], options.seed), arch)
    train(student, problem.data, conversion.task, plain, lambda _stage, _share: None)
    model = chip_model(student, dnn, arch, conversion.task)
    return model.run(data.test.astype(np.float64)).values


def _student(conversion: Conversion, shape: StudentShape, arch: ArchSpec) -> RateStudent:
    steps = conversion.candidate.student.window.steps
    return RateStudent(shape, arch, RunWindow.of(steps, shape.depth))
