"""Lives that were recorded to their end, and simulated degradations: warnings, and times left as intervals.

    python benchmarks/lives.py [--data DIR] [--json] [--quick]

DIR, by default what ``ANOMALY_VIBRATION`` names, has a ``manifest.csv``; its rows with the fault "run to failure" are
lives, snapshots of 0.1 s every 10 s. The first tenth of a life is its reference; the remaining time is learned on the
other lives.

    lives                 name to first_alarm_s (null: never) and end_s
    false_in_first_half   lives that were warned in their first half
    coverage, width       of the 80 % interval of the remaining time at 50, 75 and 90 % of each life, learned on the
                          others; width is the median of upper over lower end; ``at`` has both for each of the three
    challenge_score       formula of the PHM 2012 data challenge at the same cuts
    simulated_coverage    share of 80 % intervals that hold the time to the alarm level, at half of that time, of those
                          that were given (simulated_intervals)
    healthy_failing_soon  share of healthy machines of which an alarm level within a week is said to be likely
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from anomaly.errors import AnomalyError
from lib.paths import default_vibration
from lib.progress import log
from lib.trend.life_figures import alarm_figures, remaining_figures
from lib.trend.recorded_lives import recorded_lives
from lib.trend.simulated_figures import DEGRADATIONS, HEALTHY, healthy_figures, simulated_figures

QUICK = 10


def figures(folder: Path, quick: bool = False) -> dict[str, Any]:
    """Return all figures.

    Raises:
        InputError: the folder holds no lives.
    """
    lives = recorded_lives(folder)
    log(f"{len(lives)} lives")
    found = {**alarm_figures(lives), **remaining_figures(lives)}
    part = QUICK if quick else 1
    return {**found, **simulated_figures(DEGRADATIONS // part), **healthy_figures(HEALTHY // part)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=default_vibration(), help="folder with manifest.csv")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="a tenth of the simulations")
    options = parser.parse_args()
    try:
        found = figures(options.data, options.quick)
    except AnomalyError as error:
        sys.exit(f"error: {error}\n  {error.hint or ''}".rstrip())
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
