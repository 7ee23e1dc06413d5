"""Repeated attempts to load the models of machines that could not be monitored at the start."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from anomaly.config import Site
from anomaly.errors import AnomalyError
from anomaly.monitor.model.session_model import SessionModel, load_session_model
from anomaly.monitor.plan import MonitorPlan

# A bundle that is put into place is taken up within a minute.
RETRY_EVERY_S = 60.0


class ModelRetry:
    """Loads models in the background; the thread of the sound takes them.

    Args:
        site: folders of bundles and calibrations.
        plans: machines without a session.
    """

    def __init__(self, site: Site, plans: Iterable[MonitorPlan]) -> None:
        self._site = site
        self._waiting = {plan.machine: plan for plan in plans}
        self._loaded: dict[str, SessionModel] = {}
        self._lock = threading.Lock()

    def attempt(self) -> None:
        """Try to load each model that is missing; what fails is tried again at the next call."""
        with self._lock:
            missing = [plan for name, plan in self._waiting.items() if name not in self._loaded]
        for plan in missing:
            try:
                model = load_session_model(plan, self._site)
            except AnomalyError:
                continue
            with self._lock:
                if plan.machine in self._waiting:
                    self._loaded[plan.machine] = model

    def add(self, plan: MonitorPlan) -> None:
        """Try a machine again whose session could not begin."""
        with self._lock:
            self._waiting[plan.machine] = plan

    def forget(self, machine: str) -> None:
        """Try a machine no more: its sound has ended."""
        with self._lock:
            self._waiting.pop(machine, None)
            self._loaded.pop(machine, None)

    def take(self, machine: str) -> tuple[MonitorPlan, SessionModel] | None:
        """Return the plan and the model of a machine once its model is loaded; it is tried no more."""
        with self._lock:
            model = self._loaded.pop(machine, None)
            return None if model is None else (self._waiting.pop(machine), model)
