"""``anomaly train`` and ``anomaly distill``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anomaly.training import TrainingRequest

_Machine = Annotated[
    str, typer.Option("--machine", help="Name of the machine; its bundle is models/<machine>.")
]
_Data = Annotated[Path | None, typer.Option("--data", help="Folder of recordings (default: data/<machine>).")]
_Models = Annotated[Path | None, typer.Option("--models", help="Folder of bundles (default: models).")]
_Profile = Annotated[str, typer.Option("--profile", help="fast, standard or best.")]
_Level = Annotated[bool, typer.Option("--level-normalise", help="Take the loudness of the last seconds off.")]
_Seed = Annotated[
    int, typer.Option("--seed", min=0, help="The same seed gives the same model on one machine.")
]
_Arch = Annotated[str, typer.Option("--arch", help="Chip: a name such as senna, or a YAML file.")]
_SignKey = Annotated[Path | None, typer.Option("--sign-key", help="PEM file with an Ed25519 private key.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("train")(train)
    app.command("distill")(distill)


def train(
    machine: _Machine,
    data: _Data = None,
    models: _Models = None,
    profile: _Profile = "standard",
    level_normalise: _Level = False,
    seed: _Seed = 0,
    arch: _Arch = "senna",
    sign_key: _SignKey = None,
    as_json: _Json = False,
) -> None:
    """Learn what a machine normally sounds like: teacher, student, chip, calibration, bundle."""
    from anomaly import workspace
    from anomaly.extras import trainer_installed

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
    )
    _run(request, as_json)


def distill(
    machine: _Machine,
    teacher: Annotated[
        Path | None, typer.Option("--teacher", help="A teacher.onnx (default: the bundle's).")
    ] = None,
    data: _Data = None,
    models: _Models = None,
    profile: _Profile = "standard",
    level_normalise: _Level = False,
    seed: _Seed = 0,
    arch: _Arch = "senna",
    sign_key: _SignKey = None,
    as_json: _Json = False,
) -> None:
    """Make a new student from a teacher that exists: distil, compile, calibrate, bundle."""
    from anomaly import workspace
    from anomaly.bundle import open_bundle
    from anomaly.extras import trainer_installed

    folder = workspace.models_dir(models)
    if teacher is None:
        # Opened for its check: a damaged teacher must not be taught from.
        teacher = open_bundle(folder / workspace.choose_machine(folder, machine)).path / "teacher.onnx"
    with trainer_installed():
        from anomaly.training import TrainingRequest
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
    )
    _run(request, as_json)


def _run(request: TrainingRequest, as_json: bool) -> None:
    import json

    from anomaly.progress import stages
    from anomaly.training import train as run_training
    from anomaly.training.summary import in_words

    with stages() as report:
        trained = run_training(request, report=report)
    typer.echo(json.dumps(trained.to_dict()) if as_json else in_words(trained))
