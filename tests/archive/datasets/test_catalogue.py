"""The catalogue is valid, and agrees with its sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.archive.datasets.catalogue import catalogue
from anomaly.errors import ConfigError, UsageError
from anomaly.workspace import machine_name

SETS = catalogue().data_sets


def test_the_catalogue_has_the_challenges_and_their_origins() -> None:
    challenges = {f"dcase{year}{part}" for year in range(2020, 2027) for part in ("", "-eval")}
    assert challenges | {"mimii-6db", "mimii-0db", "mimii-minus-6db", "mimii-due", "toyadmos"} <= set(SETS)


def test_a_file_that_two_sources_agree_on() -> None:
    (file,) = SETS["dcase2020"].machines["pump"]
    assert (file.record, file.name) == (3678171, "dev_data_pump.zip")
    assert (file.size_bytes, file.md5) == (1_031_279_015, "90e7091ef722b7238a7f1009365779cd")


@pytest.mark.parametrize("name", SETS)
def test_every_set_can_be_fetched_by_name(name: str) -> None:
    about = SETS[name]
    assert all(machine_name(f"{name}-{machine}") for machine in about.machines)
    assert len({machine.lower() for machine in about.machines}) == len(about.machines)
    for files in about.machines.values():
        assert len({file.name for file in files}) == len(files)
        assert all(file.name.endswith(".zip") == (about.packed == "zip") for file in files)


def test_no_checksum_stands_for_two_files() -> None:
    files = [f for about in SETS.values() for some in about.machines.values() for f in some]
    sums = [file.md5 for file in files if file.md5 is not None]
    assert len(set(sums)) == len(sums)
    assert len({(file.record, file.name) for file in files}) == len(files)


def test_machines_are_found_in_any_case() -> None:
    assert SETS["dcase2020"].machine("toycar") == "ToyCar"
    assert SETS["dcase2020"].machine("lathe") is None


def test_the_error_of_an_unknown_set_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="dcase1999") as caught:
        catalogue().data_set("dcase1999")
    assert "mimii-due" in str(caught.value.hint)


def test_the_error_of_an_invalid_catalogue_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yaml"
    file.write_text(
        "data_sets:\n  a:\n    title: A\n    layout: split\n    citation: B\n    source: [C]\n"
        "    machines:\n      fan: [{record: 1, name: ../fan.zip}]\n"
    )
    with pytest.raises(ConfigError) as caught:
        catalogue(file)
    assert "catalogue.yaml:8" in str(caught.value)
