"""Figures of a conversion: network, integers and chip side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from chip.distil.convert import Conversion
from chip.distil.measure import classes_of
from chip.dnn.layers import apply_readout
from chip.dnn.scores import accuracy, explained, predictions
from chip.run_cost import cost

__all__ = ["full_summary", "summary"]

KEYS = (
    "fits",
    "routed",
    "verified",
    "neurons",
    "synapses",
    "steps",
    "sop_per_sample",
    "accuracy_dnn",
    "accuracy_chip",
    "agreement",
    "seconds",
)


def summary(full: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of the command line."""
    return {key: full[key] for key in KEYS}


def full_summary(
    conversion: Conversion, samples: NDArray[Any], labels: NDArray[Any] | None
) -> dict[str, Any]:
    """Measure network, integers and chip on the samples that nothing was trained on, or on all if there are none.

    Args:
        conversion: result.
        samples: all data that was given.
        labels: of these, if any.
    """
    chosen = conversion.held_out if conversion.held_out.size else np.arange(len(samples))
    own = None if labels is None else labels[chosen]
    data = np.asarray(samples[chosen], np.float64)
    run = conversion.model.run(data)
    values = {
        "dnn": conversion.dnn.output_of(data),
        "integers": _integers(conversion, data),
        "chip": run.values,
    }
    found = {name: _figures(conversion, part, values["dnn"], own) for name, part in values.items()}
    report, io = conversion.compiled.report, conversion.model.io
    total = io.total_steps
    energy = cost(
        conversion.model.arch,
        total,
        round(run.sop / len(data)),
        round(run.spikes / len(data)),
        total * conversion.model.arch.step_s,
    )
    return {
        "fits": True,
        "routed": report["routed"],
        "verified": report["verified"],
        "neurons": report["neurons"],
        "synapses": report["synapses"],
        "steps": total,
        "sop_per_sample": run.sop / len(data),
        "accuracy_dnn": found["dnn"]["accuracy"],
        "accuracy_chip": found["chip"]["accuracy"],
        "agreement": found["chip"]["agreement"],
        "seconds": conversion.seconds,
        "task": conversion.task,
        "measured_on": "held-out samples"
        if conversion.held_out.size
        else "all samples, which were trained on",
        "samples": len(data),
        "arch": conversion.model.arch.name,
        "side_by_side": found,
        "confusion": _confusion(conversion, run.values, own),
        "encoder": io.input.encoder,
        "decoder": io.output.decoder,
        "inputs": len(io.input.groups),
        "values_per_input": conversion.dnn.n_inputs / len(io.input.groups),
        "chosen": conversion.candidate.name,
        "candidates": conversion.candidates,
        "codes": {name: vars(one) for name, one in conversion.codes.items()},
        "saturations_per_sample": run.saturations / len(data),
        "latency_s": total * conversion.model.arch.step_s,
        "cost": energy.to_dict(),
        "utilisation": report["utilisation"],
        "min_channel_width": report["min_channel_width"],
        "channel_width": report["channel_width"],
        "findings": report["findings"],
    }


def _integers(conversion: Conversion, data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values by arithmetic on counts, with the integers of the chip but without time."""
    student = conversion.candidate.student
    rates = student.shape.inputs.rates(data.reshape(len(data), -1))
    counts = torch.tensor(np.rint(rates * student.window.steps), dtype=torch.float32)
    with torch.no_grad():
        return np.asarray(student(counts).numpy(), np.float64)


def _figures(
    conversion: Conversion, values: NDArray[Any], teacher: NDArray[Any], labels: NDArray[Any] | None
) -> dict[str, float | None]:
    if conversion.task == "classifier":
        agreement = float(np.mean(classes_of(values) == classes_of(teacher)))
    else:
        agreement = explained(values, teacher)
    outputs = apply_readout(conversion.dnn.readout, values)
    predicted = predictions(values, outputs, conversion.task)
    right = None if labels is None else accuracy(predicted, labels, conversion.task)
    return {"accuracy": right, "agreement": agreement}


def _confusion(
    conversion: Conversion, values: NDArray[np.float64], labels: NDArray[Any] | None
) -> list[list[int]] | None:
    """Samples of each [class, predicted class]; with no labels the network's class takes their place."""
    if conversion.task != "classifier" or labels is None:
        return None
    classes = max(2, values.shape[1])
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, classes_of(values).astype(np.int64)), 1)
    return [[int(count) for count in row] for row in table]
