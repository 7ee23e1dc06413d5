"""Notices that another bundle was put into use, and has it ready for the next reset of the score."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.bundle import MANIFEST_NAME, Bundle, open_bundle, versions
from anomaly.bundle.manifest import parse
from anomaly.detect.decision import Limit
from anomaly.detect.scoring import Scorer
from anomaly.errors import AnomalyError, ModelError
from anomaly.monitor.memory import trim_memory

LOOK_EVERY_S = 2.0
_Signature = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class NextModel:
    """A model that is ready to take over: its version, what scores, the limit of the decision, and what judges
    the microphone by what it heard in this model's training."""

    version: str
    scorer: Scorer
    limit: Limit
    sensor: SensorCheck


LoadModel = Callable[[str, Bundle], NextModel]


class ModelSwitch:
    """Looks at a bundle in use now and then; loading and checking happen on the thread that looks.

    Args:
        models: folder of the bundles.
        bundle: its name there, usually that of the machine; several machines may share one.
        ready: makes a bundle ready to score, under the name of its version.
        refuse: told once of each bundle that cannot be used, with the reason; the old one goes on.
        calibration: number of the calibration in use; another one is made ready like another bundle.

    Raises:
        ConfigError: there is no bundle.
        ModelError: its manifest is damaged.
    """

    def __init__(
        self,
        models: Path,
        bundle: str,
        ready: LoadModel,
        refuse: Callable[[str], None],
        calibration: Callable[[], int] = lambda: 0,
    ) -> None:
        self._folder = models / bundle
        self._ready, self._refuse = ready, refuse
        self._lock = threading.Lock()
        self._refused = ""
        self._next: NextModel | None = None
        self.version = versions.version_of(self._folder)
        """Of the bundle that was looked at last."""
        manifest = self._folder / MANIFEST_NAME
        # A folder may have another name than the machine whose sound was learned: a copy, or a bundle for several.
        self._learned = parse(manifest.read_bytes(), where=manifest).machine
        self._calibration, self._number = calibration, calibration()
        self._seen = self._signature()

    def look(self) -> None:
        """See whether the bundle is another one; if so, make it ready."""
        signature, number = self._signature(), self._number
        if signature is None:
            return  # a bundle that is gone is no reason to stop hearing
        try:
            number = self._calibration()
            if (signature, number) == (self._seen, self._number):
                return
            version = versions.version_of(self._folder)
            if (version, number) != (self.version, self._number):
                self._load(version, number)
            self._seen, self.version, self._number = signature, version, number
        except AnomalyError as error:
            # Met in the middle of a switch, the same bundle is looked at once more before it is refused.
            if signature == self._signature():
                self._refuse_once(signature, number, str(error))

    def take(self) -> NextModel | None:
        """The model that is ready, once."""
        with self._lock:
            found, self._next = self._next, None
        return found

    def _refuse_once(self, signature: _Signature, number: int, reason: str) -> None:
        self._seen, self._number = signature, number
        if reason != self._refused:
            self._refused = reason
            self._refuse(reason)

    def _load(self, version: str, number: int) -> None:
        bundle = open_bundle(self._folder)
        learned = bundle.manifest.machine
        if learned != self._learned:
            raise ModelError(f"is the bundle of {learned}, not of {self._learned}", where=self._folder)
        model = self._ready(version if number == 0 else f"{version}+{number}", bundle)
        with self._lock:
            self._next, self._refused = model, ""
        trim_memory()

    def _signature(self) -> _Signature | None:
        try:
            found = (self._folder / MANIFEST_NAME).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
