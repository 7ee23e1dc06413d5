"""Common style of all pictures, and their rendering to the bytes of a PNG."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anomaly.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NORMAL, ANOMALY = "#3b7ea1", "#d1495b"
SERIES = ("#d1495b", "#23607f", "#edae49", "#66a182", "#8d6a9f", "#5c6b73")
STATES = {"OK": "#66a182", "WATCH": "#edae49", "ALARM": "#d1495b"}
QUIET, INK, PALE = "#8a949c", "#22303a", "#e7ecef"
_STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}
DPI = 130


def png(draw: Callable[[Figure], None], inches: tuple[float, float]) -> bytes:
    """Draw on a fresh figure and return the PNG.

    matplotlib is imported here, so that nothing that only scores pays for it, and its object
    interface is used, so that no state is shared and no display is needed.

    Args:
        draw: puts its axes on the figure.
        inches: width and height.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ConfigError(
            "pictures need the package matplotlib", hint="install it with `pip install 'anomaly[train]'`"
        ) from error

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=inches, dpi=DPI, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        draw(figure)
        buffer = io.BytesIO()
        # Without the version in the file, equal data give equal bytes.
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
