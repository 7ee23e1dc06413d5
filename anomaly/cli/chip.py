"""Commands of the group `chip`: the SENNA toolchain on network files, no sound needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomaly.cli.chip_convert import convert, say_declarations

if TYPE_CHECKING:
    from chip.arch import ArchSpec
    from chip.compiler import Compiled
    from chip.fabric import Fabric
    from chip.network import Network

NetworkFile = Annotated[Path, typer.Argument(metavar="NETWORK", help="A .npz, .json, .nir or .bit file.")]
Arch = Annotated[str, typer.Option(help="Name of a chip, or the path of its YAML specification.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Spikes = Annotated[
    Path | None, typer.Option(help="Input spikes: .npy or .npz of step x stream x input; else random.")
]
StepHz = Annotated[float, typer.Option(min=1e-3, help="Steps a second, for the energy.")]
Out = Annotated[Path | None, typer.Option(help="Folder to write the files into.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="From a spiking network to a SENNA bitstream and back.")
    for command in (check, compile_, simulate, report, decode, convert):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="chip")


def check(
    network: NetworkFile,
    arch: Arch = "senna",
    repair: Annotated[
        Path | None, typer.Option(metavar="OUT.npz", help="Repair it, and write it there if it then fits.")
    ] = None,
    input_spikes: Annotated[
        Path | None,
        typer.Option(help="Spikes to judge a repair by: .npy or .npz of step x stream x input; else random."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what keeps a network off the chip, and repair it if asked to; exit 5 if anything is left."""
    from chip.rules import check as check_rules

    spec, loaded = _load(network, arch)
    findings = check_rules(loaded, spec)
    errors = sum(finding.severity == "error" for finding in findings)
    content: dict[str, Any] = {"fits": errors == 0, "findings": [found.to_dict() for found in findings]}
    if not as_json:
        for finding in findings:
            typer.echo(finding)
        typer.echo(f"{spec.name}: {'fits' if errors == 0 else f'{errors} errors'}", err=True)
    if repair is not None:
        content["repair"] = _repair(spec, loaded, repair, input_spikes, as_json)
        errors = len(content["repair"]["not_repaired"])
    if as_json:
        _print_json(content)
    if errors:
        raise typer.Exit(5)


def compile_(
    network: NetworkFile,
    arch: Arch = "senna",
    spikes: Spikes = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the placement: the same seed, the same bytes.")] = 0,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Place, route, write bitstream, report and pictures, after decoding and comparing.

    The folder is NETWORK's name unless --out gives another. Wires that spike often are kept short: on --spikes, or
    on random input.
    """
    from anomaly.atomic import check_writable
    from chip.compiler import compile_network
    from chip.fabric import Fabric
    from chip.implement import spike_rates
    from chip.page import report_files
    from chip.stimulus import load_spikes

    spec, loaded = _load(network, arch)
    stimulus = load_spikes(spikes) if spikes else None
    rates = None if stimulus is None else spike_rates(loaded, spec, stimulus)
    folder = out or Path(network.stem)
    check_writable(folder, "--out")
    compiled = compile_network(loaded, spec, rates=rates, seed=seed)
    files, missing = report_files(compiled, spec, stimulus)
    data = {"report.json": _json(compiled.report), "layout.json": _layout(compiled, Fabric.of(spec))}
    _write(folder, {"network.bit": compiled.bitstream, **data, **files})
    if as_json:
        _print_json(compiled.report)
    for finding in compiled.findings:
        typer.echo(finding, err=True)
    if missing is not None:
        typer.echo(f"no pictures: {missing}", err=True)
    sizes = f"{loaded.n_neurons} neurons, {loaded.n_synapses} synapses, {len(compiled.bitstream)} bytes"
    width = compiled.report["min_channel_width"], compiled.report["channel_width"]
    typer.echo(f"routed: {width[0]} of {width[1]} tracks per channel would do", err=True)
    typer.echo(f"verified: {sizes}, in {folder}", err=True)


def simulate(
    network: NetworkFile,
    arch: Arch = "senna",
    spikes: Spikes = None,
    steps: Annotated[int, typer.Option(min=1, max=200_000, help="Steps of random input.")] = 1000,
    rate: Annotated[float, typer.Option(min=0, max=1, help="Share of random inputs that spike.")] = 0.05,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is random.")] = 0,
    mismatch: Annotated[float, typer.Option(min=0, max=1, help="Sigma of each weight's own factor.")] = 0.0,
    noise: Annotated[float, typer.Option(min=0, max=1e6, help="Sigma at a membrane, each step.")] = 0.0,
    lost_events: Annotated[float, typer.Option(min=0, max=1, help="Share of input spikes lost.")] = 0.0,
    extra_leak: Annotated[int, typer.Option(min=0, max=30, help="n of a leak 2^-n more; 0: none.")] = 0,
    chip: Annotated[int, typer.Option(min=0, max=1 << 30, help="Which chip of such a series.")] = 0,
    step_hz: StepHz = 125.0,
    raster: Annotated[Path | None, typer.Option(help="All spikes: a .png or .npz file.")] = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Run a network on given or random spikes; count spikes and operations, and bracket the energy."""
    from chip.imperfection import Imperfection
    from chip.raster import check_raster_name, npy_file, raster_file
    from chip.report import run_report
    from chip.simulate import Simulator
    from chip.stimulus import load_spikes, random_spikes

    spec, loaded = _load(network, arch)
    _require_step_hz(spec, step_hz)
    if raster is not None:
        check_raster_name(raster)
    stimulus = load_spikes(spikes) if spikes else random_spikes(loaded.n_inputs, steps, rate=rate, seed=seed)
    deviation = Imperfection(
        weight_mismatch_sigma=mismatch,
        noise_sigma=noise,
        lost_events=lost_events,
        extra_leak_shift=extra_leak,
        seed=seed,
    )
    simulator = Simulator(loaded, v_sat=spec.v_sat, imperfection=deviation, chip=chip)
    run = simulator.run(stimulus, record="outputs" if raster is None else "all")
    summary = run_report(run, spec, step_hz=step_hz)
    if raster is not None:
        _write(raster.parent, {raster.name: raster_file(raster, loaded, stimulus, run)})
    if out is not None:
        _write(out, {"outputs.npy": npy_file(run.outputs), "report.json": _json(summary)})
    _show(summary, as_json)


def report(
    network: NetworkFile,
    arch: Arch = "senna",
    compare: Annotated[
        bool, typer.Option("--compare", help="Set it side by side on Loihi, SpiNNaker, TrueNorth and Xylo.")
    ] = False,
    spikes: Spikes = None,
    step_hz: StepHz = 125.0,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Say how a network uses the chip, what every figure rests on, and how it would do on other chips."""
    from chip.files import load_usage
    from chip.report import as_text, full_report
    from chip.stimulus import load_spikes

    spec, loaded = _load(network, arch)
    _require_step_hz(spec, step_hz)
    stimulus, usage = load_spikes(spikes) if spikes else None, load_usage(network, spec)
    content = full_report(loaded, spec, stimulus, step_hz=step_hz, compared=compare, usage=usage)
    if out is not None:
        _write(out, {"report.json": _json(content), "report.txt": as_text(content)})
    if as_json:
        _print_json(content)
    else:
        typer.echo(as_text(content), nl=False)


def decode(
    network: NetworkFile,
    arch: Arch = "senna",
    against: Annotated[
        Path | None,
        typer.Option(help="The .bit file that was written: name what differs; exit 5 if anything."),
    ] = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Turn a bitstream back into the network it programs; --out writes it as JSON and NPZ."""
    if against is not None:
        _compare(against, network, arch, as_json)
        return
    _, loaded = _load(network, arch)
    if out is not None:
        _write(out, {"network.json": loaded.to_json(), "network.npz": loaded.to_npz()})
    if as_json or out is None:
        typer.echo(loaded.to_json(), nl=False)
    typer.echo(f"{loaded.n_neurons} neurons, {loaded.n_synapses} synapses", err=True)


def _load(network: Path, arch: str) -> tuple[ArchSpec, Network]:
    from chip.arch import load_arch
    from chip.files import load_network

    spec = load_arch(arch)
    if network.suffix == ".nir":
        from chip.nir import read_nir

        imported = read_nir(network, spec)
        say_declarations(imported.declarations)
        return spec, imported.network
    return spec, load_network(network, spec)


def _repair(
    arch: ArchSpec, network: Network, out: Path, spikes: Path | None, as_json: bool
) -> dict[str, Any]:
    from anomaly.atomic import write_bytes
    from chip.repair import repair
    from chip.stimulus import load_spikes

    repaired = repair(network, arch, load_spikes(spikes) if spikes else None)
    content = repaired.to_dict()
    if not as_json:
        for action in repaired.actions:
            typer.echo(f"repaired: {action}")
        for left in content["not_repaired"]:
            typer.echo(f"not repaired: {left['rule']}: {left['place']}: {left['why']}")
        typer.echo(f"on {repaired.input}: {repaired.change}", err=True)
    if content["fits"]:
        write_bytes(out, repaired.network.to_npz())
    words = f"fits now, in {out}" if content["fits"] else "does not fit after repair either, nothing written"
    typer.echo(f"{arch.name}: {words}", err=True)
    return content


def _require_step_hz(arch: ArchSpec, step_hz: float) -> None:
    from anomaly.errors import UsageError

    if step_hz * arch.step_s > 1:
        raise UsageError(f"{arch.name} makes at most {1 / arch.step_s:g} steps a second", where="--step-hz")


def _compare(written: Path, read: Path, arch: str, as_json: bool) -> None:
    from chip.arch import load_arch
    from chip.files import read_file
    from chip.readback import differences

    found = differences(read_file(written), read_file(read), load_arch(arch))
    if as_json:
        _print_json({"same": not found, "differences": found})
    else:
        for words in found:
            typer.echo(words)
    if found:
        raise typer.Exit(5)


def _write(folder: Path, files: Mapping[str, bytes | str]) -> None:
    """All files appear, or none; whatever else is in the folder stays."""
    from anomaly.atomic import new_files, write_bytes

    with new_files(folder) as work:
        for name, content in files.items():
            write_bytes(work / name, content.encode() if isinstance(content, str) else content)


def _show(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _print_json(summary)
        return
    for name, value in summary.items():
        if name != "cost":
            typer.echo(f"{name:<14} {value}")
    for energy in summary["cost"]["energies"]:
        typer.echo(f"energy         {energy['joule']:.3g} J, {energy['policy']}, all {energy['calibration']}")
    for note in summary["cost"]["notes"]:
        typer.echo(f"note: {note}", err=True)


def _layout(compiled: Compiled, fabric: Fabric) -> str:
    import json

    return json.dumps(compiled.implementation.layout(fabric)) + "\n"


def _json(content: dict[str, Any]) -> str:
    import json

    return json.dumps(content, indent=2) + "\n"


def _print_json(content: dict[str, Any]) -> None:
    typer.echo(_json(content), nl=False)
