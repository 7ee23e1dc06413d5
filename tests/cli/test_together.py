"""Options that would be ignored are refused; only what stands on the command line counts as given."""

from __future__ import annotations

import pytest
import typer

from anomaly.cli.together import excludes, given, needs
from anomaly.errors import UsageError


def _run(*words: str) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def sing(context: typer.Context, song: str = "", loud: bool = False, twice: bool = False) -> None:
        needs(context, "--loud", "--song", "--twice")
        excludes(context, "--song", "--twice")

    app(args=list(words), standalone_mode=False)


@pytest.mark.parametrize("words", [[], ["--song", "x"], ["--song", "x", "--loud"], ["--twice", "--loud"]])
def test_what_goes_together(words: list[str]) -> None:
    _run(*words)


def test_what_says_nothing_alone() -> None:
    with pytest.raises(UsageError, match="--loud: says nothing without --song or --twice"):
        _run("--loud")


def test_what_says_nothing_together() -> None:
    with pytest.raises(UsageError, match="--twice: says nothing with --song"):
        _run("--twice", "--song", "x")


def test_a_default_that_is_written_out_is_given() -> None:
    with pytest.raises(UsageError, match="--twice"):
        _run("--twice", "--song", "")
    with pytest.raises(UsageError, match="--twice"):
        _run("--song", "", "--twice")


def test_a_rule_about_no_option_is_a_bug() -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def sing(context: typer.Context) -> None:
        given(context, "--volume")

    with pytest.raises(LookupError, match="--volume"):
        app(args=[], standalone_mode=False)
