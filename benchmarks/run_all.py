"""Run every benchmark and rewrite docs/benchmarks.md: `make bench`.

    python benchmarks/run_all.py [--quick] [NAME]...

A benchmark is a script in this folder that prints one JSON object for `--json`. With names, only those run, and
only their sections change.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
PACKAGES = ("numpy", "scipy", "onnxruntime", "torch", "librosa", "scikit-learn")
TITLE = "# Benchmarks\n\nWritten by `make bench`; every section says when, where and with which code it was measured.\n"


def scripts() -> dict[str, Path]:
    """Benchmark scripts by name: the files of this folder with a main part, except this one."""
    found = (path for path in sorted(HERE.glob("*.py")) if path != Path(__file__).resolve())
    return {path.stem: path for path in found if '__name__ == "__main__"' in path.read_text()}


def measure(path: Path, quick: bool) -> str:
    """Run a benchmark and format its section of the page.

    Raises:
        RuntimeError: it failed, or printed no JSON.
    """
    command = [sys.executable, str(path), "--json", *(["--quick"] if quick else [])]
    started = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
    seconds = time.monotonic() - started
    if done.returncode != 0:
        raise RuntimeError(f"{path.name} exited {done.returncode}")
    try:
        result = json.loads(done.stdout)
    except ValueError as error:
        raise RuntimeError(f"{path.name} printed no JSON: {error}") from error
    summary = (ast.get_docstring(ast.parse(path.read_text())) or path.stem).splitlines()[0]
    sets = result.pop("sets", {})
    # Details are meant for programs, and too long for the page.
    result.pop("details", None)
    lines = [f"## {path.stem}", "", summary, "", *provenance(path, quick, seconds), "", "| figure | value |"]
    lines += ["| --- | --- |", *(f"| {name} | {value} |" for name, value in flatten(result))]
    return "\n".join([*lines, *detection_table(sets)]) + "\n"


def detection_table(sets: dict[str, dict[str, dict[str, dict[str, object]]]]) -> list[str]:
    """Format ``{set: {level: {detector: figures}}}`` as one table: AUC, pAUC and the interval of the AUC."""
    detectors = list(
        dict.fromkeys(name for levels in sets.values() for row in levels.values() for name in row)
    )
    if not detectors:
        return []
    lines = [
        "",
        f"| set | level | {' | '.join(detectors)} |",
        f"| --- | --- {'| --- ' * len(detectors)}|",
    ]
    for name, levels in sets.items():
        for level, row in levels.items():
            cells = [_detection(row[detector]) if detector in row else "" for detector in detectors]
            lines.append(f"| {name} | {level} | {' | '.join(cells)} |")
    return [*lines, "", "Each cell: AUC / pAUC (p = 0.1), and the 95 % interval of the AUC over recordings."]


def _detection(figures: dict[str, object]) -> str:
    interval = figures.get("ci")
    spread = f" ({interval[0]:.3f} to {interval[1]:.3f})" if isinstance(interval, list) else ""
    return f"{figures['auc']:.3f} / {figures['pauc']:.3f}{spread}"


def provenance(path: Path, quick: bool, seconds: float) -> list[str]:
    """Date, machine, commit and versions of a measurement, as a list in Markdown."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        f"- `python benchmarks/{path.name} --json{' --quick' if quick else ''}`, {seconds:.0f} s",
        f"- {datetime.now(UTC):%Y-%m-%d}, commit {commit()}",
        f"- {processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        f"- Python {platform.python_version()}, {versions}",
    ]


def commit() -> str:
    """Commit that was measured, with a remark if files differed from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty= with changes"], capture_output=True, text=True, cwd=HERE
    )
    return described.stdout.strip() or "unknown"


def processor() -> str:
    """Name of the processor, as far as the system reports it."""
    try:
        named = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        named = None
    return named.group(1) if named else platform.processor() or "unknown processor"


def flatten(value: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of a JSON object, named by the path of their keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{prefix} · {key}" if prefix else str(key))
    elif isinstance(value, float):
        yield prefix, f"{value:.4g}"
    elif isinstance(value, list) and all(isinstance(item, int | float) for item in value):
        yield prefix, " … ".join(f"{item:.4g}" for item in value)
    else:
        yield prefix, json.dumps(value, ensure_ascii=False).replace("|", "\\|")


def sections() -> dict[str, str]:
    """Sections of the existing page, by benchmark."""
    text = PAGE.read_text() if PAGE.exists() else ""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.splitlines()[0].removeprefix("## "): part.rstrip() + "\n" for part in parts}


def main() -> int:
    """Run the named benchmarks; the exit code is 1 if any of them failed."""
    known = scripts()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--quick", action="store_true", help="fewer seeds and repetitions")
    options = parser.parse_args()
    if unknown := set(options.names) - set(known):
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    failed = 0
    for name in options.names or known:
        print(f"{name} …", file=sys.stderr, flush=True)
        measured: dict[str, str] = {}
        try:
            measured = {name: measure(known[name], options.quick)}
        except RuntimeError as error:
            print(f"error: {error}", file=sys.stderr)
            failed += 1
        # Read after measuring, to keep sections that another run has written meanwhile.
        page = {key: text for key, text in sections().items() if key in known} | measured
        PAGE.write_text("\n".join([TITLE, *(page[key] for key in sorted(page))]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
