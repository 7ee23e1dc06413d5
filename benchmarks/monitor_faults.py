"""Robustness of the monitor: microphone faults, kills at random moments, and two days of simulated time.

    python benchmarks/monitor_faults.py [--json] [--quick] [--again]

Results of the three parts are cached under build/monitor_faults by the measured code, so that an interrupted run
resumes with the part in which it stopped; ``--again`` repeats all of them.

Times assume an otherwise idle computer. Beside other work ``nice`` is not enough where Linux groups processes by
session: ``setsid -w sh -c 'echo -10 > /proc/self/autogroup; python benchmarks/monitor_faults.py'``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lib.code_hashes import product_code
from lib.monitor.crash_recovery import kill_at_random
from lib.monitor.endurance import run_endurance
from lib.monitor.microphone_faults import microphone_faults
from lib.monitor.monitor_process import trained_machine
from lib.paths import BENCHMARKS, BUILD
from lib.progress import log

RESTARTS, KILLS, HOURS = 10, 200, 48
CACHE = BUILD / "monitor_faults"
# Modules that decide the results, besides the product.
_MODULES = (
    "microphone_faults",
    "crash_recovery",
    "endurance",
    "monitor_process",
    "command_process",
    "sound_server",
)


def faults_part(restarts: int, models: Path) -> dict[str, Any]:
    """Inject microphone faults and summarise their detection."""
    results = microphone_faults(restarts, models)
    return {
        "injected": results.injected,
        "undetected": results.undetected,
        "misnamed": results.misnamed,
        "worst_detection_s": round(max(results.detection_s, default=0.0), 2),
        "worst_recovery_s": round(max(results.recovery_s, default=0.0), 2),
        "false_machine_cases": results.false_machine_cases,
        "detection_and_recovery_s": results.by_fault,
    }


def kills_part(count: int, models: Path) -> dict[str, Any]:
    """Kill processes at random moments and summarise the consistency of the database."""
    results = kill_at_random(count, models)
    return {
        "kills": results.kills,
        "committed_scores": len(results.committed),
        "lost_scores": results.lost_scores,
        "unwritten_seconds_at_most": results.unwritten_s,
        "machine_cases": results.machine_cases,
        "lost_cases": results.lost_cases,
        "doubled_cases": results.doubled_cases,
        "unsound_databases": results.unsound,
        "orphans": results.orphans,
        "worst_restart_s": round(max(results.restart_s, default=0.0), 2),
        "worst_recapture_s": round(max(results.recapture_s, default=0.0), 2),
    }


def measure(restarts: int, killed: int, hours: int, *, again: bool) -> dict[str, Any]:
    """Measure all figures, or load those of the same code."""
    parts: list[tuple[str, int, Callable[[int, Path], dict[str, Any]]]] = [
        ("faults", restarts, faults_part),
        ("kills", killed, kills_part),
        ("watch", hours, run_endurance),
    ]
    figures: dict[str, Any] = {}
    with trained_machine() as folder:
        for name, amount, run in parts:
            cached = CACHE / f"{name}_{amount}_{_code()}.json"
            if again or not cached.is_file():
                log(f"{name} …")
                result = run(amount, folder / "models")
                cached.parent.mkdir(parents=True, exist_ok=True)
                cached.write_text(json.dumps(result))
            figures |= json.loads(cached.read_text())
    return figures


def _code() -> str:
    """Hash of the code that decides the results."""
    files = [BENCHMARKS / "lib" / "monitor" / f"{name}.py" for name in _MODULES]
    product = product_code(("", "../chip"))
    return hashlib.sha256(b"".join([*(path.read_bytes() for path in files), product.encode()])).hexdigest()[
        :16
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="two restarts, twelve kills, two hours")
    parser.add_argument("--again", action="store_true", help="repeat measurements that are cached")
    options = parser.parse_args()
    amounts = (2, 12, 2) if options.quick else (RESTARTS, KILLS, HOURS)
    figures = measure(*amounts, again=options.again)
    print(json.dumps(figures) if options.json else "\n".join(f"{k:<26} {v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
