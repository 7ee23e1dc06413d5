"""Commands of the group `chip`: the SENNA toolchain on network files, without sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli.chip.check import check
from anomaly.cli.chip.convert import convert
from anomaly.cli.chip.dnn import from_onnx, run_model
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
from anomaly.cli.chip.run import report, simulate
from anomaly.cli.option_rules import excludes

if TYPE_CHECKING:
    from chip.compiler import Compiled
    from chip.layout.fabric import Fabric


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="From a spiking network to a SENNA bitstream and back.")
    for command in (check, compile_, simulate, report, decode, convert):
        group.command(command.__name__.rstrip("_"))(command)
    group.command("from-onnx")(from_onnx)
    group.command("run")(run_model)
    app.add_typer(group, name="chip")


def compile_(
    context: typer.Context,
    network: NetworkFile,
    arch: Arch = "senna",
    spikes: Spikes = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the placement: the same seed, the same bytes.")] = 0,
    step_hz: StepHz = None,
    dt: Dt = None,
    reset: Reset = "zero",
    lossy: Lossy = False,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Place, route, write bitstream, report and pictures, after decoding and comparing.

    The folder is NETWORK's name unless --out gives another. Wires that spike often are kept short: on --spikes, or
    on random input. On it a NIR file is measured, too; the verdict tells what was kept, approximated and refused.
    """
    from anomaly.atomic import check_writable
    from chip.compiler import compile_network
    from chip.layout.fabric import Fabric
    from chip.layout.implementation import spike_rates
    from chip.reporting.html_page import report_files
    from chip.run_cost import stepped_latency
    from chip.sim.stimulus import load_spikes

    folder = out or Path(network.stem)
    keep_inputs(folder / "network.bit", "--out", network)
    check_writable(folder, "--out")
    read = load(context, network, arch, dt=dt, reset=reset, lossy=lossy, step_hz=step_hz, spikes=spikes)
    spec, loaded = read.arch, read.network
    stimulus = load_spikes(spikes, loaded.n_inputs) if spikes else None
    rates = None if stimulus is None else spike_rates(loaded, spec, stimulus)
    compiled = compile_network(loaded, spec, rates=rates, seed=seed)
    compiled.report.update(stepped_latency(loaded, read.step_hz) | read.origin)
    files, missing = report_files(compiled, spec, stimulus, step_hz=read.step_hz)
    data = {"report.json": in_json(compiled.report), "layout.json": _layout(compiled, Fabric.of(spec))}
    write(folder, {"network.bit": compiled.bitstream, **data, **files})
    if as_json:
        print_json(compiled.report)
    for finding in compiled.findings:
        typer.echo(finding, err=True)
    if missing is not None:
        typer.echo(f"no pictures: {missing}", err=True)
    sizes = f"{loaded.n_neurons} neurons, {loaded.n_synapses} synapses, {len(compiled.bitstream)} bytes"
    width = compiled.report["min_channel_width"], compiled.report["channel_width"]
    typer.echo(f"routed: {width[0]} of {width[1]} tracks per channel would do", err=True)
    typer.echo(f"verified: {sizes}, in {folder}", err=True)
    if read.origin and read.imported is not None:
        from chip.nir import verdict_of

        for line in verdict_of(read.imported).lines():
            typer.echo(line, err=True)


def decode(
    context: typer.Context,
    network: NetworkFile,
    arch: Arch = "senna",
    against: Annotated[
        Path | None,
        typer.Option(help="The .bit file that was written: name what differs; exit 5 if anything."),
    ] = None,
    dt: Dt = None,
    reset: Reset = "zero",
    lossy: Lossy = False,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Decode a bitstream into the network it programs; --out writes that as JSON and NPZ."""
    excludes(context, "--against", "--out")
    if against is not None:
        _compare(against, network, arch, as_json)
        return
    if out is not None:
        from anomaly.atomic import check_writable

        for name in ("network.json", "network.npz"):
            keep_inputs(out / name, "--out", network)
        check_writable(out, "--out")
    loaded = load(context, network, arch, dt=dt, reset=reset, lossy=lossy).network
    if out is not None:
        write(out, {"network.json": loaded.to_json(), "network.npz": loaded.to_npz()})
    if as_json or out is None:
        typer.echo(loaded.to_json(), nl=False)
    typer.echo(f"{loaded.n_neurons} neurons, {loaded.n_synapses} synapses", err=True)


def _compare(written: Path, read: Path, arch: str, as_json: bool) -> None:
    from chip.arch import load_arch
    from chip.bitstream.readback import differences
    from chip.files import read_bitstream

    spec = load_arch(arch)
    found = differences(read_bitstream(written, spec), read_bitstream(read, spec), spec)
    if as_json:
        print_json({"same": not found, "differences": found})
    else:
        for difference in found:
            typer.echo(difference)
        if not found:
            typer.echo(f"{read} is as {written} was written", err=True)
    if found:
        raise typer.Exit(5)


def _layout(compiled: Compiled, fabric: Fabric) -> str:
    import json

    return json.dumps(compiled.implementation.layout(fabric)) + "\n"
