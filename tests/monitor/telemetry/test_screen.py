"""Screen output, on a terminal and in a file."""

from __future__ import annotations

import io

import pytest

from anomaly.monitor.records import EventRecord, SecondRecord
from anomaly.monitor.telemetry.screen import Screen, line
from support.terminal import Terminal

pytestmark = pytest.mark.usefixtures("utc")


def second(number: int, score: float | None = 1.0, state: str = "OK") -> SecondRecord:
    sensor = "ok" if score is not None else "silent"
    return SecondRecord("pump", 60.0 + number, number, score, 0.3 if score else None, state, sensor, -30.0)


EVENT = EventRecord("case.opened", "pump", 63.0, "it rattles")


def test_line_of_a_second() -> None:
    shown = line(second(1, 10.0, "ALARM"))
    assert (
        shown == "00:01:01 UTC  pump  ALARM  [##########..........] score  10.0, as in normal sound, -30 dBFS"
    )


def test_the_bar_is_limited() -> None:
    assert "[" + "#" * 20 + "]" in line(second(0, 1e6))
    assert "[" + "." * 20 + "]" in line(second(0, -1e6))


def test_a_score_about_zero_has_no_sign() -> None:
    assert "score   0.0," in line(second(0, -0.04))


def test_a_second_without_a_score_names_the_sensor_fault() -> None:
    assert line(second(0, None)).endswith("not judged: silent")


def test_a_file_gets_events_and_a_line_a_minute() -> None:
    out = io.StringIO()
    screen = Screen(out)
    assert [number for number in range(121) if screen.show(second(number))] == [0, 60, 120]
    assert screen.show(EVENT)
    screen.close()
    lines = out.getvalue().splitlines()
    assert [shown[:8] for shown in lines] == ["00:01:00", "00:02:00", "00:03:00", "00:01:03"]
    assert "\x1b" not in out.getvalue()


def test_a_terminal_has_a_status_line_and_lines_of_events() -> None:
    out = Terminal()
    screen = Screen(out)
    for record in (second(0), second(1), EVENT, second(2)):
        screen.show(record)
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().count("\r\x1b[K") == 4
    screen.close()
    assert out.getvalue().endswith("dBFS\n")
    screen.close()
    assert out.getvalue().count("\n") == 2


def test_several_machines_share_the_status_line() -> None:
    terminal = Terminal()
    screen = Screen(terminal, columns=60)
    for name, score in (("pump", 0.5), ("fan", 12.0)):
        screen.show(SecondRecord(name, 0.0, 1, score, 0.5, "OK", "ok", -30.0))
    assert terminal.getvalue().endswith("00:00:00 UTC  fan OK 12.0  |  pump OK 0.5")
    screen.show(SecondRecord("fan", 1.0, 2, None, None, "OK", "silent", -200.0))
    assert terminal.getvalue().endswith("00:00:01 UTC  fan OK sensor silent  |  pump OK 0.5")
    screen.show(EventRecord("device.lost", "fan", 2.0, "it is gone"))
    screen.show(SecondRecord("pump", 2.0, 3, 0.5, 0.5, "OK", "ok", -30.0))
    assert "fan" not in terminal.getvalue().rpartition("\r")[2]


def test_a_long_line_is_cut_at_the_width_of_the_terminal() -> None:
    terminal = Terminal()
    screen = Screen(terminal, columns=20)
    for number in range(9):
        screen.show(SecondRecord(f"m{number}", 0.0, 1, 1.0, 0.5, "OK", "ok", -30.0))
    assert len(terminal.getvalue().rpartition("\x1b[K")[2]) == 20


def test_a_probability_is_shown_as_a_frequency() -> None:
    shown = line(SecondRecord("pump", 0.0, 1, 1.0, 1e-12, "OK", "ok", -30.0))
    assert "less often than once in a million seconds of normal sound" in shown
