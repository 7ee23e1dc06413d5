"""``anomaly evaluate --bench``: teacher and student on sets made at run time."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from anomaly.cli import streams


def refuse(**options: object) -> None:
    """Refuse options of an evaluation that have no meaning with the bench.

    Raises:
        UsageError: one is set.
    """
    from anomaly.errors import UsageError

    if wrong := [f"--{name}" for name, value in options.items() if value is not None]:
        raise UsageError(f"--bench trains models of its own and takes no {', '.join(wrong)}")


def refuse_without(**options: object) -> None:
    """Refuse options that have no meaning without the bench.

    Raises:
        UsageError: one is set.
    """
    from anomaly.errors import UsageError

    if wrong := [f"--{name}" for name, value in options.items() if value is not None]:
        raise UsageError(
            f"without --bench there is no {', '.join(wrong)}", hint="add --bench, or leave it out"
        )


def run(
    recordings: Path | None,
    sets: list[str],
    seeds: int | None,
    quick: bool,
    profile: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Train and measure on the sets of the bench; scores are cached in --out, so that an interrupted run continues.

    Raises:
        UsageError: two options contradict each other, or there is no such set or profile.
        InputError: recordings are missing or cannot be read.
        ConfigError: the folder cannot be written.
    """
    from anomaly.atomic import check_writable
    from anomaly.evaluate.bench import tables
    from anomaly.evaluate.bench.page import write_bench
    from anomaly.text_table import print_table
    from anomaly.training.bench_models import run_bench

    count, recordings = _seeds(seeds, quick), _recordings(recordings)
    if out is not None:
        check_writable(out, "--out")
    notes = [] if recordings is not None else ["no recordings were given (--recordings): simulated sets only"]
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    keep = None if out is None else out / "scores"
    rounds = run_bench(recordings, count, sets=sets, profile=profile, keep=keep, log=_progress)
    values = tables.as_json(rounds) | {"seeds": count, "profile": profile}
    with streams.loss_deferred():  # the page is written all the same
        if as_json:
            values["notes"] = [*notes, *values["notes"]]
            print(json.dumps(values))
        else:
            head, *rows = tables.table(rounds)
            print_table(head, rows)
    for note in [] if as_json else values["notes"]:
        print(f"note: {note}", file=sys.stderr)
    for path in write_bench(out, rounds, count, notes) if out is not None else ():
        print(f"wrote {path}", file=sys.stderr)


def _seeds(seeds: int | None, quick: bool) -> int:
    from anomaly.errors import UsageError

    if quick and seeds is not None:
        raise UsageError("--quick is one seed", hint="leave out --quick or --seeds")
    return 1 if quick else seeds or 3


def _recordings(option: Path | None) -> Path | None:
    from anomaly.errors import InputError

    named = os.environ.get("ANOMALY_RECORDINGS")
    folder = Path(named) if option is None and named else option
    if folder is not None and not folder.is_dir():
        raise InputError(
            "there is no such folder", where=folder, hint="leave --recordings out for simulated sets"
        )
    return folder


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)
