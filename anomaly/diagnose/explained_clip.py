"""Explanation of the sound around an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.diagnose.naming.examples import KnownCase
from anomaly.diagnose.naming.fingerprint import fingerprint
from anomaly.diagnose.naming.resemblance import UNKNOWN, resemblance
from anomaly.diagnose.physics.envelope import Curve
from anomaly.diagnose.physics.explanation import explain_sound
from anomaly.diagnose.physics.machine_normal import Sound
from anomaly.diagnose.physics.sentence import sentence
from anomaly.diagnose.why.reason import find_reason

_ONSET_S = 3.0
"""Seconds before an alarm that may hold the fault already: the decision takes so long."""
_LEAST_S, _PIECE_S = 1.0, 2.0
_LEAST_PIECES = 2
FINGERPRINT = "fingerprint"
"""Key of the fingerprint, from which feedback makes an example."""


def explain_clip(
    samples: Curve, rate_hz: float, mark_s: float, facts: RotatingFacts, examples: Sequence[KnownCase] = ()
) -> dict[str, Any]:
    """Explain an alarm by the sound after it against the sound before it, and by the parts of the machine.

    Args:
        samples: [n], from before the alarm to after it.
        rate_hz: sample rate.
        mark_s: seconds from the beginning to the alarm.
        facts: of the machine; without bearings, only the change of the sound is described.
        examples: earlier cases whose cause is known.

    Returns:
        JSON types: ``sentence``, ``family``, ``candidates``, and where there is enough sound before ``change``,
        ``fingerprint`` and ``resembles``.
    """
    samples = np.asarray(samples, dtype=np.float64)
    mark = round(max(0.0, mark_s) * rate_hz)
    now = samples[mark:] if len(samples) - mark >= _LEAST_S * rate_hz else samples
    found: dict[str, Any] = {"family": "none", "candidates": []}
    sentences = []
    before = _pieces(samples[: max(0, mark - round(_ONSET_S * rate_hz))], rate_hz)
    if len(before) >= _LEAST_PIECES:
        reason = find_reason(now, rate_hz, before)
        found |= {"change": None if reason.change is None else reason.change.to_dict()}
        values = fingerprint(now, rate_hz, before)
        found[FINGERPRINT] = [round(float(value), 1) for value in values]
        alike = resemblance(values, examples)
        found["resembles"] = None if alike is None else alike.finding
        if reason.change is not None:
            sentences.append(reason.sentence().removesuffix(".") + ", against the seconds before the alarm.")
        if alike is not None and alike.finding != UNKNOWN:
            sentences.append(alike.sentence())
    if facts.bearings:
        explained = explain_sound(Sound(now, rate_hz), facts)
        found["family"] = explained.family
        found["candidates"] = [one.to_dict() for one in explained.candidates]
        if explained.family != "none":
            sentences.append(sentence(explained))
    return found | {"sentence": " ".join(sentences)}


def _pieces(samples: Curve, rate_hz: float) -> list[Curve]:
    size = round(_PIECE_S * rate_hz)
    return [samples[start : start + size] for start in range(0, len(samples) - size + 1, size)]
