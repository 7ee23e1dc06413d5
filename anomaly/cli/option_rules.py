"""Which options go together: one that would be ignored is refused, so that nobody believes that it did something."""

from __future__ import annotations

import typer


def given(context: typer.Context, option: str) -> bool:
    """Whether the option is on the command line, as it is written there; a default does not count."""
    for parameter in context.command.params:
        if option in (*parameter.opts, *parameter.secondary_opts):
            source = context.get_parameter_source(parameter.name or "")
            return source is not None and source.name == "COMMANDLINE"
    raise LookupError(f"{context.command_path} has no option {option}")


def needs(context: typer.Context, option: str, *others: str) -> None:
    """Refuse an option that says nothing unless one of the others is there.

    Raises:
        UsageError: it is there, and none of the others; names all.
    """
    if given(context, option) and not any(given(context, other) for other in others):
        from anomaly.errors import UsageError

        raise UsageError(
            f"says nothing without {' or '.join(others)}", where=option, hint="add it, or leave out the other"
        )


def excludes(context: typer.Context, option: str, *others: str) -> None:
    """Refuse options that say nothing beside another one.

    Raises:
        UsageError: it is there, and one of the others; names both.
    """
    if not given(context, option):
        return
    for other in others:
        if given(context, other):
            from anomaly.errors import UsageError

            raise UsageError(f"says nothing with {option}", where=other, hint="leave out one of the two")
