"""`anomaly verify`: check of a bundle, its files, signature and bitstream."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anomaly.bundle import Bundle


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("verify")(verify)


def verify(
    bundle: Annotated[
        str | None, typer.Argument(metavar="BUNDLE", help="Folder of a bundle, or a machine's name.")
    ] = None,
    machine: Annotated[
        str | None,
        typer.Option("--machine", help="The same, as other commands take it; default: the only one."),
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of bundles (default: models).")] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="Public key (PEM) that must have signed it (default: $ANOMALY_TRUSTED_KEY)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Check a bundle: hash of each file, bitstream against the trained network, signature if a key is given.

    Keys are made with `openssl genpkey -algorithm ed25519 -out site.key` and
    `openssl pkey -in site.key -pubout -out site.pub`; `anomaly train --sign-key site.key` signs.
    """
    import json

    from anomaly.bundle import find_bundle, open_bundle
    from anomaly.detect.model import check_model
    from anomaly.errors import UsageError
    from anomaly.workspace import choose_machine, models_dir

    if bundle is not None and machine is not None:
        raise UsageError("name the bundle once", where="--machine", hint=f"`anomaly verify {bundle}`")
    folder = models_dir(models)
    named = machine if bundle is None else bundle
    name = choose_machine(folder, None) if named is None else named
    opened = open_bundle(find_bundle(name, folder), trusted_key=key)
    check_model(opened)
    if as_json:
        manifest = opened.manifest.model_dump(mode="json")
        print(json.dumps({"bundle": str(opened.path), "ok": True, "signature": opened.signature, **manifest}))
    else:
        _show(opened)


def _show(bundle: Bundle) -> None:
    words = {
        "none": "not signed",
        "untrusted": "valid, but there is no trusted key to check the signer against",
        "verified": "valid, by the trusted key",
    }
    manifest = bundle.manifest
    print(f"bundle     {bundle.path}")
    print(f"machine    {manifest.machine}")
    print(f"created    {manifest.created_at.isoformat()} by anomaly {manifest.anomaly_version}")
    print(f"code       {manifest.code_fingerprint}")
    print(f"data       {manifest.data_fingerprint}")
    if manifest.signer is not None:
        print(f"signer     {manifest.signer}")
    print(f"signature  {words[bundle.signature]}")
    for name, entry in sorted(manifest.files.items()):
        print(f"file       {name}  {entry.size} bytes  sha256 {entry.sha256[:16]}…")
    print("ok         all files are unchanged, and the bitstream decodes to the trained network")
