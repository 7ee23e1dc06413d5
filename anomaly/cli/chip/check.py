"""Command `chip check`: design rules of a network, and their repair."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anomaly.cli.chip.network import (
    Arch,
    Dt,
    Json,
    Lossy,
    NetworkFile,
    Reset,
    StepHz,
    keep_inputs,
    load,
    print_json,
)
from anomaly.cli.option_rules import needs

if TYPE_CHECKING:
    from chip.arch import ArchSpec
    from chip.network import Network
    from chip.nir import NirImport
    from chip.rules import Finding


def check(
    context: typer.Context,
    network: NetworkFile,
    arch: Arch = "senna",
    repair: Annotated[
        Path | None, typer.Option(metavar="OUT.npz", help="Repair it, and write it there if it then fits.")
    ] = None,
    input_spikes: Annotated[
        Path | None,
        typer.Option(
            help="Spikes to judge a --repair by: .npy or .npz of step x stream x input; else random."
        ),
    ] = None,
    spikes: Annotated[
        Path | None,
        typer.Option(
            help="Spikes to measure a NIR file on: .npy or .npz of step x stream x input; else random."
        ),
    ] = None,
    step_hz: StepHz = None,
    dt: Dt = None,
    reset: Reset = "zero",
    lossy: Lossy = False,
    as_json: Json = False,
) -> None:
    """Check a network against the design rules, and repair it with --repair; exit 5 if an error is left."""
    from chip.rules import check as check_rules

    needs(context, "--input-spikes", "--repair")
    if repair is not None:
        _check_out(repair, network, input_spikes)
    read = load(context, network, arch, dt=dt, reset=reset, lossy=True, step_hz=step_hz, spikes=spikes)
    spec, loaded = read.arch, read.network
    findings = [*check_rules(loaded, spec), *_agreement(read.imported, lossy)]
    errors = sum(finding.severity == "error" for finding in findings)
    content: dict[str, Any] = {"fits": errors == 0, "findings": [found.to_dict() for found in findings]}
    content |= read.origin
    if not as_json:
        for finding in findings:
            typer.echo(finding)
        typer.echo(f"{spec.name}: {'fits' if errors == 0 else f'{errors} errors'}", err=True)
    if repair is not None:
        content["repair"] = _repair(spec, loaded, repair, input_spikes, as_json)
        errors = len(content["repair"]["not_repaired"])
    if as_json:
        print_json(content)
    if errors:
        raise typer.Exit(5)


def _agreement(imported: NirImport | None, lossy: bool) -> list[Finding]:
    """Return a finding if an import from NIR would not do what its graph does."""
    from chip.nir import LEAST_AGREEMENT, objection
    from chip.rules import Finding

    if imported is None or (found := objection(imported)) is None:
        return []
    severity: Literal["error", "warning"] = "warning" if lossy else "error"
    remedy = "the other commands name an option that helps; --lossy accepts it"
    return [Finding("agreement", severity, found.where, f"{LEAST_AGREEMENT}", found.message, remedy)]


def _check_out(out: Path, network: Path, spikes: Path | None) -> None:
    """Refuse an output file that cannot be written, before minutes of work."""
    from anomaly.atomic import check_writable
    from anomaly.errors import UsageError

    if out.suffix != ".npz":
        hint = "chip convert makes the other kinds of it, chip compile a bitstream"
        raise UsageError(f"{out} has the suffix {out.suffix!r}, not .npz", where="--repair", hint=hint)
    if out.is_dir():
        raise UsageError(f"{out} is a folder", where="--repair", hint="name a .npz file")
    keep_inputs(out, "--repair", network, spikes)
    check_writable(out.parent, "--repair")


def _repair(
    arch: ArchSpec, network: Network, out: Path, spikes: Path | None, as_json: bool
) -> dict[str, Any]:
    from anomaly.atomic import write_bytes
    from chip.repairs import repair
    from chip.sim.stimulus import load_spikes

    repaired = repair(network, arch, load_spikes(spikes, network.n_inputs) if spikes else None)
    content = repaired.to_dict()
    if not as_json:
        for action in repaired.actions:
            typer.echo(f"repaired: {action}")
        for left in content["not_repaired"]:
            typer.echo(f"not repaired: {left['rule']}: {left['place']}: {left['why']}")
        typer.echo(f"on {repaired.input}: {repaired.change}", err=True)
    if content["fits"]:
        write_bytes(out, repaired.network.to_npz())
    message = (
        f"fits now, in {out}" if content["fits"] else "does not fit after repair either, nothing written"
    )
    typer.echo(f"{arch.name}: {message}", err=True)
    return content
