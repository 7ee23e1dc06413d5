"""`anomaly doctor`: is everything here that a monitor needs to run for months.

``finding`` is one line of the answer; ``system``, ``sound`` and ``site`` look. Nothing is changed or sent.
"""

from anomaly.monitor.doctor.finding import CheckResult, Level
from anomaly.monitor.doctor.run import examine

__all__ = ["CheckResult", "Level", "examine"]
