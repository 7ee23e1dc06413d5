"""Every failure has words, a place, a hint, and the exit code that the documentation promises."""

from __future__ import annotations

from pathlib import Path

import pytest

import chip.errors
from anomaly import cli, errors

CODES: dict[type[Exception], int] = {
    errors.AnomalyError: 1,
    errors.UsageError: 2,
    errors.ConfigError: 3,
    errors.InputError: 4,
    errors.ModelError: 5,
    errors.DeviceError: 6,
    errors.RemoteError: 7,
    chip.errors.ChipError: 1,
    chip.errors.SpecError: 3,
    chip.errors.MissingPackageError: 3,
    chip.errors.NetworkError: 4,
    chip.errors.FitError: 5,
    chip.errors.BitstreamError: 5,
}


def run_raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    """Exit code of a command that raises ``error``."""

    def command(**_: object) -> int:
        raise error

    monkeypatch.setattr(cli, "build", lambda: command)
    return cli.run([])


def tree(top: type[Exception]) -> set[type[Exception]]:
    return {top}.union(*(tree(below) for below in top.__subclasses__()))


def test_every_error_is_documented() -> None:
    ours = tree(errors.AnomalyError) | tree(chip.errors.ChipError)
    assert {kind for kind in ours if kind.__module__.endswith(".errors")} == set(CODES)


@pytest.mark.parametrize(("kind", "code"), CODES.items())
def test_words_place_hint_and_code(
    kind: type[errors.AnomalyError],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = kind("is broken", where=Path("pump.wav"), hint="take another")
    assert run_raising(error, monkeypatch) == code
    said = capsys.readouterr()
    assert said.err == "error: pump.wav: is broken\n  take another\n"
    assert said.out == ""


def test_place_and_hint_may_be_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_raising(errors.InputError("no sound"), monkeypatch) == 4
    assert capsys.readouterr().err == "error: no sound\n"


def test_a_bug_shows_where(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_raising(ZeroDivisionError("division by zero"), monkeypatch) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "this is a bug in anomaly" in said


def test_an_interrupt_is_no_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_raising(KeyboardInterrupt(), monkeypatch) == 130
    assert capsys.readouterr().err == "interrupted\n"
