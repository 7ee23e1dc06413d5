"""`anomaly serve`: the dashboard, and its users."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli.options import Config, Json, Models, State

if TYPE_CHECKING:
    from anomaly.web.security.users import UserFile

_Host = Annotated[
    str, typer.Option("--host", help="Address to listen at; others than this computer need users.")
]
_Port = Annotated[int, typer.Option("--port", min=0, max=65_535, help="TCP port; 0 for a free one.")]
_Data = Annotated[Path | None, typer.Option("--data", help="Folder of recordings (default: data).")]
_Tokens = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="FILE", help="Lines of NAME ROLE[+listen] TOKEN; mode 600."),
]
_Url = Annotated[
    str | None,
    typer.Option("--url", help="Address under which others reach it, such as through a proxy with TLS."),
]
_Certificate = Annotated[Path | None, typer.Option("--certificate", metavar="PEM", help="Serve TLS with it.")]
_Key = Annotated[Path | None, typer.Option("--key", metavar="PEM", help="Private key of the certificate.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(no_args_is_help=False, invoke_without_command=True, help="Serve the dashboard.")
    group.callback(invoke_without_command=True)(serve)
    users = typer.Typer(no_args_is_help=True, help="Users of the dashboard.")
    for command in (add, remove, show):
        users.command("list" if command is show else command.__name__)(command)
    group.add_typer(users, name="users")
    app.add_typer(group, name="serve")


def serve(
    context: typer.Context,
    host: _Host = "127.0.0.1",
    port: _Port = 8421,
    models: Models = None,
    state: State = None,
    config: Config = None,
    data: _Data = None,
    token_file: _Tokens = None,
    url: _Url = None,
    certificate: _Certificate = None,
    key: _Key = None,
) -> None:
    """Serve the dashboard and its HTTP API, beside a running monitor or without one."""
    if context.invoked_subcommand is not None:
        return
    from anomaly.extras import needs
    from anomaly.web.settings import WebSettings

    with needs("web"):
        from anomaly.web.server import lower_priority, serve
    settings = WebSettings(
        config=config,
        models=models,
        state=state,
        data=data,
        host=host,
        port=port,
        token_file=token_file,
        url=url,
        certificate=certificate,
        key=key,
    )
    lower_priority()
    serve(settings, lambda address: print(f"dashboard: {address}", file=sys.stderr, flush=True))


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name to log in with.")],
    role: Annotated[str, typer.Option("--role", help="viewer, operator or admin.")] = "viewer",
    listen: Annotated[
        bool, typer.Option("--listen", help="May listen to sound; each access is logged.")
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
    ] = False,
    state: State = None,
    config: Config = None,
) -> None:
    """Add a user, or give one another password and role."""
    from anomaly.errors import UsageError
    from anomaly.web.security.identity import Role

    if role not in tuple(Role):
        raise UsageError(f"there is no role {role!r}", hint=f"roles: {', '.join(Role)}")
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    _file(state, config).add(name, password, Role(role), listen=listen)
    print(f"{name} may log in as {role}{' and listen' if listen else ''}", file=sys.stderr)


def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")],
    state: State = None,
    config: Config = None,
) -> None:
    """Remove a user; sessions end at once."""
    _file(state, config).remove(name)


def show(state: State = None, config: Config = None, as_json: Json = False) -> None:
    """List the users with their roles."""
    import json

    users = _file(state, config).users()
    if as_json:
        rows = [{"name": name, "role": user.role, "listen": user.listen} for name, user in users.items()]
        print(json.dumps(rows))
        return
    for name, user in sorted(users.items()):
        print(f"{name:<20} {user.role}{' +listen' if user.listen else ''}")


def _file(state: Path | None, config: Path | None) -> UserFile:
    from anomaly.web.security.users import USERS_NAME, UserFile
    from anomaly.web.settings import WebSettings
    from anomaly.web.site_access import SiteAccess

    access = SiteAccess(WebSettings(config=config, state=state))
    return UserFile(access.web_folder / USERS_NAME)
