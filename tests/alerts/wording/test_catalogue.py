"""Catalogues of texts: all languages have the same texts with the same values, and write numbers in their way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from anomaly.alerts.wording import catalogue as module
from anomaly.alerts.wording.catalogue import catalogue
from anomaly.audio.sensor.faults import SENSOR_FAULTS
from anomaly.fault_families import FINDINGS
from anomaly.languages import LANGUAGES
from anomaly.strict_yaml import load
from support.surroundings import in_time_zone

FOLDER = Path(module.__file__).parent


def leaves(texts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in texts.items():
        path = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from leaves(value, f"{path}.")
        else:
            yield path, value


def test_each_file_is_a_language() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_texts_with_the_same_values(language: str) -> None:
    def values(name: str) -> dict[str, set[str | None]]:
        texts, _ = load(FOLDER / f"{name}.yaml")
        return {path: {part[1] for part in Formatter().parse(text)} - {None} for path, text in leaves(texts)}

    assert values(language) == values("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_of_a_microphone_has_a_text_and_a_check(language: str) -> None:
    texts, _ = load(FOLDER / f"{language}.yaml")
    assert set(texts["faults"]) == set(texts["sensor-checks"]) == set(SENSOR_FAULTS)


def test_the_english_faults_and_findings_are_those_of_the_program() -> None:
    texts, _ = load(FOLDER / "en.yaml")
    assert texts["faults"] == SENSOR_FAULTS
    assert texts["findings"] == FINDINGS


@pytest.mark.parametrize(
    ("language", "number", "frequency"), [("en", "26,000", "3.2 kHz"), ("de", "26.000", "3,2 kHz")]
)
def test_numbers(language: Any, number: str, frequency: str) -> None:
    words = catalogue(language)
    assert (words.number(25_600), words.frequency(3_200), words.frequency(250)) == (
        number,
        frequency,
        "250 Hz",
    )


@pytest.mark.parametrize(
    ("language", "expected"), [("en", "2027-07-15 10:00:00 CEST"), ("de", "15.07.2027, 10:00:00 CEST")]
)
def test_local_time(language: Any, expected: str) -> None:
    with in_time_zone("Europe/Berlin"):
        assert catalogue(language).time(1_815_638_400.0) == expected
