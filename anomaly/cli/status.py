"""`anomaly status`: every machine of the site, the worst first."""

from __future__ import annotations

import json

import typer

from anomaly.cli.options import Config, Json, Models, State


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(status)


def status(models: Models = None, state: State = None, config: Config = None, as_json: Json = False) -> None:
    """Show every machine: state, since when, microphone, cases, model, budget; then sinks, disk and database.

    Nothing is changed, and no monitor needs to run: a machine that none watches is UNKNOWN.
    """
    from anomaly.cli.site_options import chosen_site
    from anomaly.monitor.status.site_status import site_status
    from anomaly.monitor.status.status_text import status_text

    found = site_status(chosen_site(config, models, state))
    typer.echo(json.dumps(found.to_dict()) if as_json else "\n".join(status_text(found)))
