"""Direct conversion of a teacher: its own weights, pruned and rounded for the chip, without any retraining.

The linear teacher (the teacher's recipe without its bottlenecks) is converted, with as many past frames as fit: three
frames whitened together, and the newest predicted from two, make 128 rows. A row becomes a signed
integrate-and-fire neuron that adds up delta events, as the student's sums do; its weights are the 25 largest of
the row, rounded to 6 bits on one scale. The square of its output becomes a staircase of two one-sided neurons for each
sign, at one and two standard deviations, which count one and four together. Scales come from training sound, as is
usual (threshold balancing: Diehl et al., 2015); taps are not selected, weights are not solved again, and thresholds are
not fitted on held-out sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import onnx as onnx_format

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.mel import Centibels
from anomaly.student.circuit import Circuit
from anomaly.student.circuit_parts import SumNeurons
from anomaly.student.closed_form.filter_synapses import repeat_with_signs
from anomaly.student.closed_form.first_layer import delayed_taps, membrane_potentials
from anomaly.student.neuron_limits import NeuronLimits
from anomaly.teacher.fit import TeacherPlan, fit_teacher
from anomaly.teacher.network import Teacher, TeacherSize

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]

FRAMES = 3
# One spike of a row stands for this many standard deviations, as in the student.
QUANTUM = 0.7
# Staircase of a square: where it rises, in standard deviations, and by how much.
RISES, LOADS = (1.0, 2.0), (1, 3)
_MOST_SEGMENTS = 200


def linear_teacher(segments: Sequence[Centibels], seed: int) -> Teacher:
    """Fit the teacher without its bottlenecks, with as many past frames as its conversion can hold."""
    size = TeacherSize(past=FRAMES - 1, window=FRAMES)
    return fit_teacher(segments, TeacherPlan(size=size, epochs=0), seed=seed)


def rows_of(teacher: Teacher) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Linear maps whose outputs a linear teacher squares for its innovation, and the sub-band group of each.

    Its slow kind is a mean over seconds, which no neuron of the converted network holds.

    Returns:
        Rows [bands, FRAMES * bands] over standardised taps, numbered ``delay * bands + band``; and the group of each.
    """
    bands = len(teacher.mean)
    linear = teacher.autoencoder.linear.weight.detach().double().numpy().reshape(bands, FRAMES - 1, bands)
    off = np.concatenate([np.eye(bands)[:, None], -linear[:, ::-1]], axis=1).reshape(bands, -1)
    off = off / teacher.autoencoder.deviation.double().numpy()[:, None]
    innovation = teacher.innovation_matrix.double().numpy().T @ off
    return innovation, np.arange(bands) * SUB_BAND_GROUPS // bands


def convert(
    teacher: Teacher, segments: Sequence[Centibels], code: DeltaCode, like: Circuit, limits: NeuronLimits
) -> Circuit:
    """Convert the linear teacher to a circuit.

    Args:
        teacher: from `linear_teacher`.
        segments: levels [frames, bands] of training sound, for scales.
        code: the encoder.
        like: a student from which relays and leaks are taken.
        limits: of the chip.
    """
    rows, channels = rows_of(teacher)
    event = np.tile(code.threshold / teacher.deviation.double().numpy(), FRAMES)
    weights = np.stack([round_largest(row * event, limits.fan_in, limits.weight_max) for row in rows])
    deviation = deviations(segments, code, weights)
    quanta = np.clip(np.rint(QUANTUM * deviation), 1, limits.threshold_max).astype(np.int32)
    weight, count = limits.weight_max, len(rows)
    thresholds = [
        np.minimum(
            weight * np.maximum(np.rint(rise * deviation / quanta), 1) - weight // 2, limits.threshold_max
        )
        for _sign in (1, -1)
        for rise in RISES
    ]
    loads = np.minimum(np.array(LOADS), max(1, limits.weight_max // 2)).astype(np.int32)
    load = np.bincount(channels, minlength=SUB_BAND_GROUPS) * int(loads.sum())
    return replace(
        like,
        delays=FRAMES - 1,
        kinds=("change",),
        drift=None,
        tap_weights=np.zeros((count * len(thresholds), weights.shape[1]), dtype=np.int32),
        sums=SumNeurons(weights, quanta),
        sum_weights=repeat_with_signs(weight * np.eye(count, dtype=np.int32), len(RISES), (1, -1)),
        thresholds=np.concatenate(thresholds).astype(np.int32),
        channels=np.tile(channels, len(thresholds)).astype(np.int32),
        loads=np.tile(np.repeat(loads, count), 2).astype(np.int32),
        divisors=np.clip(load, 1, (limits.threshold_max + 1) // 2).astype(np.int32),
    )


def round_largest(row: Floats, fan_in: int, weight_max: int) -> Integers:
    """Keep the `fan_in` largest weights of a row, rounded on one scale."""
    chosen = np.argsort(-np.abs(row), kind="stable")[:fan_in]
    whole = np.zeros(len(row), dtype=np.int32)
    whole[chosen] = np.rint(row[chosen] * weight_max / np.abs(row[chosen]).max()).astype(np.int32)
    return whole


def deviations(segments: Sequence[Centibels], code: DeltaCode, weights: Integers) -> Floats:
    """Standard deviation of each row's membrane without feedback, [rows], over the frames of segments."""
    chosen = segments[:: max(1, len(segments) // _MOST_SEGMENTS)]
    sums = [membrane_sums(segment, code, weights) for segment in chosen]
    return np.asarray(np.maximum(np.concatenate(sums).std(axis=0), 1e-9))


def membrane_sums(segment: Centibels, code: DeltaCode, weights: Integers) -> Floats:
    """Weighted sums of levels at the end of each frame, [frames, rows]."""
    events = DeltaEncoder(code).push(segment[None]).reshape(1, -1, code.bands)
    delays = weights.shape[1] // code.bands - 1
    currents = delayed_taps(events, delays, code.micro_steps).astype(np.float64) @ weights.T
    return membrane_potentials(currents, code.leak)[0, code.micro_steps - 1 :: code.micro_steps]


def neurons_needed(model: bytes, fan_in: int, micro_steps: int) -> int:
    """Number of neurons that the full teacher would need in the same code, with every weight kept.

    A sum of more inputs than a neuron has is a tree of neurons. Relays bring the past, K for each band and frame of
    delay; each squared output needs four one-sided neurons, each channel a read-out. Multiplications and exponentials
    of the teacher are not counted, because such neurons cannot compute them exactly.
    """
    graph = onnx_format.load_from_string(model).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    total = 0
    for node in graph.node:
        if node.op_type in ("Gemm", "MatMul") and len(shapes.get(node.input[1], ())) == 2:
            turned = any(item.name == "transB" and item.i for item in node.attribute)
            outputs, inputs = shapes[node.input[1]] if turned else reversed(shapes[node.input[1]])
            total += outputs * adder_tree_size(inputs, fan_in)
            squared = node.op_type == "MatMul"
            total += 4 * outputs if squared else 0
    _, context, bands = (dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim)
    return int(total + (context - 1) * bands * micro_steps + 2 * SUB_BAND_GROUPS)


def adder_tree_size(inputs: int, fan_in: int) -> int:
    """Number of neurons in a tree that adds up this many inputs."""
    count = 1
    while inputs > fan_in:
        inputs = -(-inputs // fan_in)
        count += inputs
    return count
