"""Command `chip convert`: conversion between network files, NIR among them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomaly.cli.chip.network import Arch, Json, Lossy, NetworkFile, Reset, keep_inputs
from anomaly.cli.option_rules import on_command_line

if TYPE_CHECKING:
    from chip.arch import ArchSpec
    from chip.network import Network
    from chip.nir import Declaration, NirImport

SUFFIXES = (".nir", ".npz", ".json")

Out = Annotated[Path, typer.Argument(metavar="OUT", help="A .nir, .npz or .json file to write.")]
Dt = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="How long a step is, to and from NIR; else 0.0001.")
]
Plain = Annotated[
    bool,
    typer.Option("--plain", help="Read NIR nodes only, not the integers that an export left beside them."),
]
Measure = Annotated[
    bool, typer.Option("--measure", help="Run NIR in real numbers too: what does each approximation cost?")
]
Fit = Annotated[
    bool,
    typer.Option("--fit", help="Choose feedback so that neurons reset to a value keep their spike counts."),
]
Spikes = Annotated[
    Path | None, typer.Option(help="Spikes to measure and fit on: .npy or .npz of step x input; else random.")
]


def convert(
    context: typer.Context,
    network: NetworkFile,
    out: Out,
    arch: Arch = "senna",
    dt: Dt = None,
    reset: Reset = "zero",
    plain: Plain = False,
    measure: Measure = False,
    fit: Fit = False,
    spikes: Spikes = None,
    lossy: Lossy = False,
    as_json: Json = False,
) -> None:
    """Convert a network file to another format, NIR included, and declare what the other cannot express."""
    from anomaly.atomic import write_bytes
    from anomaly.errors import UsageError
    from chip.arch import load_arch
    from chip.nir import read_nir

    _check_options(context, network, dt, fit and reset != "zero")
    _check_out(network, out, spikes)
    if dt is not None and ".nir" not in (network.suffix, out.suffix):
        raise UsageError("only NIR has time in it", where="--dt")
    spec, told = load_arch(arch), _spikes(spikes)
    content: dict[str, Any] = {}
    declared: list[Declaration] = []
    if network.suffix == ".nir":
        fitted: Any = (told if spikes else "trial") if fit else None
        imported = read_nir(
            network, spec, dt_s=dt, reset=reset, plain=plain, fit=fitted, spikes=told, lossy=lossy
        )
        if imported.translation is None:
            _check_exact(context, out)
        loaded, dt, declared = imported.network, dt or imported.dt_s, list(imported.declarations)
        content = {"dt_s": imported.dt_s, "exact": imported.exact}
        if measure:
            content["agreement"] = _measured(imported, spec, told)
        elif imported.agreement:
            content["agreement"] = {"chip": imported.agreement["all"].to_dict()}
    else:
        loaded = _load(network, spec)
    data, added = _packed(loaded, out, dt)
    write_bytes(out, data)
    sizes = {"neurons": loaded.n_neurons, "synapses": loaded.n_synapses}
    _show({**sizes, **content}, [*declared, *added], as_json)
    typer.echo(f"{loaded.n_neurons} neurons, {loaded.n_synapses} synapses, in {out}", err=True)


_OF_NIR = ("--reset", "--plain", "--measure", "--fit", "--spikes", "--lossy")


def _check_options(context: typer.Context, network: Path, dt: float | None, fit_to_subtract: bool) -> None:
    from anomaly.errors import UsageError

    for option in _OF_NIR:
        if on_command_line(context, option) and network.suffix != ".nir":
            raise UsageError(f"is about reading a .nir file, and NETWORK is {network}", where=option)
    if fit_to_subtract:
        message = "is about resets to a value, not about those that subtract"
        raise UsageError(message, where="--fit", hint="leave out one of the two")
    if dt is not None and not 0 < dt < float("inf"):
        raise UsageError(f"is {dt:g}, not a time above 0", where="--dt", hint="in seconds, such as 1e-4")


def _check_exact(context: typer.Context, out: Path) -> None:
    """Refuse options without effect where the exact integers of a network are read; --dt is for a .nir OUT, too."""
    from anomaly.errors import UsageError

    timed = () if out.suffix == ".nir" else ("--dt",)
    for option in ("--reset", "--measure", "--fit", "--spikes", *timed):
        if on_command_line(context, option):
            message = "says nothing of a file that holds the integers of its network beside the nodes"
            raise UsageError(message, where=option, hint="--plain reads the nodes")


def _check_out(network: Path, out: Path, spikes: Path | None) -> None:
    from anomaly.atomic import check_writable
    from anomaly.errors import UsageError

    if out.suffix not in SUFFIXES:
        hint = "a bitstream is made by anomaly chip compile" if out.suffix == ".bit" else None
        raise UsageError(f"has the suffix {out.suffix!r}, not {', '.join(SUFFIXES)}", where=out, hint=hint)
    if out.is_dir():
        raise UsageError("is a folder", where=out, hint="name a file to write")
    keep_inputs(out, "OUT", network, spikes)
    check_writable(out.parent, "OUT")


def _show(content: dict[str, Any], declared: list[Declaration], as_json: bool) -> None:
    import json

    if as_json:
        whole = {**content, "declarations": [declaration.to_dict() for declaration in declared]}
        typer.echo(json.dumps(whole, indent=2))
        return
    for declaration in declared:
        typer.echo(declaration)
    from chip.nir import Agreement

    for about, found in content.get("agreement", {}).items():
        typer.echo(f"agreement: {about}: {Agreement(**found)}")


def _load(path: Path, spec: ArchSpec) -> Network:
    from chip.files import load_network

    return load_network(path, spec)


def _spikes(path: Path | None) -> Any:
    from chip.sim.stimulus import load_spikes

    return None if path is None else load_spikes(path)[:, 0]


def _measured(imported: NirImport, spec: ArchSpec, spikes: Any) -> dict[str, Any]:
    from chip.nir import measure

    found = measure(imported, v_sat=spec.v_sat, spikes=spikes)
    return {about: agreement.to_dict() for about, agreement in found.items()}


def _packed(network: Network, out: Path, dt_s: float | None) -> tuple[bytes, list[Declaration]]:
    from chip.nir import DT_S, export_declarations, write_nir

    if out.suffix == ".nir":
        return write_nir(network, dt_s=DT_S if dt_s is None else dt_s), list(export_declarations(network))
    return network.to_npz() if out.suffix == ".npz" else network.to_json().encode(), []
