"""Text of `anomaly doctor`: the verdict, failures and warnings with remedies, and the checks that passed."""

from __future__ import annotations

from collections.abc import Sequence

from anomaly.monitor.doctor.check_result import CheckResult, Level
from anomaly.readable import count

_MARKS: dict[Level, str] = {"fail": "FAIL", "warn": "warn", "ok": "ok"}
_NAME_WIDTH = 24


def doctor_text(results: Sequence[CheckResult], *, details: bool = False) -> list[str]:
    """Lines about an examination, failures first, each level in the order of the checks.

    Args:
        results: of all checks.
        details: a line for each check that passed, too.
    """
    by_level = {level: [result for result in results if result.level == level] for level in _MARKS}
    problems = [line for level in ("fail", "warn") for line in _lines(by_level[level])]
    passed = by_level["ok"]
    if details:
        return [_verdict(by_level), *problems, *_lines(passed)]
    names = f": {', '.join(result.check for result in passed)}" if passed else ""
    return [_verdict(by_level), *problems, f"{count(len(passed), 'check')} passed{names}."]


def _verdict(by_level: dict[Level, list[CheckResult]]) -> str:
    failures, warnings = len(by_level["fail"]), len(by_level["warn"])
    warned = f", {count(warnings, 'warning')}" if warnings else ""
    if failures:
        return f"not ready: a monitor cannot run here; {count(failures, 'failure')}{warned}."
    return f"ready: a monitor can run here{warned}."


def _lines(results: Sequence[CheckResult]) -> list[str]:
    lines = []
    for result in results:
        lines.append(f"{_MARKS[result.level]:<4}  {result.check:<{_NAME_WIDTH}} {result.message}")
        if result.remedy and result.level != "ok":
            lines.append(f"{'':<{len('FAIL  ') + _NAME_WIDTH + 1}}{result.remedy}")
    return lines
