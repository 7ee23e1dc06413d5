"""Scoring of one file by a bundle, as an executor applies it to the files of an archive."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from anomaly.archive.rows import FileRow, file_row
from anomaly.audio.channels import Channel
from anomaly.audio.files.format_reference import FormatReference
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.bundle import Bundle, open_bundle
from anomaly.bundle.versions import VERSIONS, version_of
from anomaly.detect.batch_file_score import BatchScorer
from anomaly.detect.decision import Limit
from anomaly.detect.file_score import score_file
from anomaly.detect.model import load_model
from anomaly.detect.scoring import Scorer


@dataclass(frozen=True)
class ScoringTask:
    """Scoring of one file; small enough to be sent to another process, which opens the bundle itself.

    Args:
        bundle: folder of the bundle.
        detector: the one that scores.
        false_alarms_per_day: budget that sets the limit of the decision.
        channel: the channel of a file that is scored.
        per_second: include the rows of the seconds.
        state_dir: folder with base calibrations of detectors that the bundle does not calibrate.
    """

    bundle: Path
    detector: str = "student"
    false_alarms_per_day: float = 1.0
    channel: Channel = "mean"
    per_second: bool = False
    state_dir: Path | None = None

    @functools.cached_property
    def version(self) -> str:
        """Version of the bundle."""
        return version_of(self.bundle)

    def __call__(self, path: Path) -> FileRow:
        """Score a file; a file that cannot be scored is a row with its error.

        Raises:
            ModelError: the bundle cannot be used.
        """
        scorer, limit, sensor, formats = self.loaded
        scored = score_file(path, scorer, limit, channel=self.channel, sensor=sensor, formats=formats)
        return file_row(scored, per_second=self.per_second)

    def many(self, paths: Iterable[Path]) -> Iterator[FileRow]:
        """Yield the row of each file, in order; the rows are those of calls one by one.

        Raises:
            ModelError: the bundle cannot be used.
        """
        scorer, limit, sensor, formats = self.loaded
        for scored in BatchScorer(scorer, limit, sensor, self.channel, formats).score(paths):
            yield file_row(scored, per_second=self.per_second)

    @functools.cached_property
    def loaded(self) -> tuple[Scorer, Limit, SensorCheck, FormatReference | None]:
        """Detector, limit of its decision, sensor check and formats of training; each process opens the bundle once.

        Raises:
            ModelError: the bundle cannot be used.
        """
        bundle = open_bundle(self.bundle)
        model = load_model(bundle, (self.detector,), state_dir=self.state_dir, machine=self._machine(bundle))
        scorer = model.scorer(self.detector)
        limit = scorer.calibration.limit(self.false_alarms_per_day)
        return scorer, limit, model.sensor_check(), model.formats

    def _machine(self, bundle: Bundle) -> str:
        """Return the name of the bundle's folder, or, for a version elsewhere, of the machine it was trained for."""
        versions = self.bundle.parent.parent.name == VERSIONS
        return bundle.manifest.machine if versions else self.bundle.name

    def __getstate__(self) -> dict[str, Any]:
        """Return the settings alone, which is all that another process needs."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
