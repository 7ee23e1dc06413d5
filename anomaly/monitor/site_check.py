"""Check of a site file against what it names: bundles, streams in environment variables, and secrets for answers."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from anomaly.alerts.answers.answer_service import answer_secrets
from anomaly.bundle import open_bundle
from anomaly.config import Answers, Sinks, Site
from anomaly.errors import AnomalyError, ConfigError
from anomaly.strict_yaml import load


def machine_errors(path: Path, site: Site) -> list[ConfigError]:
    """Return an error with its place in the file for each machine that cannot be monitored as it stands.

    Args:
        path: the file.
        site: its content.
    """
    _, lines = load(path)
    errors = []
    for name, machine in site.machines.items():
        place = ("machines", name)
        if machine.source_env is not None and not os.environ.get(machine.source_env):
            stream = (*place, "source_env")
            text = f"the environment variable {machine.source_env} is not set"
            errors.append(ConfigError(text, where=f"{path}:{lines.get(stream, 1)}: {'.'.join(stream)}"))
        try:
            open_bundle(site.models_dir / site.bundle_of(name))
        except AnomalyError as error:
            key: tuple[str, ...] = place if machine.model is None else (*place, "model")
            where = f"{path}:{lines.get(key, 1)}: {'.'.join(key)}"
            errors.append(ConfigError(str(error), where=where, hint=error.hint))
    return errors


def answer_errors(path: Path, site: Site) -> list[ConfigError]:
    """Return an error with its place in the file if the secret of a system that may answer cannot be used."""
    try:
        answer_secrets(site)
    except ConfigError as error:
        _, lines = load(path)
        where = f"{path}:{lines.get(('answers', 'systems'), 1)}: answers.systems"
        return [ConfigError(str(error), where=where, hint=error.hint)]
    return []


def readable_parts(path: Path) -> Site:
    """Return the sinks and answers of a file whose other sections are wrong; none where they are wrong themselves."""
    try:
        content, _ = load(path)
    except ConfigError:
        content = None
    sections = content if isinstance(content, dict) else {}
    found: dict[str, Any] = {"sinks": Sinks(), "answers": None}
    for name, model in (("sinks", Sinks), ("answers", Answers)):
        with suppress(ConfigError, ValidationError):
            if sections.get(name):
                found[name] = model.model_validate(sections[name], context={"folder": path.parent})
    return Site.model_construct(**found)
