"""Examples of known causes, kept with the state of the monitor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from anomaly import atomic
from anomaly.errors import ConfigError
from anomaly.fault_families import checked_finding

EXAMPLES_FOLDER = "examples"
_MOST_VALUES = 10_000


@dataclass(frozen=True)
class KnownCase:
    """One case whose cause is known.

    Args:
        finding: of `anomaly.fault_families`.
        source: the case.
        values: its fingerprint.
    """

    finding: str
    source: str
    values: tuple[float, ...]


def read_examples(state: Path, machine: str) -> list[KnownCase]:
    """Return the examples of a machine; none if there is no file.

    Raises:
        ConfigError: the file is damaged.
    """
    path = _path(state, machine)
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [_example(row) for row in rows]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"cannot be read: {error}", where=path, hint="move it away to begin anew"
        ) from error


def add_example(state: Path, machine: str, example: KnownCase) -> list[KnownCase]:
    """Store an example; one of the same case is replaced. Return all of the machine.

    Raises:
        ConfigError: the file is damaged or cannot be written.
    """
    kept = [one for one in read_examples(state, machine) if one.source != example.source]
    examples = [*kept, example]
    _write(_path(state, machine), examples)
    return examples


def _write(path: Path, examples: Sequence[KnownCase]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(path, json.dumps([asdict(one) for one in examples]).encode())
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=path) from error


def _example(row: dict[str, object]) -> KnownCase:
    values = row["values"]
    if not isinstance(values, list) or len(values) > _MOST_VALUES:
        raise ValueError("values are no list")
    finding = checked_finding(str(row["finding"]))
    return KnownCase(finding, str(row["source"]), tuple(float(value) for value in values))


def _path(state: Path, machine: str) -> Path:
    return state / EXAMPLES_FOLDER / f"{machine}.json"
