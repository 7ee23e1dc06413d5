"""Files of facts: the keys of ``facts:`` of a machine, in a YAML file of their own."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.config.validation_errors import explained
from anomaly.errors import ConfigError
from anomaly.strict_yaml import load

_HINT = "check the path given to --facts"


def load_facts(path: Path) -> RotatingFacts:
    """Read a file of facts; the keys may stand below ``facts:``.

    Raises:
        ConfigError: the file cannot be read, or something in it is wrong: the error names line and key.
    """
    value, lines = load(path, hint=_HINT)
    if not isinstance(value, dict):
        raise ConfigError("must hold keys such as speed_rpm: and bearings:", where=f"{path}:1")
    if set(value) == {"facts"} and isinstance(value["facts"], dict):
        value = value["facts"]
        lines = {key[1:]: line for key, line in lines.items() if len(key) > 1}
    try:
        return RotatingFacts.model_validate(value)
    except ValidationError as error:
        raise explained(error, RotatingFacts, path, lines) from error
