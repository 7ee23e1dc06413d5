"""One line of the doctor's answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from anomaly.errors import AnomalyError, ConfigError

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class CheckResult:
    """What was looked at, and how it is.

    Args:
        check: a stable name with a dot.
        level: ok; warn: it will run, but not well or not for long; fail: it will not.
        words: what was found.
        remedy: what to do; "" where nothing is to be done.
        exit_code: of the command, if this is the first that fails.
    """

    check: str
    level: Level
    words: str
    remedy: str = ""
    exit_code: int = ConfigError.exit_code

    def to_dict(self) -> dict[str, str]:
        """As JSON types."""
        return {key: value for key, value in asdict(self).items() if key != "exit_code"}


def failed(check: str, error: AnomalyError, level: Level = "fail") -> CheckResult:
    """An error as a finding."""
    return CheckResult(check, level, str(error), error.hint or "", error.exit_code)
