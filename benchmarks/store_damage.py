"""Random page damage of a monitor's database, before and during service: crashes, lost and doubled alerts.

python benchmarks/store_damage.py [--json] [--quick] [--rounds N] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import logging
import time

from lib.monitor.store_faults import inject

ROUNDS, QUICK_ROUNDS = 1_000, 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.disable(logging.ERROR)  # each damage is logged as the monitor logs it
    began = time.monotonic()
    found = inject(options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS), options.seed)
    figures = {
        "rounds": found.rounds,
        "damages": found.damages,
        "set_aside": found.set_aside,
        "decided_alerts": found.decided,
        "crashes": found.crashes.total(),
        "lost_alerts": found.lost,
        "doubled_alerts": found.doubled,
        "seconds": round(time.monotonic() - began, 1),
    }
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<16} {value}")
    for text, count in found.crashes.most_common():
        print(f"{count} x {text}")


if __name__ == "__main__":
    main()
