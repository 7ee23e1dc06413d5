"""Naming of bearing, gear and shaft faults of simulated machines from facts: `--json [--quick] [--clips N]`.

Each clip is of another machine of its kind; six clips of its normal sound are known.
"""

from __future__ import annotations

import argparse
import json

from lib.bearings.simulated import simulated_figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--quick", action="store_true", help="one clip of each kind")
    parser.add_argument("--clips", type=int, default=10, help="clips per fault, severity and machine")
    arguments = parser.parse_args()
    figures = simulated_figures(1 if arguments.quick else arguments.clips)
    print(json.dumps(figures) if arguments.json else json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
