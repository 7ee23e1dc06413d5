"""Settings that all rows of a folder of scores share, and the manifest that holds them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from anomaly import atomic
from anomaly.archive.results.schema import SCHEMA_VERSION
from anomaly.errors import ConfigError

MANIFEST_JSON = "manifest.json"
_HINT = "give another folder with --out, or move this one away"


@dataclass(frozen=True)
class PartSettings:
    """Settings that the rows depend on.

    Args:
        models: version of the bundle of each machine.
        detector: the one that scored.
        false_alarms_per_day: budget of the decision.
        channel: the channel that was scored.
        per_second: whether there is a table of seconds.
        snapshots: whether each file is one short sound of a periodic series.
    """

    models: dict[str, str]
    detector: str
    false_alarms_per_day: float
    channel: int | str
    per_second: bool
    snapshots: bool = False


@dataclass(frozen=True)
class ScoreManifest:
    """Content of ``manifest.json``.

    Args:
        settings: of all rows.
        run: number of the run, from 1: another one adds what is new.
        finished: whether the run came to its end; if not, the same command goes on.
        parts: name, number of rows and of bytes of each part, once the run is finished.
    """

    settings: PartSettings
    run: int = 1
    finished: bool = False
    parts: Sequence[dict[str, Any]] = field(default_factory=tuple)

    def write(self, folder: Path) -> None:
        """Write the manifest of a folder in one step.

        Raises:
            ConfigError: it cannot be written.
        """
        values = {"schema": SCHEMA_VERSION, **asdict(self), "parts": list(self.parts)}
        text = json.dumps(values, indent=1, sort_keys=True) + "\n"
        atomic.write_bytes(folder / MANIFEST_JSON, text.encode())


def read_manifest(folder: Path) -> ScoreManifest | None:
    """Read the manifest of a folder; None where there is none.

    Raises:
        ConfigError: it is damaged, or of another version of the schema.
    """
    path = folder / MANIFEST_JSON
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["schema"] != SCHEMA_VERSION:
            raise ConfigError(
                f"holds tables of version {values['schema']}, this program writes {SCHEMA_VERSION}",
                where=path,
                hint=_HINT,
            )
        settings = PartSettings(**values["settings"])
        return ScoreManifest(settings, int(values["run"]), bool(values["finished"]), values["parts"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError("is damaged, and cannot be added to", where=path, hint=_HINT) from error


def check_same(folder: Path, found: PartSettings, own: PartSettings) -> None:
    """Check that rows of a run may be added to those of a folder.

    Raises:
        ConfigError: a setting differs, or a machine was scored with another model.
    """
    different = [
        f"{name} {getattr(found, name)} there, {getattr(own, name)} now"
        for name in ("detector", "false_alarms_per_day", "channel", "per_second", "snapshots")
        if getattr(found, name) != getattr(own, name)
    ]
    different += [
        f"model of {machine} {found.models[machine]} there, {version} now"
        for machine, version in own.models.items()
        if found.models.get(machine, version) != version
    ]
    if different:
        reason = f"holds scores of a run with other settings ({'; '.join(different)})"
        raise ConfigError(reason, where=folder, hint=_HINT)


def check_unused(folder: Path) -> None:
    """Check that a folder holds no scores.

    Raises:
        ConfigError: it does.
    """
    if (folder / MANIFEST_JSON).exists():
        raise ConfigError("holds scores already", where=folder, hint="leave out --no-resume to add to them")
