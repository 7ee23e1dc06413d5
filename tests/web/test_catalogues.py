"""Texts of the dashboard: both languages have the same, and the scripts use no others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "anomaly" / "web" / "static"
PLACE = re.compile(r"\{(\w+)\}")
# Keys that scripts write out; those that they put together begin with one of these.
USED = re.compile(r"""\b(?:t|panel|move)\(\s*"([a-z][\w.-]*)"[),]""")
COUNTED = re.compile(r"""\bcount\(\s*"([\w.-]+)",""")
PUT_TOGETHER = re.compile(r"""(?:\bt\(|\bhas\()`([a-z][\w.-]*\.)\$\{""")


@pytest.fixture(scope="module")
def texts() -> dict[str, dict[str, str]]:
    """Texts by language."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (STATIC / "text").glob("*.json")
    }


@pytest.fixture(scope="module")
def scripts() -> str:
    """All scripts."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((STATIC / "js").rglob("*.js")))


def test_both_languages_have_the_same_keys(texts: dict[str, dict[str, str]]) -> None:
    assert list(texts["en"]) == list(texts["de"])
    assert set(texts) == {"en", "de"}


def test_no_text_is_empty_and_places_agree(texts: dict[str, dict[str, str]]) -> None:
    for key, english in texts["en"].items():
        german = texts["de"][key]
        assert english
        assert german
        assert sorted(PLACE.findall(english)) == sorted(PLACE.findall(german)), key


def test_scripts_use_known_keys(texts: dict[str, dict[str, str]], scripts: str) -> None:
    used = set(USED.findall(scripts))
    used |= {f"{key}.{form}" for key in COUNTED.findall(scripts) for form in ("one", "other")}
    assert len(used) > 150
    assert sorted(used - set(texts["en"])) == []
    beginnings = set(PUT_TOGETHER.findall(scripts))
    assert [start for start in beginnings if not any(key.startswith(start) for key in texts["en"])] == []


def test_every_text_is_used(texts: dict[str, dict[str, str]], scripts: str) -> None:
    beginnings = {
        *PUT_TOGETHER.findall(scripts),
        *(f"{name}." for name in re.findall(r'named\("([\w-]+)"', scripts)),
    }
    unused = [
        key
        for key in texts["en"]
        if f'"{key}"' not in scripts
        and not any(key.startswith(start) for start in beginnings)
        and key.removesuffix(".one").removesuffix(".other") not in COUNTED.findall(scripts)
    ]
    assert [key for key in unused if not key.endswith((".sign", ".done"))] == []
