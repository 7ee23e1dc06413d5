"""Figures on recorded lives: alarms, and remaining time on lives left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anomaly.prognosis.index.series import Values
from anomaly.prognosis.life.remaining_life import RemainingLife
from lib.trend.recorded_lives import RecordedLife

CUTS = (0.5, 0.75, 0.9)
# Spread of a guess around the times left of past lives, natural logarithms.
_SPREAD = 0.3
_CANDIDATES = 200


def alarm_figures(lives: Sequence[RecordedLife]) -> dict[str, Any]:
    """Return when each life was warned, and how well."""
    table = {one.name: {"first_alarm_s": one.life.alarm_s, "end_s": one.life.end_s} for one in lives}
    warned = [one.life for one in lives if one.life.alarm_s is not None]
    early = [life for life in warned if life.alarm_s is not None and life.alarm_s < life.end_s / 2]
    # Time from the alarm to the end: nothing for a life that was not warned.
    ahead = [0.0 if one.life.alarm_s is None else one.life.end_s - one.life.alarm_s for one in lives]
    return {
        "lives": table,
        "false_in_first_half": len(early),
        "missed": len(lives) - len(warned),
        "median_lead_s": float(np.median(ahead)),
    }


def remaining_figures(lives: Sequence[RecordedLife]) -> dict[str, Any]:
    """Return coverage, width and challenge score of the remaining time on lives left out."""
    cuts: list[dict[str, Any]] = []
    for at, one in enumerate(lives):
        model = RemainingLife([other.life for n, other in enumerate(lives) if n != at])
        for share in CUTS:
            part = one.life.until(share * one.life.end_s)
            left_s = one.life.end_s - part.end_s
            found = model.interval(part)
            guess_s = best_guess_s(*model.samples(part))
            cuts.append(
                {
                    "life": one.name,
                    "share": share,
                    "left_s": left_s,
                    "interval_s": None if found is None else [round(found.lower_s), round(found.upper_s)],
                    "held": None if found is None else found.holds(left_s),
                    "score": challenge_score(guess_s, left_s),
                }
            )
    given = [cut for cut in cuts if cut["held"] is not None]
    return {
        **_coverage(given),
        "challenge_score": round(float(np.mean([cut["score"] for cut in cuts])), 3),
        "intervals": len(given),
        "without_interval": len(cuts) - len(given),
        "at": {f"{share:g}": _coverage([cut for cut in given if cut["share"] == share]) for share in CUTS},
        "details": cuts,
    }


def _coverage(given: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Return the share that held, and the median of upper over lower end."""
    if not given:
        return {"coverage": None, "width": None}
    widths = [cut["interval_s"][1] / max(cut["interval_s"][0], 1) for cut in given]
    held = float(np.mean([cut["held"] for cut in given]))
    return {"coverage": round(held, 3), "width": round(float(np.median(widths)), 1)}


def challenge_score(guess_s: float, left_s: float) -> float:
    """Return the score of the PHM 2012 data challenge for one remaining time; too long a guess costs most."""
    percent = 100.0 * (left_s - guess_s) / left_s
    return float(_scores(np.array([percent]))[0])


def best_guess_s(times_s: Values, weights: Values) -> float:
    """Return the guess with the highest expected score of the challenge.

    Args:
        times_s: times left of past lives.
        weights: their weights.
    """
    points, heights = np.polynomial.hermite_e.hermegauss(5)
    times = np.outer(times_s, np.exp(_SPREAD * points)).ravel()
    chances = np.outer(weights, heights / heights.sum()).ravel()
    candidates = np.geomspace(times.min(), times.max(), _CANDIDATES)
    expected = [float(chances @ _scores(100.0 * (times - guess) / times)) for guess in candidates]
    return float(candidates[int(np.argmax(expected))])


def _scores(percent: Values) -> Values:
    late = np.exp(-np.log(0.5) * np.minimum(percent, 0.0) / 5.0)
    early = np.exp(np.log(0.5) * np.maximum(percent, 0.0) / 20.0)
    return np.asarray(late * early)
