from __future__ import annotations

from anomaly.audio.simulator.seeds import of_machine, of_take, stream


def test_a_name_has_one_stream_and_names_have_different_ones() -> None:
    names: list[tuple[int | str, ...]] = [("take", 1), ("take", 2), ("machine", 1), ("take", "1"), ("take",)]
    first = [stream(*name).random() for name in names]
    assert first == [stream(*name).random() for name in names]
    assert len(set(first)) == len(names)


def test_a_take_has_another_stream_than_its_machine() -> None:
    numbers = {
        of_machine("pump", 0, "flow").random(),
        of_machine("pump", 1, "flow").random(),
        of_take("pump", 0, 0, "flow").random(),
        of_take("pump", 0, 1, "flow").random(),
        of_take("pump", 1, 0, "flow").random(),
        of_take("fan", 1, 0, "flow").random(),
    }
    assert len(numbers) == 6
