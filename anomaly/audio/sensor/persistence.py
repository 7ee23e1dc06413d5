"""Persistence of sensor faults: a few bad seconds make a fault, a few good ones end it.

The live monitor and the scoring of recordings share it, so that both distrust the same seconds.
"""

from __future__ import annotations

from collections import Counter, deque

# Seconds in a row: one odd second is a knock on the microphone, three are a fault.
BAD_AFTER_S, GOOD_AFTER_S = 3, 3
# A machine whose sound varies may hide a fault in every other second: half of the last ones are a fault, too.
_WINDOW_S, _BAD_OF_WINDOW_S = 8, 4


class SensorPersistence:
    """Debounces the status of a sensor.

    Args:
        fault: status that is in force at the start, such as that of a case left open by an earlier run.
    """

    def __init__(self, fault: str | None = None) -> None:
        self.fault = fault
        """Status of the fault in force; None while the sensor is trusted."""
        self._bad_s = self._good_s = self._same_s = 0
        self._status = "ok"
        self._last: deque[str] = deque(maxlen=_WINDOW_S)

    def second(self, status: str) -> bool:
        """Take the status of one second and return whether it can be trusted: it is ok, and no fault is in force."""
        self._same_s = self._same_s + 1 if status == self._status else 1
        self._status = status
        self._last.append(status)
        if status == "ok":
            self._bad_s, self._good_s = 0, self._good_s + 1
            if self._good_s >= GOOD_AFTER_S:
                self.fault = None
                self._last.clear()
        else:
            self._bad_s, self._good_s = self._bad_s + 1, 0
            # A fault whose status changes from second to second keeps its name.
            if self._bad_s >= BAD_AFTER_S and (self.fault is None or self._same_s >= BAD_AFTER_S):
                self.fault = status
            elif self.fault is None:
                self.fault = self._frequent()
        return status == "ok" and self.fault is None

    def _frequent(self) -> str | None:
        """Return the fault that half of the last seconds share with others, by its most frequent status."""
        bad = Counter(status for status in self._last if status != "ok")
        return bad.most_common(1)[0][0] if bad.total() >= _BAD_OF_WINDOW_S else None

    def fail(self, fault: str) -> None:
        """Put a fault in force that shows in no second, such as a lost device."""
        self.fault, self._good_s = fault, 0
