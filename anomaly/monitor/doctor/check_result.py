"""Result of one check of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anomaly.errors import AnomalyError, ConfigError

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class CheckResult:
    """Result of one check.

    Args:
        check: a stable name with a dot.
        level: ``warn``: a monitor will run, but not well or not for long; ``fail``: it will not.
        message: state of what was checked.
        remedy: what to do; "" where nothing is to be done.
        exit_code: of the command, if this is the first failure.
    """

    check: str
    level: Level
    message: str
    remedy: str = ""
    exit_code: int = ConfigError.exit_code

    def to_dict(self) -> dict[str, str]:
        """Return the fields as JSON types."""
        return {
            "check": self.check,
            "level": self.level,
            "words": self.message,
            "remedy": self.remedy,
        }


def failed(check: str, error: AnomalyError, level: Level = "fail") -> CheckResult:
    """Return an error as the result of a check."""
    return CheckResult(check, level, str(error), error.hint or "", error.exit_code)
