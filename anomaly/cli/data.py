"""Commands of the group `data`: simulated machines, public data sets, and what is wrong with a folder."""

from __future__ import annotations

import typer

from anomaly.cli import data_check, data_fetch, data_simulate


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    data = typer.Typer(
        no_args_is_help=True, help="Recordings: simulate machines, fetch public sets, check folders."
    )
    data_simulate.register(data)
    data_check.register(data)
    data_fetch.register(data)
    app.add_typer(data, name="data")
