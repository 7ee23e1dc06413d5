"""Commands `chip from-onnx` and `chip run`: any trained network on the chip, and runs of the result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from anomaly.cli.chip.network import Arch, Json, print_json, write

_Data = Annotated[Path, typer.Option("--data", help="Samples, one a row: a .npy file.")]
_Labels = Annotated[
    Path | None, typer.Option("--labels", help="Classes from 0, or values: a .npy file, one a sample.")
]


def from_onnx(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A trained network: an .onnx file.")],
    data: _Data,
    out: Annotated[Path, typer.Option("--out", help="Folder to write the files into.")],
    labels: _Labels = None,
    arch: Arch = "senna",
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=2, max=1024, help="Steps of the input code (default: chosen)."),
    ] = None,
    max_neurons: Annotated[
        int | None, typer.Option("--max-neurons", min=1, help="Neurons it may have (default: the chip's).")
    ] = None,
    training_steps: Annotated[
        int, typer.Option("--training-steps", min=0, max=1_000_000, help="Gradient steps of each candidate.")
    ] = 1200,
    seed: Annotated[int, typer.Option("--seed", min=0, max=1 << 31, help="Of all that is random.")] = 0,
    as_json: Json = False,
) -> None:
    """Distil a trained network into a spiking one that fits the chip: placed, routed, verified.

    The folder gets network.bit, io.json (how to feed and read it), report.json and report.html. Labels are not needed;
    with them accuracies are reported.
    """
    from anomaly.atomic import check_writable
    from anomaly.extras import trainer_installed
    from anomaly.progress import stages
    from chip.arch import load_arch
    from chip.dnn.data_file import load_labels, load_samples

    spec = load_arch(arch)
    check_writable(out, "--out")
    samples = load_samples(data)
    known = None if labels is None else load_labels(labels, len(samples))
    with trainer_installed():
        from chip.distil.api import convert_onnx
        from chip.distil.options import ConversionOptions
        from chip.dnn.onnx_import import read_onnx

        network = read_onnx(model, samples.shape[1:])
        options = ConversionOptions(
            steps=steps,
            max_neurons=max_neurons,
            training_steps=training_steps,
            spike_steps=min(200, training_steps // 4),
            seed=seed,
        )
        with stages(lines=True) as progress:
            done = convert_onnx(network, samples, known, spec, options, progress)
    write(out, done.files)
    if as_json:
        print_json(done.summary)
    _tell(done.figures, out)


def _tell(figures: dict[str, Any], out: Path) -> None:
    sizes = f"{figures['neurons']} neurons, {figures['synapses']} synapses, {figures['steps']} steps"
    typer.echo(f"{figures['arch']}: {sizes}, routed and verified, in {out}", err=True)
    right = figures["accuracy_dnn"], figures["accuracy_chip"]
    shown = (
        "" if None in right else f", accuracy {right[0]:.4f} of the network and {right[1]:.4f} on the chip"
    )
    typer.echo(f"agreement {figures['agreement']:.4f}{shown}, on {figures['measured_on']}", err=True)


def run_model(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of anomaly chip from-onnx.")],
    data: _Data,
    labels: _Labels = None,
    arch: Annotated[
        str | None, typer.Option("--arch", help="Chip, if its specification has moved (default: io.json's).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a converted network on samples, from the decoded bitstream: outputs and accuracy."""
    from chip.dnn.bitstream_run import load_model, require_samples
    from chip.dnn.data_file import load_labels, load_samples
    from chip.dnn.label_check import require_labels

    model = load_model(folder, arch)
    samples = require_samples(load_samples(data), model.io, data)
    known = None if labels is None else load_labels(labels, len(samples))
    model = model.for_labels(known)
    if known is not None:
        require_labels(known, len(model.io.output.members), model.io.output.task, labels)
    found = model.run(samples)
    right = None if known is None else found.accuracy(known, model.io.output.task)
    if as_json:
        outputs, predicted = found.outputs.tolist(), found.predicted.tolist()
        print_json({"outputs": outputs, "predicted": predicted, "accuracy": right})
        return
    for row, one in zip(found.outputs, found.predicted, strict=True):
        shown = " ".join(f"{value:.6g}" for value in row)
        typer.echo(f"{one}  {shown}" if model.io.output.task == "classifier" else shown)
    per_sample = found.sop / len(samples)
    typer.echo(f"{len(samples)} samples, {per_sample:,.0f} synaptic operations each", err=True)
    if right is not None:
        typer.echo(f"accuracy {right:.4f}", err=True)
