"""Memory and file handles of one machine's monitoring session over days of simulated time."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from lib.monitor.monitor_process import MACHINE, RATE_HZ, pump_sound

DATABASE = "anomaly.sqlite"


def resampled(sounds: list[np.ndarray]) -> np.ndarray:
    """Resample sounds of a sound card to the rate of the monitor and join them."""
    from anomaly.audio.resample import resample

    return np.concatenate([resample(sound, RATE_HZ) for sound in sounds])


def _source_second(second: int, rng: np.random.Generator) -> int:
    """Second of the source sound for a second of the hour: normal ones in random order, a fault in the last twenty."""
    if second >= 3580:
        return 60 + second - 3580
    return second if second < 60 else int(rng.integers(0, 59))


def run_endurance(hours: int, models: Path) -> dict[str, float]:
    """Score simulated hours second by second, and return the growth of memory and of open file handles."""
    from anomaly.config import Site
    from anomaly.monitor.model.session_model import load_session_model
    from anomaly.monitor.operations import Operations
    from anomaly.monitor.plan import MonitorPlan
    from anomaly.monitor.session import MachineSession
    from anomaly.monitor.sources.events import SoundBlock
    from anomaly.store.store import Store

    sound = resampled([pump_sound(60), pump_sound(20, fault="cavitation")])
    rng = np.random.default_rng(0)
    process, memory, handles = psutil.Process(), list[float](), list[int]()
    with tempfile.TemporaryDirectory() as folder:
        site = Site(models_dir=models, state_dir=Path(folder))
        plan = MonitorPlan(MACHINE, "simulated", None, "mean", "student", 1.0)
        with Store.open(Path(folder) / DATABASE) as store, Operations(site, store) as operations:
            session = MachineSession(plan, load_session_model(plan, site), store, operations)
            start_s = time.time() - hours * 3600.0
            for second in range(hours * 3600):
                source = _source_second(second % 3600, rng)
                block = sound[source * 16_000 : (source + 1) * 16_000]
                noise = rng.standard_normal(16_000, dtype=np.float32) * np.float32(1e-3)
                session.process(SoundBlock(block + noise, start_s + second))
                if second % 600 == 599:
                    memory.append(process.memory_info().rss / 2**20)
                    handles.append(process.num_fds())
            session.finish()
    early = len(memory) // 4
    return {
        "simulated_hours": hours,
        "memory_growth_mib": round(
            float(np.median(memory[-early:]) - np.median(memory[early : 2 * early])), 2
        ),
        "handles_growth": max(handles[-early:]) - max(handles[:early]),
        "memory_mib": round(memory[-1], 1),
    }
