"""``anomaly train`` and ``anomaly distill``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli.option_rules import needs

if TYPE_CHECKING:
    from anomaly.training import StudentConstraints, TrainingRequest

_Machine = Annotated[
    str, typer.Option("--machine", help="Name of the machine; its bundle is models/<machine>.")
]
_Data = Annotated[Path | None, typer.Option("--data", help="Folder of recordings (default: data/<machine>).")]
_Models = Annotated[Path | None, typer.Option("--models", help="Folder of bundles (default: models).")]
_Profile = Annotated[str, typer.Option("--profile", help="fast, standard or best.")]
_Level = Annotated[bool, typer.Option("--level-normalise", help="Take the loudness of the last seconds off.")]
_LevelOfTeacher = Annotated[
    bool | None,
    typer.Option(
        "--level-normalise/--no-level-normalise",
        help="As for train; by default what the teacher's bundle was trained with.",
    ),
]
_Seed = Annotated[
    int,
    typer.Option("--seed", min=0, max=2**63 - 1, help="The same seed gives the same model on one machine."),
]
_Arch = Annotated[str, typer.Option("--arch", help="Chip: a name such as senna, or a YAML file.")]
_Neurons = Annotated[int | None, typer.Option("--max-neurons", help="Neurons the student may have.")]
_Synapses = Annotated[int | None, typer.Option("--max-synapses", help="Synapses it may have.")]
_Sop = Annotated[
    float | None, typer.Option("--max-sop-per-s", help="Synaptic operations per second of normal sound.")
]
_Energy = Annotated[
    float | None,
    typer.Option("--max-energy", help="Joule per second of normal sound, by the calibration named with it."),
]
_Calibration = Annotated[
    str,
    typer.Option(
        "--energy-calibration",
        help="With --max-energy: where the chip's power goes: activity, clock or leakage.",
    ),
]
_Bits = Annotated[
    int | None, typer.Option("--weight-bits", help="Bits of a weight instead of the architecture's, 3 to 8.")
]
_Accelerator = Annotated[str, typer.Option("--accelerator", help="auto, cpu or cuda.")]
_Lossy = Annotated[
    bool,
    typer.Option(
        "--lossy-link",
        help="Insist that neurons forget events lost on the way to the chip, whatever the machine and the budget; "
        "refused where the chip cannot.",
    ),
]
_Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Stop at the first recording that cannot be read, instead of leaving it out."
    ),
]
_Details = Annotated[bool, typer.Option("--details", help="Also print figures of chip and statistics.")]
_SignKey = Annotated[Path | None, typer.Option("--sign-key", help="PEM file with an Ed25519 private key.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("train")(train)
    app.command("distill")(distill)


def train(
    context: typer.Context,
    machine: _Machine,
    data: _Data = None,
    models: _Models = None,
    profile: _Profile = "standard",
    level_normalise: _Level = False,
    seed: _Seed = 0,
    arch: _Arch = "senna",
    max_neurons: _Neurons = None,
    max_synapses: _Synapses = None,
    max_sop_per_s: _Sop = None,
    max_energy: _Energy = None,
    energy_calibration: _Calibration = "leakage",
    weight_bits: _Bits = None,
    accelerator: _Accelerator = "auto",
    lossy_link: _Lossy = False,
    sign_key: _SignKey = None,
    strict: _Strict = False,
    details: _Details = False,
    as_json: _Json = False,
) -> None:
    """Learn what a machine normally sounds like: teacher, student, chip, calibration, bundle."""
    from anomaly import workspace
    from anomaly.extras import trainer_installed

    needs(context, "--energy-calibration", "--max-energy")
    limits = (max_neurons, max_synapses, max_sop_per_s, max_energy)
    with trainer_installed():
        from anomaly.training import TrainingRequest
    request = TrainingRequest(
        machine=workspace.machine_name(machine),
        data=data or workspace.data_dir() / machine,
        models=workspace.models_dir(models),
        profile=profile,
        level_normalise=level_normalise,
        seed=seed,
        arch=arch,
        sign_key=sign_key,
        constraints=_constraints(limits, energy_calibration, accelerator, lossy_link),
        weight_bits=weight_bits,
        strict=strict,
    )
    _run(request, as_json, details)


def distill(
    context: typer.Context,
    machine: _Machine,
    teacher: Annotated[
        Path | None, typer.Option("--teacher", help="A teacher.onnx (default: the bundle's).")
    ] = None,
    data: _Data = None,
    models: _Models = None,
    profile: _Profile = "standard",
    level_normalise: _LevelOfTeacher = None,
    seed: _Seed = 0,
    arch: _Arch = "senna",
    max_neurons: _Neurons = None,
    max_synapses: _Synapses = None,
    max_sop_per_s: _Sop = None,
    max_energy: _Energy = None,
    energy_calibration: _Calibration = "leakage",
    weight_bits: _Bits = None,
    accelerator: _Accelerator = "auto",
    lossy_link: _Lossy = False,
    sign_key: _SignKey = None,
    strict: _Strict = False,
    details: _Details = False,
    as_json: _Json = False,
) -> None:
    """Make a new student from a teacher that exists: distil, compile, calibrate, bundle."""
    from anomaly import workspace
    from anomaly.bundle import open_bundle
    from anomaly.extras import trainer_installed

    needs(context, "--energy-calibration", "--max-energy")
    limits = (max_neurons, max_synapses, max_sop_per_s, max_energy)
    folder = workspace.models_dir(models)
    if teacher is None:
        # Opened for its check: a damaged teacher must not be distilled from.
        teacher = open_bundle(folder / workspace.choose_machine(folder, machine)).path / "teacher.onnx"
    with trainer_installed():
        from anomaly.training import TrainingRequest
        from anomaly.training.imported_teacher import missing_calibration_notice
    if (notice := missing_calibration_notice(teacher)) is not None:
        typer.echo(notice, err=True)
    request = TrainingRequest(
        machine=workspace.machine_name(machine),
        data=data or workspace.data_dir() / machine,
        models=folder,
        profile=profile,
        level_normalise=level_normalise,
        seed=seed,
        arch=arch,
        teacher=teacher,
        sign_key=sign_key,
        constraints=_constraints(limits, energy_calibration, accelerator, lossy_link),
        weight_bits=weight_bits,
        strict=strict,
    )
    _run(request, as_json, details)


def _constraints(
    limits: tuple[int | None, int | None, float | None, float | None],
    calibration: str,
    accelerator: str,
    lossy_link: bool,
) -> StudentConstraints:
    from anomaly.training import Budget, StudentConstraints, energy_calibration

    return StudentConstraints(Budget(*limits, energy_calibration(calibration)), accelerator, lossy_link)


def _run(request: TrainingRequest, as_json: bool, details: bool) -> None:
    import json

    from anomaly.bundle import versions
    from anomaly.progress import stages
    from anomaly.training import train as run_training
    from anomaly.training.reporting.summary import summary_text

    replaced = versions.about_to_replace(request.models, request.machine)
    faulty: list[str] = []
    try:
        with stages(lines=True) as report:
            trained = run_training(request, report=report, on_faulty=lambda fault: faulty.append(str(fault)))
    finally:
        # Also where too little is left: the causes stand before the error.
        for fault in faulty:
            typer.echo(fault, err=True)
    typer.echo(json.dumps(trained.to_dict()) if as_json else summary_text(trained, details=details))
    if replaced is not None:
        typer.echo(replaced, err=True)
