from __future__ import annotations

import sys

import pytest

from anomaly.progress import stages


def test_without_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with stages() as report:
        report("teaching", 0.5)
        report("compiling", 1.0)
    assert capsys.readouterr() == ("", "")


def test_lines_in_a_pipe_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = iter([0.0, 1.0, 9.9, 10.0, 19.0, 21.0, 22.0])
    monkeypatch.setattr("anomaly.progress.time.monotonic", lambda: next(now_s))
    with stages(lines=True) as report:
        for share in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
            report("teaching", share)
        report("compiling", 0.0)
    assert capsys.readouterr() == ("", "teaching: 0 %\nteaching: 30 %\nteaching: 50 %\ncompiling: 0 %\n")


def test_without_a_terminal_rich_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with stages() as report:
        report("teaching", 1.0)


def test_bars_go_to_stderr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with stages() as report:
        for share in (0.0, 0.5, 1.0):
            report("teaching", share)
        report("compiling", 0.0)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "teaching" in shown.err
    assert "compiling" in shown.err


def test_bars_end_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with pytest.raises(RuntimeError, match="broken"):
        _fail_half_way()
    # A bar left alive would make rich refuse the next one.
    with stages() as report:
        report("teaching", 1.0)


def _fail_half_way() -> None:
    with stages() as report:
        report("teaching", 0.3)
        raise RuntimeError("broken")
