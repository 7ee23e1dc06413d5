"""Commands `chip simulate` and `chip report`: spikes of a network, use of the chip, and energy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from anomaly.cli.chip.network import (
    Arch,
    Dt,
    Json,
    Lossy,
    NetworkFile,
    Out,
    Reset,
    Spikes,
    StepHz,
    in_json,
    keep_inputs,
    load,
    print_json,
    write,
)
from anomaly.cli.option_rules import excludes, needs


def simulate(
    context: typer.Context,
    network: NetworkFile,
    arch: Arch = "senna",
    spikes: Spikes = None,
    steps: Annotated[int, typer.Option(min=1, max=200_000, help="Steps of random input.")] = 1000,
    rate: Annotated[float, typer.Option(min=0, max=1, help="Share of random inputs that spike.")] = 0.05,
    seed: Annotated[int, typer.Option(min=0, max=1 << 62, help="Of all that is random.")] = 0,
    mismatch: Annotated[float, typer.Option(min=0, max=1, help="Sigma of each weight's own factor.")] = 0.0,
    noise: Annotated[float, typer.Option(min=0, max=1e6, help="Sigma at a membrane, each step.")] = 0.0,
    lost_events: Annotated[float, typer.Option(min=0, max=1, help="Share of input spikes lost.")] = 0.0,
    extra_leak: Annotated[int, typer.Option(min=0, max=30, help="n of a leak 2^-n more; 0: none.")] = 0,
    chip: Annotated[
        int,
        typer.Option(
            min=0, max=1 << 30, help="Which chip of such a series: with the three deviations above."
        ),
    ] = 0,
    step_hz: StepHz = None,
    dt: Dt = None,
    reset: Reset = "zero",
    lossy: Lossy = False,
    raster: Annotated[Path | None, typer.Option(help="All spikes: a .png or .npz file.")] = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Run a network on given or random spikes; count spikes and operations, and bracket the energy."""
    from chip.reporting.raster import npy_file, raster_file
    from chip.reporting.report import run_report
    from chip.sim.imperfection import Imperfection
    from chip.sim.simulator import Simulator
    from chip.sim.stimulus import load_spikes, random_spikes

    excludes(context, "--spikes", "--steps", "--rate")
    needs(context, "--chip", "--mismatch", "--noise", "--lost-events")
    _check_files(raster, out, network, spikes)
    read = load(context, network, arch, dt=dt, reset=reset, lossy=lossy, step_hz=step_hz, spikes=spikes)
    spec, loaded = read.arch, read.network
    n_inputs = loaded.n_inputs
    stimulus = (
        load_spikes(spikes, n_inputs) if spikes else random_spikes(n_inputs, steps, rate=rate, seed=seed)
    )
    deviation = Imperfection(
        weight_mismatch_sigma=mismatch,
        noise_sigma=noise,
        lost_events=lost_events,
        extra_leak_shift=extra_leak,
        seed=seed,
    )
    simulator = Simulator(loaded, v_sat=spec.v_sat, imperfection=deviation, chip=chip)
    run = simulator.run(stimulus, record="outputs" if raster is None else "all")
    summary = run_report(run, spec, step_hz=read.step_hz) | read.origin
    if raster is not None:
        write(raster.parent, {raster.name: raster_file(raster, loaded, stimulus, run)})
    if out is not None:
        write(out, {"outputs.npy": npy_file(run.outputs), "report.json": in_json(summary)})
    _show(summary, as_json)


def report(
    context: typer.Context,
    network: NetworkFile,
    arch: Arch = "senna",
    compare: Annotated[
        bool, typer.Option("--compare", help="Set it side by side on Loihi, SpiNNaker, TrueNorth and Xylo.")
    ] = False,
    spikes: Spikes = None,
    step_hz: StepHz = None,
    dt: Dt = None,
    reset: Reset = "zero",
    lossy: Lossy = False,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Report how a network uses the chip, the provenance of every figure, and its needs on other chips."""
    from chip.files import load_usage
    from chip.reporting.report import as_text, full_report
    from chip.sim.stimulus import load_spikes

    _check_files(None, out, network, spikes)
    read = load(context, network, arch, dt=dt, reset=reset, lossy=lossy, step_hz=step_hz, spikes=spikes)
    spec, loaded = read.arch, read.network
    stimulus = load_spikes(spikes, loaded.n_inputs) if spikes else None
    usage = load_usage(network, spec)
    compared = compare or read.imported is not None
    content = full_report(loaded, spec, stimulus, step_hz=read.step_hz, compared=compared, usage=usage)
    content |= read.origin
    if out is not None:
        write(out, {"report.json": in_json(content), "report.txt": as_text(content)})
    if as_json:
        print_json(content)
    else:
        typer.echo(as_text(content), nl=False)


def _check_files(raster: Path | None, out: Path | None, network: Path, spikes: Path | None) -> None:
    """Refuse outputs that cannot be written, before anything is run."""
    from anomaly.atomic import check_writable
    from anomaly.errors import UsageError
    from chip.reporting.raster import SUFFIXES

    if raster is not None:
        if raster.suffix.lower() not in SUFFIXES:
            message = f"{raster} is neither a .png nor a .npz"
            raise UsageError(message, where="--raster", hint=".png is a picture, .npz holds arrays")
        if raster.is_dir():
            raise UsageError(f"{raster} is a folder", where="--raster", hint="name a .png or .npz file")
        keep_inputs(raster, "--raster", network, spikes)
        check_writable(raster.parent, "--raster")
    if out is not None:
        for name in ("outputs.npy", "report.json"):
            keep_inputs(out / name, "--out", network, spikes)
        check_writable(out, "--out")


def _show(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(summary)
        return
    for name, value in summary.items():
        if name not in ("cost", "import"):
            typer.echo(f"{name:<14} {value}")
    for energy in summary["cost"]["energies"]:
        typer.echo(f"energy         {energy['joule']:.3g} J, {energy['policy']}, all {energy['calibration']}")
    for note in summary["cost"]["notes"]:
        typer.echo(f"note: {note}", err=True)
