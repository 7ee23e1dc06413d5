"""Commands of the group `data`: simulated machines, public data sets, and the check of a folder."""

from __future__ import annotations

import typer

from anomaly.cli.data import check, fetch, simulate


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    data = typer.Typer(
        no_args_is_help=True, help="Recordings: simulate machines, fetch public sets, check folders."
    )
    simulate.register(data)
    check.register(data)
    fetch.register(data)
    app.add_typer(data, name="data")
