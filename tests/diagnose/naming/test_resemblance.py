"""Names from few examples, and their file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomaly.diagnose.naming.examples import KnownCase, add_example, read_examples
from anomaly.diagnose.naming.fingerprint import fingerprint
from anomaly.diagnose.naming.resemblance import UNKNOWN, resemblance
from anomaly.diagnose.physics.envelope import Curve
from anomaly.errors import ConfigError

RATE_HZ = 16_000


def sound(seed: int, tone_hz: float = 0.0, hiss: float = 0.0) -> Curve:
    rng = np.random.default_rng(seed)
    times = np.arange(RATE_HZ * 2) / RATE_HZ
    noise = rng.standard_normal(len(times))
    hissing = hiss * np.diff(rng.standard_normal(len(times) + 1))
    return np.asarray(noise + (3 * np.sin(2 * np.pi * tone_hz * times) if tone_hz else 0) + hissing)


NORMAL = [sound(seed) for seed in range(4)]


def example(finding: str, source: str, samples: Curve) -> KnownCase:
    return KnownCase(finding, source, tuple(fingerprint(samples, RATE_HZ, NORMAL)))


KNOWN = [example("gear", "a", sound(10, 1_900)), example("blade", "b", sound(11, hiss=3.0))]


@pytest.mark.parametrize(
    ("samples", "finding"),
    [(sound(20, 1_900), "gear"), (sound(21, hiss=3.5), "blade"), (sound(22, 400), UNKNOWN)],
)
def test_a_later_case_is_named_by_what_it_resembles_or_not_at_all(samples: Curve, finding: str) -> None:
    found = resemblance(fingerprint(samples, RATE_HZ, NORMAL), KNOWN)
    assert found is not None
    assert found.finding == finding
    assert ("no earlier case" in found.sentence()) == (finding == UNKNOWN)


def test_examples_of_other_bands_do_not_count() -> None:
    assert resemblance(np.zeros(3), KNOWN) is None


def test_examples_are_kept_and_replaced_by_case(tmp_path: Path) -> None:
    assert read_examples(tmp_path, "pump") == []
    add_example(tmp_path, "pump", KNOWN[0])
    add_example(tmp_path, "pump", KnownCase("blade", "a", (1.0, 2.0)))
    assert read_examples(tmp_path, "pump") == [KnownCase("blade", "a", (1.0, 2.0))]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "pump.json").write_text('[{"finding": "gear"}]')
    with pytest.raises(ConfigError, match="cannot be read"):
        read_examples(tmp_path, "pump")
