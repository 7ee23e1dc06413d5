"""Random damage of a monitor's database, before and during service: crashes, lost and doubled alerts.

    python benchmarks/store_damage.py [--json] [--quick] [--rounds N] [--seeds N] [--again]

Each round serves a copy of a realistic database in a process of its own and damages its files from outside: pages of
every table and index, header, free list, write-ahead log and shared memory, by noise, zeros, flipped bits, torn,
copied and swapped pages, cut and removed files.

    crashes           errors that ended the service or came up in its background, and signals
    lost_alerts       decided alerts, also those of the run before, that did not reach the sink
    doubled_alerts    openings of a case that reached the sink under two keys
    altered_keys      messages that reached the sink under a key that nobody had given them
    repeated_with_key messages that reached the sink again, with their key: receivers drop them
    restarts_after_cut_shared_memory
                      the system ends a process when a file that it maps is cut; the service is started again

Every round is noted under build/store_damage by the measured code, so that an interrupted run goes on where it
stopped; ``--again`` repeats all.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from pathlib import Path

from lib.code_hashes import product_code
from lib.monitor.damage_rounds import figures, run_rounds
from lib.monitor.store_faults import DamageRound
from lib.paths import BENCHMARKS, BUILD
from lib.progress import log

ROUNDS, SEEDS = 1_000, 3
QUICK_ROUNDS, QUICK_SEEDS = 60, 1
NOTES = BUILD / "store_damage"
# Modules that decide the results, besides the product.
_MODULES = ("page_damage", "store_content", "store_faults", "store_service")


def notes_of(seed: int) -> Path:
    """File in which the rounds of a seed are noted, for this code."""
    files = [BENCHMARKS / "lib" / "monitor" / f"{name}.py" for name in _MODULES]
    code = b"".join(path.read_bytes() for path in files) + product_code(("store", "alerts")).encode()
    return NOTES / f"seed_{seed}_{hashlib.sha256(code).hexdigest()[:16]}.jsonl"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds of one seed")
    parser.add_argument("--rounds", type=int, help="of each seed")
    parser.add_argument("--seeds", type=int, help="how many")
    parser.add_argument("--again", action="store_true", help="repeat rounds that are noted")
    options = parser.parse_args()
    logging.disable(logging.ERROR)  # each damage is logged as the monitor logs it
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    found: list[DamageRound] = []
    seeds = range(options.seeds or (QUICK_SEEDS if options.quick else SEEDS))
    for seed in seeds:
        notes = notes_of(seed)
        if options.again:
            notes.unlink(missing_ok=True)
        found += run_rounds(seed, rounds, notes)
    for one in found:
        if one.failed:
            log(f"round {one.number}: {one.damages}: {one.crashes or f'{one.lost} lost'}\n{one.log}")
    result = {"seeds": len(seeds), **figures(found)}
    print(json.dumps(result) if options.json else "\n".join(f"{k:<32} {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
