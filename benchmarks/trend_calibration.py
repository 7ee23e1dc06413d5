"""Simulated rises that the time to the alarm level is estimated from: ``simulated_rises.csv`` of the package.

    python benchmarks/trend_calibration.py [--count N] FILE

The degradations of `benchmarks/lives.py` have other seeds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lib.progress import log
from lib.trend.ratio_fit import FIT_CUTS, WIDEN_CUTS, fit, simulated_cuts, write

FIT_SEED, WIDEN_SEED = 101, 103
COUNT = 3_000


def main() -> None:
    """Simulate, and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--count", type=int, default=COUNT, help="degradations to keep; 3 of 5 more for the stretch"
    )
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    train = simulated_cuts(FIT_SEED, options.count, FIT_CUTS)
    log(f"{len(train.ratios)} cuts to fit")
    widen = simulated_cuts(WIDEN_SEED, 3 * options.count // 5, WIDEN_CUTS)
    log(f"{len(widen.ratios)} cuts to widen")
    model = fit(train, widen)
    log(f"stretch {model.stretch:.3f}")
    write(model, options.file)


if __name__ == "__main__":
    main()
