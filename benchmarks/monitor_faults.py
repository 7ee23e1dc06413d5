"""A microphone that dies in every way, a monitor that is killed at any moment, and two days of simulated time.

    python benchmarks/monitor_faults.py [--json] [--quick] [--again]

Each of the three parts is kept under build/monitor_faults, by the code that was measured, so that an interrupted
run goes on with the part in which it stopped; ``--again`` measures all of them anew.

Seconds are those of a computer that has time for it. Beside other work ``nice`` is not enough where Linux groups
processes by session: ``setsid -w sh -c 'echo -10 > /proc/self/autogroup; python benchmarks/monitor_faults.py'``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import HERE, product_code, say
from kills import kills
from long_watch import long_watch
from monitored import ROOT, trained
from sensor_faults import microphone_faults

RESTARTS, KILLS, HOURS = 10, 200, 48
FOLDER = ROOT / "build" / "monitor_faults"
# What decides how the parts come out, beside the product.
_SCRIPTS = ("sensor_faults.py", "kills.py", "long_watch.py", "monitored.py", "../tests/sound_server.py")


def faults_part(restarts: int, models: Path) -> dict[str, Any]:
    """Figures of the microphone's faults."""
    faults = microphone_faults(restarts, models)
    return {
        "injected": faults.injected,
        "undetected": faults.undetected,
        "misnamed": faults.misnamed,
        "worst_detection_s": round(max(faults.detection_s, default=0.0), 2),
        "worst_recovery_s": round(max(faults.recovery_s, default=0.0), 2),
        "false_machine_cases": faults.false_machine_cases,
        "detection_and_recovery_s": faults.by_fault,
    }


def kills_part(count: int, models: Path) -> dict[str, Any]:
    """Figures of the kills."""
    done = kills(count, models)
    return {
        "kills": done.kills,
        "committed_scores": len(done.seen),
        "lost_scores": done.lost_scores,
        "unwritten_seconds_at_most": done.unwritten_s,
        "machine_cases": done.machine_cases,
        "lost_cases": done.lost_cases,
        "doubled_cases": done.doubled_cases,
        "unsound_databases": done.unsound,
        "orphans": done.orphans,
        "worst_restart_s": round(max(done.restart_s, default=0.0), 2),
        "worst_recapture_s": round(max(done.recapture_s, default=0.0), 2),
    }


def measure(restarts: int, killed: int, hours: int, *, again: bool) -> dict[str, Any]:
    """All figures."""
    parts: list[tuple[str, int, Callable[[int, Path], dict[str, Any]]]] = [
        ("faults", restarts, faults_part),
        ("kills", killed, kills_part),
        ("watch", hours, long_watch),
    ]
    figures: dict[str, Any] = {}
    with trained() as folder:
        for name, amount, run in parts:
            kept = FOLDER / f"{name}_{amount}_{_code()}.json"
            if again or not kept.is_file():
                say(f"{name} …")
                found = run(amount, folder / "models")
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(found))
            figures |= json.loads(kept.read_text())
    return figures


def _code() -> str:
    """A hash that changes when a part may come out otherwise."""
    scripts = [(HERE / name).read_bytes() for name in _SCRIPTS]
    rooms = product_code(("", "../chip"))
    return hashlib.sha256(b"".join([*scripts, rooms.encode()])).hexdigest()[:16]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="two restarts, twelve kills, two hours")
    parser.add_argument("--again", action="store_true", help="measure what was measured before, too")
    given = parser.parse_args()
    amounts = (2, 12, 2) if given.quick else (RESTARTS, KILLS, HOURS)
    figures = measure(*amounts, again=given.again)
    print(json.dumps(figures) if given.json else "\n".join(f"{k:<26} {v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
