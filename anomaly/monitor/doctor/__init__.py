"""Checks of an installation for `anomaly doctor`: all that a monitor needs to run for months.

`check_result` is the result of one check; `system_checks`, `sound_checks` and `site_checks` hold the checks,
`examination` runs them, `doctor_text` prints them. Nothing is changed or sent.
"""

from anomaly.monitor.doctor.check_result import CheckResult, Level
from anomaly.monitor.doctor.examination import examine

__all__ = ["CheckResult", "Level", "examine"]
