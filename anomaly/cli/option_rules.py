"""Rules for options of one command: an option that would be ignored is refused."""

from __future__ import annotations

import typer


def on_command_line(context: typer.Context, option: str) -> bool:
    """Return whether an option is on the command line in this spelling; a default does not count."""
    for parameter in context.command.params:
        if option in (*parameter.opts, *parameter.secondary_opts):
            source = context.get_parameter_source(parameter.name or "")
            return source is not None and source.name == "COMMANDLINE"
    raise LookupError(f"{context.command_path} has no option {option}")


def repeated(context: typer.Context, *options: str) -> str:
    """Return those options of the command line with their values, to be appended to a command that follows.

    Without them the command would be about the default folders, or about another detector.
    """
    import shlex

    found = [
        f" {option} {shlex.quote(str(context.params[parameter.name or '']))}"
        for option in options
        for parameter in context.command.params
        if option in parameter.opts and on_command_line(context, option)
    ]
    return "".join(found)


def needs(context: typer.Context, option: str, *others: str) -> None:
    """Refuse an option that has no effect unless one of the others is there.

    Raises:
        UsageError: it is there, and none of the others; names all.
    """
    if on_command_line(context, option) and not any(on_command_line(context, other) for other in others):
        from anomaly.errors import UsageError

        raise UsageError(
            f"has no effect without {' or '.join(others)}",
            where=option,
            hint="add it, or leave out the other",
        )


def excludes(context: typer.Context, option: str, *others: str) -> None:
    """Refuse options that have no effect beside another one.

    Raises:
        UsageError: it is there, and one of the others; names both.
    """
    if not on_command_line(context, option):
        return
    for other in others:
        if on_command_line(context, other):
            from anomaly.errors import UsageError

            raise UsageError(f"has no effect with {option}", where=other, hint="leave out one of the two")
