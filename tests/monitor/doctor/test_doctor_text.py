"""Text of the doctor: the verdict, failures, warnings, and the checks that passed."""

from __future__ import annotations

from anomaly.monitor.doctor import CheckResult
from anomaly.monitor.doctor.doctor_text import doctor_text

OK = CheckResult("python.version", "ok", "Python 3")
WARNING = CheckResult("clock.time", "warn", "not synchronised", "install chrony")
FAILURE = CheckResult("site.bundles", "fail", "no bundle", "train one")


def test_failures_come_first_with_their_remedy() -> None:
    verdict, failure, remedy, warning, _, passed = doctor_text([OK, WARNING, FAILURE])
    assert verdict == "not ready: a monitor cannot run here; 1 failure, 1 warning."
    assert failure.split() == ["FAIL", "site.bundles", "no", "bundle"]
    assert remedy.strip() == "train one"
    assert remedy.index("train") == failure.index("no bundle")
    assert warning.startswith("warn  clock.time ")
    assert passed == "1 check passed: python.version."


def test_nothing_to_repair() -> None:
    assert doctor_text([OK]) == ["ready: a monitor can run here.", "1 check passed: python.version."]
    assert doctor_text([WARNING])[0] == "ready: a monitor can run here, 1 warning."


def test_details_show_checks_that_passed() -> None:
    assert doctor_text([OK], details=True)[1] == "ok    python.version           Python 3"
