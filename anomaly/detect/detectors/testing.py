"""Contract of detectors as checks to run in a test, for the built-in detectors and for those of other packages.

Example:
    >>> import numpy as np
    >>> class Loudness:  # one group, one kind: squared deviation from the first frame of a segment, in dB²
    ...     name, bands, channels = "loudness", 32, 1
    ...     def reset(self, streams):
    ...         self.first = None
    ...     def push(self, levels):
    ...         mean = levels.mean(axis=2, keepdims=True) / 100.0
    ...         self.first = mean[:, :1] if self.first is None else self.first
    ...         return (mean - self.first) ** 2
    ...     def fresh(self):
    ...         return make()
    >>> def make():
    ...     made = Loudness()
    ...     made.reset(1)
    ...     return made
    >>> check_detector(make)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.detect.detectors.detector import Detector
from anomaly.features.front_end import frames_before
from anomaly.features.mel import Centibels

MakeDetector = Callable[[], Detector]
_SECONDS = 3


def example_levels(bands: int, streams: int, seed: int = 0) -> list[Centibels]:
    """Return levels of a machine whose loudness changes, one array [streams, frames, bands] for each second."""
    random = np.random.default_rng(seed)
    spectrum = random.integers(-8000, -3000, (streams, 1, bands))
    frames = frames_before(_SECONDS)
    loudness = random.normal(0, 300, (streams, frames, 1)).cumsum(axis=1) / 4
    levels = np.rint(spectrum + loudness + random.normal(0, 200, (streams, frames, bands))).astype(np.int32)
    return [levels[:, frames_before(k) : frames_before(k + 1)] for k in range(_SECONDS)]


def check_detector(make: MakeDetector) -> None:
    """Run all checks.

    Args:
        make: builds a fresh detector, ready for one stream.

    Raises:
        AssertionError: the detector breaks the contract; the message says where.
    """
    for check in CHECKS:
        check(make)


def check_shape(make: MakeDetector) -> None:
    """Levels are finite, not negative, and one for each stream, frame and channel."""
    detector = make()
    for streams in (1, 3):
        detector.reset(streams)
        for second in example_levels(detector.bands, streams):
            levels = detector.push(second)
            expected = (*second.shape[:2], detector.channels)
            _require(levels.shape == expected, f"push returned shape {levels.shape}, not {expected}")
            _require(bool(np.isfinite(levels).all()), "push returned levels that are not finite")
            _require(float(levels.min()) >= 0, "push returned negative levels")


def check_attributes(make: MakeDetector) -> None:
    """Name, bands and channels make sense, and use does not change them."""
    detector = make()
    before = (detector.name, detector.bands, detector.channels)
    _require(bool(before[0]) and before[1] >= 1 and before[2] >= 1, f"name, bands, channels are {before}")
    _run(detector, example_levels(detector.bands, 2))
    after = (detector.name, detector.bands, detector.channels)
    twin = detector.fresh()
    _require(after == before, f"name, bands, channels were {before} and became {after}")
    _require((twin.name, twin.bands, twin.channels) == before, "fresh() returned a detector of another shape")


def check_deterministic(make: MakeDetector) -> None:
    """Two detectors that were made alike return the same bits."""
    levels = example_levels(make().bands, 2)
    _require(_bits(_run(make(), levels)) == _bits(_run(make(), levels)), "two runs differ")


def check_reset(make: MakeDetector) -> None:
    """After a reset nothing is left of the sound before it, whatever the number of streams was."""
    detector = make()
    levels = example_levels(detector.bands, 2, seed=1)
    expected = _bits(_run(make(), levels))
    for streams in (3, 2):
        _run(detector, example_levels(detector.bands, streams, seed=2))
        _require(_bits(_run(detector, levels)) == expected, "reset() left something of the sound before it")


def check_streams(make: MakeDetector) -> None:
    """A stream has the same bits alone as beside others."""
    detector = make()
    levels = example_levels(detector.bands, 5)
    together = _run(detector, levels)
    for stream in range(5):
        alone = _run(detector, [second[stream : stream + 1] for second in levels])
        same = _bits(alone) == _bits([second[stream : stream + 1] for second in together])
        _require(same, f"stream {stream} of 5 differs from the same stream alone")


def check_fresh(make: MakeDetector) -> None:
    """A fresh detector starts as a new one does, and neither of the two affects the other."""
    detector = make()
    levels, others = (example_levels(detector.bands, 1, seed) for seed in (3, 4))
    expected = _bits(_run(make(), levels))
    detector.reset(1)
    found = [detector.push(levels[0])]
    twin = detector.fresh()
    _require(_bits([twin.push(levels[0])]) == _bits(found), "fresh() did not start at the initial state")
    twin.push(others[1])
    found += [detector.push(second) for second in levels[1:]]
    _require(_bits(found) == expected, "fresh() shares state with the detector that it came from")


def check_input(make: MakeDetector) -> None:
    """The levels that are passed in stay as they were."""
    detector = make()
    levels = example_levels(detector.bands, 2)
    kept = [second.copy() for second in levels]
    _run(detector, levels)
    same = all(np.array_equal(now, before) for now, before in zip(levels, kept, strict=True))
    _require(same, "push() changed its input")


CHECKS: tuple[Callable[[MakeDetector], None], ...] = (
    check_shape,
    check_attributes,
    check_deterministic,
    check_reset,
    check_streams,
    check_fresh,
    check_input,
)


def _run(detector: Detector, levels: list[Centibels]) -> list[npt.NDArray[Any]]:
    detector.reset(len(levels[0]))
    return [detector.push(second).copy() for second in levels]


def _bits(levels: list[npt.NDArray[Any]]) -> list[bytes]:
    return [np.ascontiguousarray(second).tobytes() for second in levels]


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(message)
