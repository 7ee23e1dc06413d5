"""The command line: one thin file per command group, no logic.

Nothing here imports numpy or torch at module level, so that ``anomaly --help`` answers at once.
Data goes to stdout, words to stderr. Exit codes: 0 ok, 1 bug, 2 usage, 3 configuration, 4 input,
5 model, 6 device, 7 remote, 10 only with ``--fail-on-anomaly``, 130 interrupted.
"""

from __future__ import annotations

import errno
import importlib
import sys

import typer

from anomaly.cli import streams

INTERRUPTED = 130
GROUPS = (
    "demo",
    "devices",
    "data",
    "train",
    "evaluate",
    "score",
    "report",
    "explain",
    "monitor",
    "serve",
    "status",
    "trend",
    "cases",
    "maintenance",
    "calibrate",
    "feedback",
    "replay",
    "config",
    "verify",
    "models",
    "doctor",
    "chip",
)


def build() -> typer.Typer:
    """The whole command tree."""
    app = typer.Typer(
        name="anomaly",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Detects faults of machines by their sound, with a spiking network that fits the SENNA chip.",
    )

    @app.callback()
    def root(
        version: bool = typer.Option(
            False, "--version", is_eager=True, callback=_show_version, help="Show the version."
        ),
    ) -> None:
        """Options before the command."""

    for group in GROUPS:
        importlib.import_module(f"anomaly.cli.{group}").register(app)
    return app


def _show_version(asked: bool) -> None:
    if asked:
        from anomaly import __version__

        print(f"anomaly {__version__}")
        raise typer.Exit


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; every failure becomes a message on stderr."""
    streams.prepare()
    code = _run(arguments)
    loss = streams.unreported_loss()
    if loss is None:
        return code
    lost = _reader_gone(arguments) if isinstance(loss, BrokenPipeError) else _output_lost(loss)
    return code or lost


def _run(arguments: list[str]) -> int:
    try:
        _check_arguments(arguments)
        code = build()(args=_with_web_address(arguments), prog_name="anomaly", standalone_mode=False)
        if code == INTERRUPTED:
            # typer has caught Ctrl-C itself.
            print("interrupted", file=sys.stderr)
        return code if isinstance(code, int) else 0
    except typer.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        if not error.format_message():
            # No words at all: the help has been shown, and there is nothing to add.
            return error.exit_code
        print(f"error: {_plain(error.format_message())}", file=sys.stderr)
        print(f"  see `{context.command_path if context else 'anomaly'} --help`", file=sys.stderr)
        return error.exit_code
    except SystemExit as stop:
        # typer turns a broken pipe into an exit of its own.
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
        return _reader_gone(arguments)
    except BrokenPipeError:
        return _reader_gone(arguments)
    except Exception as error:
        if streams.is_loss_of_stdout(error):
            return _output_lost(error)
        return _explain(error)


def _plain(message: str) -> str:
    """Return a message about an argument without the terms of the library that has parsed it."""
    from anomaly.config.validation_errors import plain

    return plain(message)


def _check_arguments(arguments: list[str]) -> None:
    """An empty argument is a variable that was not set; as a path it would mean the current folder.

    Empty names are told by those who look for the machine, the bundle or the version.
    """
    before = arguments[: arguments.index("")] if "" in arguments else arguments
    named = before[:1] in (["verify"], ["models"]) or before[-1:] == ["--machine"]
    if "" in arguments and not named:
        from anomaly.errors import UsageError

        raise UsageError(
            "is empty",
            where=f"the argument after {before[-1]!r}" if before else "the first argument",
            hint="was a variable of the shell not set?",
        )


def _with_web_address(arguments: list[str]) -> list[str]:
    """Give ``monitor --web`` without an address the usual one."""
    places = [at for at, argument in enumerate(arguments) if argument == "--web"]
    if arguments[:1] != ["monitor"] or not places:
        return arguments
    follows = arguments[places[0] + 1 : places[0] + 2]
    if follows and not follows[0].startswith("-"):
        return arguments
    return [*arguments[: places[0] + 1], "127.0.0.1:8421", *arguments[places[0] + 1 :]]


def _reader_gone(arguments: list[str]) -> int:
    """End quietly: the reader of a pipe (`| head`) has gone. Rows of scores that nobody got are an error."""
    if arguments[:1] == ["score"]:
        return _output_lost(BrokenPipeError(errno.EPIPE, "its reader has gone"))
    streams.discard_stdout()
    return 0


def _output_lost(error: Exception) -> int:
    """Report that stdout cannot be written: a full disk, or a descriptor that is closed."""
    from anomaly.errors import ConfigError

    streams.discard_stdout()
    reason = error.strerror if isinstance(error, OSError) else str(error)
    hint = "make room on the disk that the output goes to, or send it elsewhere"
    if isinstance(error, OSError) and error.errno in (errno.EBADF, errno.EPIPE):
        reason, hint = "it is closed", "keep its reader running to the last row, or send it to a file"
    return _explain(ConfigError(f"cannot be written: {reason}", where="standard output", hint=hint))


def _explain(error: Exception) -> int:
    code = getattr(error, "exit_code", 1)
    if not hasattr(error, "hint"):
        import traceback

        traceback.print_exc()
        print("error: this is a bug in anomaly; please report the lines above", file=sys.stderr)
        return 1
    print(f"error: {error}", file=sys.stderr)
    if error.hint:
        print(f"  {error.hint}", file=sys.stderr)
    return int(code)
