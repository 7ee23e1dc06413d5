"""Conversion of a trained network into a verified bitstream: candidates, codes, placement, routing, proof."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.bitstream import decode
from chip.compiler import Compiled, compile_network
from chip.distil.candidates import (
    Problem,
    StudentCandidate,
    best_candidate,
    bias_neurons,
    continued,
    problem_of,
)
from chip.distil.measure import HeldOut, HeldOutFigures, choose_codes
from chip.distil.options import ConversionOptions, Progress
from chip.distil.reduction import LEAST_UNITS
from chip.distil.spike_forward import spike_trains
from chip.distil.start import StudentShape
from chip.distil.targets import Task, task_of, training_set
from chip.dnn.bitstream_run import ChipModel
from chip.dnn.layers import Dnn
from chip.errors import BitstreamError, FitError
from chip.layout.implementation import spike_rates

__all__ = ["Conversion", "convert_dnn"]

# Samples below which the chosen candidate is trained on with all of them at the end.
_SCARCE = 400
# Sizes that are tried if wires overflow, as shares of the first.
_SIZES = (1.0, 0.75, 0.5)
_PROFILE_SAMPLES, _VERIFIED_SAMPLES = 64, 64


@dataclass(frozen=True, eq=False)
class Conversion:
    """Result of a conversion: a network that is placed, routed and verified from its bitstream.

    Args:
        dnn: the network that was given.
        model: decoded from the bitstream, with the way to feed and read it.
        compiled: bitstream, placement, routing.
        candidate: the one that was chosen.
        candidates: all that were tried, as plain values.
        codes: held-out figures of each encoder and decoder.
        held_out: places in the data of the samples that nothing was trained on; empty if all were.
        task: classes or values.
        starts: of the students that were trained, before any training.
        seconds: duration.
    """

    dnn: Dnn
    model: ChipModel
    compiled: Compiled
    candidate: StudentCandidate
    candidates: list[dict[str, Any]]
    codes: dict[str, HeldOutFigures]
    held_out: NDArray[np.int64]
    task: Task
    starts: tuple[StudentShape, ...]
    seconds: float

    @property
    def bitstream(self) -> bytes:
        """Bytes that program the chip."""
        return self.compiled.bitstream


def convert_dnn(
    dnn: Dnn,
    samples: NDArray[Any],
    labels: NDArray[Any] | None,
    arch: ArchSpec,
    options: ConversionOptions | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Convert a network.

    Args:
        dnn: imported network.
        samples: data, [sample, ...]; labels are not needed.
        labels: classes or values of the samples.
        arch: the chip.
        options: settings.
        progress: receives stages and shares.

    Raises:
        FitError: the chip cannot hold the network at any size; says what would fit.
        BitstreamError: the decoded bitstream computes something else, which is a bug of this program.
    """
    started = time.perf_counter()
    options, report = options or ConversionOptions(), progress or (lambda _stage, _share: None)
    task = task_of(dnn, labels)
    _require_room(dnn, arch, options)
    problem = problem_of(dnn, samples, labels, arch, task, options)
    failure: FitError | None = None
    for share in _SIZES:
        own = replace(problem, neurons=int(problem.neurons * share))
        candidate, tried = best_candidate(own, options, report)
        listed = [one.to_dict() for one in tried]
        held_out = problem.held_out_index
        if len(problem.everything) < _SCARCE and options.training_steps:
            candidate, held_out = _last_training(own, candidate, labels, options, report), held_out[:0]
        limit = min(options.max_neurons or arch.array.neurons.value, arch.array.neurons.value)
        model, codes = choose_codes(
            candidate.student, dnn, arch, task, problem.held_out, options.teacher_share, limit
        )
        report("place and route", 0.0)
        try:
            compiled, chip = _compiled(model, problem.held_out, arch, options.seed)
        except FitError as error:
            failure = error
            continue
        _verify(candidate, chip, problem.held_out)
        seconds = time.perf_counter() - started
        starts = tuple(one.student.shape for one in tried)
        return Conversion(dnn, chip, compiled, candidate, listed, codes, held_out, task, starts, seconds)
    assert failure is not None
    raise _no_size(failure, problem, arch)


def _require_room(dnn: Dnn, arch: ArchSpec, options: ConversionOptions) -> None:
    """Refuse what no training can make fit."""
    pads, neurons = arch.array.outputs.value, min(options.max_neurons or 1 << 20, arch.array.neurons.value)
    if dnn.n_outputs > pads:
        hint = f"end it with at most {pads} values, or name a larger chip with --arch"
        raise FitError(f"has {dnn.n_outputs} outputs, and {arch.name} has {pads}", where="network", hint=hint)
    least = dnn.n_outputs + len(dnn.populations) * LEAST_UNITS
    least += bias_neurons(least + 1, arch)
    if neurons < least:
        message = f"needs at least {least} neurons: {dnn.n_outputs} outputs, {len(dnn.populations)} layers"
        raise FitError(f"{message}, and may have {neurons}", where="network", hint=f"--max-neurons {least}")


def _last_training(
    problem: Problem,
    candidate: StudentCandidate,
    labels: NDArray[Any] | None,
    options: ConversionOptions,
    report: Progress,
) -> StudentCandidate:
    """Train the chosen candidate on with all samples: a fifth of little data is much."""
    data = training_set(problem.dnn, problem.everything, labels, problem.task, seed=options.seed + 1)
    steps = candidate.student.window.steps
    return continued(candidate, f"{candidate.name}, all data", steps, problem, options, report, data)


def _compiled(model: ChipModel, held_out: HeldOut, arch: ArchSpec, seed: int) -> tuple[Compiled, ChipModel]:
    """Place and route with the spikes of real samples; return the network as decoded from the bytes."""
    spikes = model.io.spikes(held_out.samples[:_PROFILE_SAMPLES])
    compiled = compile_network(model.network, arch, rates=spike_rates(model.network, arch, spikes), seed=seed)
    digest = hashlib.sha256(compiled.bitstream).hexdigest()
    io = model.io.model_copy(update={"bitstream_sha256": digest})
    return compiled, ChipModel(decode(compiled.bitstream, arch), io, arch)


def _verify(candidate: StudentCandidate, chip: ChipModel, held_out: HeldOut) -> None:
    """Require that the decoded bitstream gives the output spikes of the training, step by step."""
    import torch

    from chip.sim.simulator import Simulator

    spikes = chip.io.spikes(held_out.samples[:_VERIFIED_SAMPLES])
    found = Simulator(chip.network, v_sat=chip.arch.v_sat).run(spikes).outputs
    if chip.io.input.encoder == "ttfs":
        # The latches delay the code by one step, which the training has not.
        return
    expected = spike_trains(candidate.student, torch.tensor(spikes, dtype=torch.float32))[-1]
    if not np.array_equal(found, expected.numpy().astype(np.int8)):
        raise BitstreamError("computes something else than the trained network", where="verification")


def _no_size(failure: FitError, problem: Problem, arch: ArchSpec) -> FitError:
    least = int(problem.neurons * _SIZES[-1])
    hint = f"{failure.hint or failure.message}; try --max-neurons {least // 2}, or a larger chip with --arch"
    return FitError(f"cannot be routed on {arch.name} with {least} neurons", where="network", hint=hint)
