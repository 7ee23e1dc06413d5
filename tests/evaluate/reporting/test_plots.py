import struct
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from anomaly.evaluate.reporting import plots, time_plots

GENERATOR = np.random.default_rng(0)
TIMES = np.arange(60.0)
PICTURES = {
    "roc": lambda: plots.roc({"student": ([0, 0.1, 1], [0, 0.8, 1]), "teacher": ([0, 1], [0, 1])}),
    "histogram": lambda: plots.score_histogram(
        GENERATOR.standard_normal(50), GENERATOR.standard_normal(9) + 2, threshold=1.0
    ),
    "histogram of seconds": lambda: plots.score_histogram(
        GENERATOR.standard_normal(50), [], threshold=2.3, marked="p = 0.01", of="seconds"
    ),
    "histogram of normals": lambda: plots.score_histogram(GENERATOR.standard_normal(50), []),
    "histogram of nothing": lambda: plots.score_histogram([], []),
    "histogram of one value": lambda: plots.score_histogram([1.0, 1.0], []),
    "heat map": lambda: plots.heat_map([[0.5, np.nan], [1.0, 0.9]], ["rub", "leak"], ["student", "teacher"]),
    "heat map of one": lambda: plots.heat_map([[0.7]], ["rub"], ["student"]),
    "confusion": lambda: plots.confusion(5, 1, 2, 40),
    "confusion without anomalies": lambda: plots.confusion(0, 0, 2, 40),
    "chip": lambda: plots.chip_use({"neurons": (657, 1024), "outputs": (130, 128), "none": (0, 0)}),
    "spectrogram": lambda: time_plots.spectrogram(
        GENERATOR.standard_normal((50, 32)), hop_s=0.032, edges_hz=np.linspace(0, 8000, 33)
    ),
    "spectrogram of silence": lambda: time_plots.spectrogram(np.full((50, 32), -120.0), hop_s=0.032),
    "score": lambda: time_plots.score_curve(
        TIMES,
        GENERATOR.random(60),
        sums=np.linspace(0.0, 20.0, 60),
        limit=14.0,
        title="pump",
        states=["OK"] * 30 + ["WATCH"] * 10 + ["ALARM"] * 10 + ["STOPPED"] * 10,
        marks=[(30.0, "fault begins"), (32.0, "alert sent")],
    ),
    "score without the sum": lambda: time_plots.score_curve(TIMES, GENERATOR.random(60), states=["OK"] * 60),
    "score of one second": lambda: time_plots.score_curve([0.0], [1.0], states=["OK"]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_is_a_png_with_something_on_it(name: str) -> None:
    data = PICTURES[name]()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert 300 < width < 3000
    assert 100 < height < 3000
    assert len(data) > 2000


def test_equal_data_give_equal_bytes() -> None:
    assert plots.confusion(5, 1, 2, 40) == plots.confusion(5, 1, 2, 40)


def test_importing_the_module_does_not_import_matplotlib() -> None:
    code = (
        "import sys, anomaly.evaluate.reporting.plots, anomaly.evaluate.reporting.time_plots, "
        "anomaly.evaluate.reporting.html_report;"
        "sys.exit(any(name in sys.modules for name in ('matplotlib', 'jinja2', 'sklearn', 'torch')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Figures that were drawn instead of being turned into a PNG."""
    kept: list[Any] = []

    def keep(draw: Any, size: Any) -> bytes:
        from matplotlib.figure import Figure

        kept.append(Figure())
        draw(kept[0])
        return b""

    for module in (plots, time_plots):
        monkeypatch.setattr(module, "png", keep)
    return kept


def test_a_score_curve_shows_the_sum_and_the_limits_that_decide(figures: list[Any]) -> None:
    sums = np.linspace(0.0, 20.0, 60)
    time_plots.score_curve(TIMES, GENERATOR.random(60), sums=sums, limit=14.0, title="pump")
    score, decision = figures[0].axes
    assert "standard deviations" in score.get_ylabel()
    assert "sum of the decision" in decision.get_ylabel()
    assert decision.get_xlabel() == "time since the start of the sound, s"
    assert figures[0].get_suptitle() == "pump"
    drawn = [line.get_ydata() for line in decision.lines]
    assert np.array_equal(drawn[0], sums)
    assert [line[0] for line in drawn[1:]] == [14.0, 7.0]
    assert [text.get_text() for text in decision.texts] == ["limit of ALARM, 14.0", "limit of WATCH, 7.0"]


def test_curves_that_coincide_are_all_seen(figures: list[Any]) -> None:
    same = ([0.0, 0.1, 1.0], [0.0, 0.8, 1.0])
    plots.roc({"student": same, "teacher": same, "old student": same})
    curves = [line for line in figures[0].axes[0].lines if "AUC" in str(line.get_label())]
    widths = [line.get_linewidth() for line in curves]
    assert widths == sorted(set(widths), reverse=True)
    assert [line.is_dashed() for line in curves] == [False, True, True]
