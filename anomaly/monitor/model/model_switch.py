"""Model switch: loads a bundle that was put into use, in the background, for activation at the next reset."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from anomaly.bundle import MANIFEST_NAME, Bundle, open_bundle, versions
from anomaly.bundle.manifest import parse
from anomaly.errors import AnomalyError, ModelError
from anomaly.monitor.model.session_model import SessionModel
from anomaly.monitor.process.memory import trim_memory

CHECK_EVERY_S = 2.0
# Inode, modification time in nanoseconds and size of the manifest.
_Signature = tuple[int, int, int]

LoadModel = Callable[[str, Bundle], SessionModel]


class ModelSwitch:
    """Detector of changes of the bundle in use; loading happens on the thread that calls `check`.

    Args:
        models: folder of the bundles.
        bundle: its name there, usually that of the machine; several machines may share one.
        load: loads a bundle under a version.
        refuse: called once with the reason for each bundle that cannot be used; the old one continues.
        calibration: returns the number of the calibration in use; a change is loaded like another bundle.
        stops: returns the confirmed stops of the machine; a change is loaded likewise, under the same version.

    Raises:
        ConfigError: there is no bundle.
        ModelError: its manifest is damaged.
    """

    def __init__(
        self,
        models: Path,
        bundle: str,
        load: LoadModel,
        refuse: Callable[[str], None],
        calibration: Callable[[], int] = lambda: 0,
        stops: Callable[[], object] = lambda: None,
    ) -> None:
        self._folder = models / bundle
        self._load_model, self._refuse = load, refuse
        self._lock = threading.Lock()
        self._refused = ""
        self._next: SessionModel | None = None
        self.version = versions.version_of(self._folder)
        """Version of the bundle at the last check."""
        manifest = self._folder / MANIFEST_NAME
        # A folder may have another name than the machine of its training: a copy, or a bundle for several machines.
        self._machine = parse(manifest.read_bytes(), where=manifest).machine
        self._calibration, self._number = calibration, calibration()
        self._stops, self._known_stops = stops, stops()
        self._checked = self._signature()

    def check(self) -> None:
        """Load the bundle if it has changed since the last check."""
        signature, number = self._signature(), self._number
        if signature is None:
            return  # the bundle is missing: the model in use continues
        try:
            number, stops = self._calibration(), self._stops()
            if (signature, number, stops) == (self._checked, self._number, self._known_stops):
                return
            version = versions.version_of(self._folder)
            if (version, number, stops) != (self.version, self._number, self._known_stops):
                self._load(version, number)
            self._checked, self.version, self._number, self._known_stops = signature, version, number, stops
        except AnomalyError as error:
            # A bundle that changed again while it was read is checked once more before it is refused.
            if signature == self._signature():
                self._refuse_once(signature, number, str(error))

    def take(self) -> SessionModel | None:
        """Return the model that was loaded since the last call, if any."""
        with self._lock:
            model, self._next = self._next, None
        return model

    def _refuse_once(self, signature: _Signature, number: int, reason: str) -> None:
        self._checked, self._number = signature, number
        if reason != self._refused:
            self._refused = reason
            self._refuse(reason)

    def _load(self, version: str, number: int) -> None:
        bundle = open_bundle(self._folder)
        machine = bundle.manifest.machine
        if machine != self._machine:
            raise ModelError(f"is the bundle of {machine}, not of {self._machine}", where=self._folder)
        model = self._load_model(version if number == 0 else f"{version}+{number}", bundle)
        with self._lock:
            self._next, self._refused = model, ""
        trim_memory()

    def _signature(self) -> _Signature | None:
        try:
            status = (self._folder / MANIFEST_NAME).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
