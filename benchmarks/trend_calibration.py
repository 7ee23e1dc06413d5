"""Fit of the quantiles of the time to the alarm level on simulated degradations, for ``time_to_level.yaml``.

    python benchmarks/trend_calibration.py [--count N]

Prints the coefficients as the file holds them. The degradations of `benchmarks/lives.py` have other seeds.
"""

from __future__ import annotations

import argparse

from lib.progress import log
from lib.trend.ratio_fit import FIT_CUTS, WIDEN_CUTS, fit, simulated_cuts

FIT_SEED, WIDEN_SEED = 101, 103
COUNT = 5_000


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--count", type=int, default=COUNT, help="degradations of the fit; 3 of 5 more widen it"
    )
    options = parser.parse_args()
    train = simulated_cuts(FIT_SEED, options.count, FIT_CUTS)
    log(f"{len(train.ratios)} cuts to fit")
    widen = simulated_cuts(WIDEN_SEED, 3 * options.count // 5, WIDEN_CUTS)
    log(f"{len(widen.ratios)} cuts to widen")
    model = fit(train, widen)
    for name in ("lower", "middle", "upper"):
        print(f"{name}: {list(getattr(model, name))}")
    print(f"widening: {model.widening}")


if __name__ == "__main__":
    main()
