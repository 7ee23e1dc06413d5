"""Options that would be ignored are refused; only options on the command line count."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from anomaly.cli import run
from anomaly.cli.option_rules import excludes, needs, on_command_line, repeated
from anomaly.errors import UsageError


def _run(*options: str) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def sing(context: typer.Context, song: str = "", loud: bool = False, twice: bool = False) -> None:
        needs(context, "--loud", "--song", "--twice")
        excludes(context, "--song", "--twice")

    app(args=list(options), standalone_mode=False)


@pytest.mark.parametrize("options", [[], ["--song", "x"], ["--song", "x", "--loud"], ["--twice", "--loud"]])
def test_options_that_go_together(options: list[str]) -> None:
    _run(*options)


def test_an_option_without_effect_alone() -> None:
    with pytest.raises(UsageError, match="--loud: has no effect without --song or --twice"):
        _run("--loud")


def test_options_without_effect_together() -> None:
    with pytest.raises(UsageError, match="--twice: has no effect with --song"):
        _run("--twice", "--song", "x")


def test_a_default_that_is_written_out_counts() -> None:
    with pytest.raises(UsageError, match="--twice"):
        _run("--twice", "--song", "")
    with pytest.raises(UsageError, match="--twice"):
        _run("--song", "", "--twice")


def test_options_are_repeated_for_the_next_command() -> None:
    found = []
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def sing(context: typer.Context, song: str = "", state: str = "state") -> None:
        found.append(repeated(context, "--state", "--song", "--models"))

    app(args=["--song", "la la"], standalone_mode=False)
    app(args=["--song", "x", "--state", "other"], standalone_mode=False)
    assert found == [" --song 'la la'", " --state other --song x"]


def test_a_rule_about_no_option_is_a_bug() -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def sing(context: typer.Context) -> None:
        on_command_line(context, "--volume")

    with pytest.raises(LookupError, match="--volume"):
        app(args=[], standalone_mode=False)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("calibrate --list --replace", "--replace: has no effect without --from or --since"),
        ("calibrate --list --force", "--force: has no effect without --from or --since"),
        ("calibrate --revert 0 --note why", "--note: has no effect without --from or --since"),
        ("calibrate --revert 0 --by me", "--by: has no effect without --from or --since"),
        ("cases clip abc --note why", "--note: has no effect without --play or --export"),
        ("cases clip abc --by me", "--by: has no effect without --play or --export"),
        ("chip check x.npz --input-spikes s.npy", "--input-spikes: has no effect without --repair"),
        ("chip simulate x.npz --spikes s.npy --rate 0.1", "--rate: has no effect with --spikes"),
        ("chip decode x.bit --against y.bit --out z", "--out: has no effect with --against"),
        ("data fetch --list --machine fan", "--machine: has no effect with --list"),
        ("data fetch --list -y", "--yes: has no effect with --list"),
        ("data simulate --list --out x", "--out: has no effect with --list"),
        ("data simulate --machine fan --test-clips 3", "--test-clips: has no effect without --dataset"),
        ("distill --machine fan --energy-calibration clock", "--energy-calibration: has no effect without"),
        ("monitor --device hw:0 --no-realtime", "--no-realtime: has no effect with --device"),
        ("train --machine fan --energy-calibration clock", "--energy-calibration: has no effect without"),
    ],
)
def test_no_command_ignores_an_option(
    own_folder: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    assert run(line.split()) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"error: {message}")
    assert shown.out == ""
    assert list(own_folder.iterdir()) == []


def test_no_realtime_is_refused_for_microphones_and_streams(
    own_folder: Path, pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["monitor", "--models", str(pump_bundle.parent), "--machine", "pump", "--no-realtime"]
    (own_folder / "site.yaml").write_text("machines: {pump: {device: hw:0}}\n")
    for more in (["--source", "rtsp://camera/audio"], []):
        assert run([*options, *more]) == 2
        assert "--no-realtime: has no effect on a microphone or a stream" in capsys.readouterr().err
    assert [path.name for path in own_folder.iterdir()] == ["site.yaml"]


def test_a_named_site_file_must_exist(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cases", "list", "--state", "state", "--config", "nowhere.yaml"]) == 3
    assert "nowhere.yaml: cannot be read" in capsys.readouterr().err
