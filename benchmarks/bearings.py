"""Naming of bearing faults in recordings with known causes.

    python benchmarks/bearings.py [--data DIR] [--json] [--quick]

DIR (default: the folder that ``ANOMALY_VIBRATION`` names) holds ``manifest.csv`` with the columns of
``../shared/vibration``. Records of one source and bearing share a machine: its first half of normal sound is the null,
its second half is tested. Records without normal sound are judged against white noise.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from lib.bearings.bearing_bench import run_bench


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = os.environ.get("ANOMALY_VIBRATION", "../shared/vibration")
    parser.add_argument("--data", type=Path, default=Path(default), help="folder with manifest.csv")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--quick", action="store_true", help="every fourth record")
    arguments = parser.parse_args()
    figures = run_bench(arguments.data, every=4 if arguments.quick else 1)
    print(json.dumps(figures) if arguments.json else json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
