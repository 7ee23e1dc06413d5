"""Candidates of a conversion, trained and compared on held-out data, never on a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.distil.grouping import InputMap, fit_inputs
from chip.distil.measure import HeldOut, HeldOutFigures, chip_model, measured
from chip.distil.options import ConversionOptions, Progress
from chip.distil.rate_model import RateStudent, RunWindow
from chip.distil.reduction import LEAST_UNITS
from chip.distil.start import StudentShape, doubled, network_start, randomised
from chip.distil.targets import Task, TrainingSet, training_set
from chip.distil.training import train
from chip.dnn.layers import Dnn

__all__ = ["Problem", "StudentCandidate", "best_candidate", "bias_neurons", "continued", "problem_of"]

# Values need more levels than classes do.
_STEPS: dict[Task, tuple[int, ...]] = {"classifier": (16, 32), "values": (32, 64)}
_COPIES = 3
# Held-out share of the data, at most so many samples, and none of fewer than this.
_HELD_OUT, _MOST_HELD_OUT, _LEAST = 0.2, 400, 8
# Neurons that are tried unless others are asked for: random wires of more do not fit into the channels.
_USUAL_NEURONS = 512
# Held-out agreement below which a network with all layers doubled is tried.
_GOOD_AGREEMENT = 0.985


@dataclass(frozen=True, eq=False)
class Problem:
    """All that candidates share.

    Args:
        dnn: network to follow.
        arch: the chip.
        task: classes or values.
        inputs: inputs of the chip.
        everything: all samples, flat.
        data: these, with mixtures and answers.
        held_out: samples to choose by; the same as those trained on if there are too few.
        held_out_index: their places in the data.
        neurons: that the network may have.
    """

    dnn: Dnn
    arch: ArchSpec
    task: Task
    inputs: InputMap
    everything: NDArray[np.float64]
    data: TrainingSet
    held_out: HeldOut
    held_out_index: NDArray[np.int64]
    neurons: int


@dataclass(frozen=True, eq=False)
class StudentCandidate:
    """Trained student with its held-out figures."""

    name: str
    student: RateStudent
    found: HeldOutFigures

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        figures = {"loss": self.found.loss, "agreement": self.found.agreement, "sop": self.found.sop}
        neurons = self.student.shape.n_neurons
        return {"candidate": self.name, "steps": self.student.window.steps, "neurons": neurons, **figures}


def problem_of(
    dnn: Dnn,
    samples: NDArray[Any],
    labels: NDArray[Any] | None,
    arch: ArchSpec,
    task: Task,
    options: ConversionOptions,
) -> Problem:
    """Split the data, fit the inputs, mix and ask the network."""
    flat = np.asarray(samples, np.float64).reshape(len(samples), -1)
    order = np.random.default_rng(options.seed).permutation(len(flat))
    count = min(_MOST_HELD_OUT, int(_HELD_OUT * len(flat))) if len(flat) >= _LEAST else 0
    kept = order[count:] if count else order
    chosen = order[:count] if count else order
    own = None if labels is None else labels[kept]
    data = training_set(dnn, flat[kept], own, task, seed=options.seed)
    target = None
    if labels is not None:
        part = labels[chosen]
        many = task == "classifier" and dnn.n_outputs > 1
        target = np.eye(dnn.n_outputs)[part] if many else part.reshape(len(part), -1).astype(np.float64)
    held_out = HeldOut(flat[chosen], dnn.output_of(flat[chosen]), target)
    inputs = fit_inputs(flat[kept], arch.array.inputs.value)
    neurons = min(options.max_neurons or _USUAL_NEURONS, arch.array.neurons.value)
    return Problem(dnn, arch, task, inputs, flat, data, held_out, chosen, neurons)


def bias_neurons(neurons: int, arch: ArchSpec) -> int:
    """Neurons to set aside for biases: each drives half of the load that a net can."""
    return -(-neurons // max(1, arch.routing.fan_out_load.value // 2))


def best_candidate(
    problem: Problem, options: ConversionOptions, progress: Progress
) -> tuple[StudentCandidate, list[StudentCandidate]]:
    """Train candidates, and return the one of the least held-out loss, and all of them."""
    tried: list[StudentCandidate] = []
    for candidate in _candidates(problem, options, progress, tried):
        tried.append(candidate)
        if not options.candidates:
            break
    return min(tried, key=lambda candidate: candidate.found.loss), tried


def _candidates(
    problem: Problem, options: ConversionOptions, progress: Progress, tried: list[StudentCandidate]
) -> Iterator[StudentCandidate]:
    steps = (options.steps,) if options.steps else _STEPS[problem.task]
    shape = _shape(problem, options, problem.neurons)
    yield _trained(f"distilled, {steps[0]} steps", shape, steps[0], problem, options, progress)
    if options.start == "teacher":
        bare = replace(options, training_steps=0, spike_steps=0)
        yield _trained(f"converted, {steps[-1]} steps", shape, steps[-1], problem, bare, progress)
    first = tried[0]
    for more in steps[1:]:
        yield continued(first, f"distilled, {more} steps", more, problem, options, progress)
    best = min(tried, key=lambda candidate: candidate.found.loss)
    room = 2 * shape.n_neurons + 8 <= max(problem.neurons, _room(problem, options))
    if best.found.agreement < _GOOD_AGREEMENT and room and len(shape.layers) > 1:
        name = f"doubled layers, {steps[-1]} steps"
        yield _trained(name, doubled(shape), steps[-1], problem, options, progress)


def _room(problem: Problem, options: ConversionOptions) -> int:
    return min(options.max_neurons or 2 * _USUAL_NEURONS, problem.arch.array.neurons.value) - 8


def _shape(problem: Problem, options: ConversionOptions, neurons: int) -> StudentShape:
    outputs = problem.dnn.n_outputs
    # Bias neurons come on top.
    bias = bias_neurons(neurons, problem.arch)
    left = neurons - bias - LEAST_UNITS * len(problem.dnn.populations)
    most = min(problem.arch.array.outputs.value, left, neurons // 4)
    copies = max(1, min(_COPIES, most // outputs))
    shape = network_start(
        problem.dnn,
        problem.inputs,
        problem.data.samples,
        neurons - bias,
        copies,
        centre=problem.task == "classifier",
    )
    return shape if options.start == "teacher" else randomised(shape, options.seed)


def _trained(
    name: str,
    shape: StudentShape,
    steps: int,
    problem: Problem,
    options: ConversionOptions,
    progress: Progress,
) -> StudentCandidate:
    student = RateStudent(shape, problem.arch, RunWindow.of(steps, shape.depth))
    train(student, problem.data, problem.task, options, progress, name)
    return _measured(name, student, problem, options)


def _measured(
    name: str, student: RateStudent, problem: Problem, options: ConversionOptions
) -> StudentCandidate:
    model = chip_model(student, problem.dnn, problem.arch, problem.task)
    return StudentCandidate(name, student, measured(model, problem.held_out, options.teacher_share))


def continued(
    candidate: StudentCandidate,
    name: str,
    steps: int,
    problem: Problem,
    options: ConversionOptions,
    progress: Progress,
    data: TrainingSet | None = None,
) -> StudentCandidate:
    """Train on from another candidate, at other steps or on other data; its synapses may still change."""
    old = candidate.student
    layers = []
    for at, layer in enumerate(old.shape.layers):
        weight = (old.weights[at] * old.masks[at]).detach().numpy().astype(np.float64)
        bias = (
            old.biases[at].detach().numpy() - 0.5 / old.window.steps if at < len(old.biases) else layer.bias
        )
        layers.append(replace(layer, weight=weight, bias=np.asarray(bias, np.float64)))
    gain = (old.gain * old.log_gain.detach().exp()).numpy().astype(np.float64)
    offset = old.offset.detach().numpy().astype(np.float64)
    shape = replace(old.shape, layers=tuple(layers), gain=gain, offset=offset)
    student = RateStudent(shape, problem.arch, RunWindow.of(steps, shape.depth))
    student.power = [own.clone() * (steps / old.window.steps) ** 2 for own in old.power]
    shorter = replace(
        options, training_steps=options.training_steps // 3, spike_steps=options.spike_steps // 2
    )
    train(student, data or problem.data, problem.task, shorter, progress, name, gradual=False)
    return _measured(name, student, problem, options)
