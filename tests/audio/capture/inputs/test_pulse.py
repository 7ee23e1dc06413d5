from __future__ import annotations

from anomaly.audio.capture.inputs.pulse import lists_source


def test_a_source_is_matched_by_its_whole_name() -> None:
    listed = "0\tmic\tm.c\ts16le 1ch 48000Hz\tRUNNING\n1\tmic2\tm.c\ts16le 1ch 48000Hz\tIDLE\n"
    assert [lists_source(listed, name) for name in ("mic", "mic2", "mi", "m.c", "")] == [True, True] + [
        False
    ] * 3
