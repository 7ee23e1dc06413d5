"""Changes of the site file: a machine is added, or gets another budget; comments and all else stay as they are."""

from __future__ import annotations

import json
import re
import stat
import tempfile
from pathlib import Path
from typing import Any

from anomaly import atomic
from anomaly.config import DEFAULT_NAME, load_site
from anomaly.errors import ConfigError
from anomaly.store.database.file_lock import FileLock
from anomaly.web.errors import ApiError

_MACHINES = re.compile(r"^machines:[ \t]*(?P<rest>\{[ \t]*\})?[ \t]*(?P<comment>#.*)?$", re.MULTILINE)
_ENTRY = re.compile(r"^(?P<indent>[ ]+)\S", re.MULTILINE)
_BUDGET = "false_alarms_per_day"


def add_machine(file: Path | None, state_dir: Path, name: str, settings: dict[str, Any]) -> None:
    """Add a machine to the site file; it is written only if all of it is right afterwards.

    Args:
        file: the site file; None for a new one in the current folder.
        state_dir: folder of the lock of such changes.
        name: of the machine.
        settings: its keys with values; None for keys to leave out.

    Raises:
        ApiError: it is there already, or the file is not written as this can change.
        ConfigError: the file would not be right, or cannot be written.
    """
    path = Path(DEFAULT_NAME) if file is None else file
    with _locked(state_dir):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if text and name in load_site(path).machines:
            raise ApiError(409, f"there is a machine {name!r} already", "choose another name")
        kept = {key: value for key, value in settings.items() if value is not None}
        # JSON is YAML, and quotes what YAML would read as something else.
        entry = f"{json.dumps(name)}: {json.dumps(kept, ensure_ascii=False)}"
        _write(path, _with_entry(text, entry))


def set_budget(file: Path, state_dir: Path, name: str, per_day: float) -> None:
    """Give a machine that `add_machine` has written another budget.

    Raises:
        ApiError: the machine is written in another way.
        ConfigError: the file cannot be written.
    """
    with _locked(state_dir):
        site = load_site(file)
        if name not in site.machines:
            raise ApiError(404, f"there is no machine {name!r} in the site file")
        if site.machines[name].false_alarms_per_day == per_day:
            return
        line = re.compile(
            rf"^(?P<head>[ ]+{re.escape(json.dumps(name))}: )(?P<value>\{{.*\}})$", re.MULTILINE
        )
        text = file.read_text(encoding="utf-8")
        match = line.search(text)
        if match is None:
            hint = f"change {_BUDGET} of {name} in the site file"
            raise ApiError(409, "the machine was not added in the browser", hint)
        settings = json.loads(match["value"]) | {_BUDGET: per_day}
        changed = f"{match['head']}{json.dumps(settings, ensure_ascii=False)}"
        _write(file, text[: match.start()] + changed + text[match.end() :])


def _with_entry(text: str, entry: str) -> str:
    match = _MACHINES.search(text)
    if match is None:
        if re.search(r"^machines:", text, re.MULTILINE):
            hint = "write each machine on lines of its own below `machines:`"
            raise ApiError(409, "the machines of the site file stand on one line", hint)
        end = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{end}machines:\n  {entry}\n"
    first = _ENTRY.match(text, match.end() + 1)
    indent = first["indent"] if first is not None and match["rest"] is None else "  "
    head = f"machines:{'  ' + match['comment'] if match['comment'] else ''}"
    return f"{text[: match.start()]}{head}\n{indent}{entry}{text[match.end() :]}" + (
        "" if text.endswith("\n") else "\n"
    )


def _write(path: Path, text: str) -> None:
    """Check a new content in the folder of the file, where its relative paths begin, and put it in place."""
    folder = path.absolute().parent
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=folder, prefix=".site.", suffix=".yaml", encoding="utf-8"
        ) as trial:
            trial.write(text)
            trial.flush()
            load_site(Path(trial.name))
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=path) from error
    except ConfigError as error:
        raise ApiError(422, error.message, error.hint) from error
    atomic.write_bytes(path, text.encode(), mode=mode)


def _locked(state_dir: Path) -> FileLock:
    state_dir.mkdir(parents=True, exist_ok=True)
    return FileLock(state_dir / "site-file.lock")
