from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.circuit import KINDS
from anomaly.student.residuals import candidates, find_residuals, pursue, solve

Gram = npt.NDArray[np.float64]
BANDS, TAPS = 8, 24


def gram_of(values: npt.NDArray[np.float64]) -> Gram:
    centred = values - values.mean(axis=0)
    gram: Gram = centred.T @ centred / len(centred)
    return gram


def data(seed: int = 0, count: int = 4000) -> npt.NDArray[np.float64]:
    """Taps of which band 2 is made of taps 5 and 17."""
    random = np.random.default_rng(seed)
    taps = random.standard_normal((count, TAPS)) * np.linspace(1, 3, TAPS)
    taps[:, 2] = 0.8 * taps[:, 5] - 0.5 * taps[:, 17] + 0.1 * random.standard_normal(count)
    return taps


def test_pursuit_finds_what_a_band_is_made_of() -> None:
    sources, weights = pursue(gram_of(data()), 2, [tap for tap in range(TAPS) if tap != 2], 24)
    assert dict(zip(sources, np.round(weights, 2), strict=True)) == {5: 0.8, 17: -0.5}


def test_the_largest_share_comes_first() -> None:
    gram = gram_of(data())
    sources, _ = pursue(gram, 2, list(range(3, TAPS)), 24)
    share = [gram[2, tap] ** 2 / gram[tap, tap] for tap in sources]
    assert share == sorted(share, reverse=True)


@pytest.mark.parametrize("terms", [0, 1, 2, 5])
def test_there_are_never_more_terms_than_asked_for(terms: int) -> None:
    random = np.random.default_rng(1)
    mixed = random.standard_normal((500, TAPS)) @ random.standard_normal((TAPS, TAPS))
    sources, weights = pursue(gram_of(mixed), 0, list(range(1, TAPS)), terms)
    assert len(sources) == len(weights) == len(set(sources)) == terms


def test_only_what_is_allowed_is_used() -> None:
    sources, _ = pursue(gram_of(data()), 2, [3, 4, 17], 24)
    assert sources == (17,)
    assert pursue(gram_of(data()), 2, [], 24)[0] == ()


def test_silent_taps_are_no_sources() -> None:
    silent = data()
    silent[:, 5] = 0.0
    sources, _ = pursue(gram_of(silent), 2, [tap for tap in range(TAPS) if tap != 2], 24)
    assert sources == (17,)


def test_a_silent_band_is_predicted_from_nothing() -> None:
    silent = data()
    silent[:, 2] = 0.0
    assert pursue(gram_of(silent), 2, [tap for tap in range(TAPS) if tap != 2], 3)[0] == ()


def test_least_squares_with_a_small_ridge() -> None:
    gram = gram_of(data())
    weights = solve(gram, [5, 17], gram[[5, 17], 2])
    assert weights == pytest.approx(np.linalg.lstsq(data()[:, [5, 17]], data()[:, 2])[0], rel=0.01)
    twins = np.ones((2, 2))
    assert solve(twins, [0, 1], np.ones(2)).sum() == pytest.approx(1, rel=0.01)


def test_candidates_of_each_kind() -> None:
    assert candidates("static", 3, BANDS, TAPS) == [0, 1, 2, 4, 5, 6, 7]
    delayed = candidates("delayed", 3, BANDS, TAPS)
    assert delayed == [tap for tap in range(TAPS) if tap != 3]
    local = candidates("local", 0, 16, 48)
    assert local == [1, 2, 3, 4, 16, 17, 18, 19, 20, 32, 33, 34, 35, 36]


def test_every_band_has_a_residual_of_every_kind() -> None:
    found = find_residuals(gram_of(data()), BANDS, fan_in=4, most_uses=99)
    assert [(r.kind, r.band) for r in found] == [(k, b) for k in range(len(KINDS)) for b in range(BANDS)]
    assert all(len(r.sources) <= 3 and r.band not in r.sources for r in found)


@pytest.mark.parametrize("most_uses", [3, 5, 9])
def test_no_tap_is_used_too_often(most_uses: int) -> None:
    """One band leads all others: without a limit every residual would hang on its wire."""
    random = np.random.default_rng(2)
    leading = random.standard_normal((3000, TAPS)) + 0.1
    leading[:, :BANDS] += 5 * random.standard_normal(3000)[:, None]
    leading[:, 4] -= 0.9 * random.standard_normal(3000)
    found = find_residuals(gram_of(leading), BANDS, fan_in=6, most_uses=most_uses)
    uses = np.zeros(TAPS, int)
    for residual in found:
        uses[[residual.band, *residual.sources]] += 1
    assert uses.max() <= most_uses
