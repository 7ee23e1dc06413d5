"""The page of benchmarks holds the output of the scripts, and keeps the sections of those that did not run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).resolve().parents[2] / "benchmarks" / "run_all.py"
SCRIPT = '"""Measures {0}."""\nif __name__ == "__main__":\n    print(\'{{"{0}": {{"auc": 0.5, "quiet": null}}}}\')\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "docs").mkdir()
    shutil.copy(RUNNER, tmp_path / "benchmarks")
    for name in ("pumps", "fans"):
        (tmp_path / "benchmarks" / f"{name}.py").write_text(SCRIPT.format(name))
    (tmp_path / "benchmarks" / "sets.py").write_text("no script")
    return tmp_path


def run(folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, folder / "benchmarks" / "run_all.py", *words], capture_output=True)
    page = folder / "docs" / "benchmarks.md"
    return done.returncode, page.read_text() if page.exists() else ""


def test_every_script_gets_a_section(folder: Path) -> None:
    code, page = run(folder)
    assert code == 0
    assert page.index("## fans\n\nMeasures fans.") < page.index("## pumps")
    assert "| fans · auc | 0.5 |\n| fans · quiet | null |\n" in page
    assert "sets" not in page


def test_only_the_named_sections_change(folder: Path) -> None:
    run(folder)
    (folder / "benchmarks" / "fans.py").write_text(SCRIPT.format("fans").replace("0.5", "0.7"))
    (folder / "benchmarks" / "pumps.py").write_text(SCRIPT.format("pumps").replace("0.5", "0.7"))
    code, page = run(folder, "fans", "--quick")
    assert code == 0
    assert "fans · auc | 0.7 |" in page
    assert "benchmarks/fans.py --json --quick" in page
    assert "pumps · auc | 0.5 |" in page


def test_a_failure_is_reported_and_the_rest_runs(folder: Path) -> None:
    (folder / "benchmarks" / "fans.py").write_text('if __name__ == "__main__":\n    raise SystemExit(3)\n')
    code, page = run(folder)
    assert code == 1
    assert "## pumps" in page
    assert "## fans" not in page
