from __future__ import annotations

import io

from anomaly.text_table import aligned, print_table
from support.terminal import Terminal

HEAD = ("state", "score", "path")
ROWS = [("OK", "-0.25", "a.wav"), ("ALARM", "12.5", "with [brackets].wav"), ("–", "–", "")]


def test_columns_stand_apart_and_numbers_to_the_right() -> None:
    assert aligned([HEAD, *ROWS]).splitlines() == [
        "state  score  path",
        "OK     -0.25  a.wav",
        "ALARM   12.5  with [brackets].wav",
        "–          –",
    ]
    assert aligned([]) == ""
    assert aligned([HEAD]) == "state  score  path\n"


def test_a_pipe_gets_plain_columns() -> None:
    pipe = io.StringIO()
    print_table(HEAD, ROWS, file=pipe)
    assert pipe.getvalue() == aligned([HEAD, *ROWS])


def test_a_terminal_gets_a_drawing_with_every_word() -> None:
    terminal = Terminal()
    print_table(HEAD, ROWS, file=terminal)
    shown = terminal.getvalue()
    assert "─" in shown
    for word in ("ALARM", "12.5", "with [brackets].wav"):
        assert word in shown


def test_names_that_are_no_text_can_be_shown() -> None:
    pipe = io.StringIO()
    print_table(("path",), [[b"pump\xff\n1.wav".decode("utf-8", "surrogateescape")]], file=pipe)
    assert pipe.getvalue() == "path\npump��1.wav\n"
