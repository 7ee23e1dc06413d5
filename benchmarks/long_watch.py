"""Memory and file handles of a machine's watch over days of simulated time, scored second by second."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from monitored import MACHINE, RATE_HZ, pump

DATABASE = "anomaly.sqlite"


def resampled(sounds: list[np.ndarray]) -> np.ndarray:
    """Sounds of a card as the watch hears them, one after the other."""
    from anomaly.audio.resample import resample

    return np.concatenate([resample(sound, RATE_HZ) for sound in sounds])


def _place(second: int, rng: np.random.Generator) -> int:
    """Which second of the sound is heard: an hour of normal ones in any order, of which the last twenty are a fault."""
    if second >= 3580:
        return 60 + second - 3580
    return second if second < 60 else int(rng.integers(0, 59))


def long_watch(hours: int, models: Path) -> dict[str, float]:
    """Memory and file handles of one machine's watch over simulated time, scored second by second."""
    from anomaly.config import Site
    from anomaly.monitor.operations import Operations
    from anomaly.monitor.session import MachineSession, MonitorPlan, load_session_model
    from anomaly.monitor.sources.sources import Sound
    from anomaly.store.store import Store

    sound = resampled([pump(60), pump(20, fault="cavitation")])
    rng = np.random.default_rng(0)
    process, memory, handles = psutil.Process(), list[float](), list[int]()
    with tempfile.TemporaryDirectory() as folder:
        site = Site(models_dir=models, state_dir=Path(folder))
        plan = MonitorPlan(MACHINE, "simulated", None, "mean", "student", 1.0)
        with Store.open(Path(folder) / DATABASE) as store, Operations(site, store) as operations:
            post = MachineSession(plan, load_session_model(plan, site), store, operations)
            begun_s = time.time() - hours * 3600.0
            for second in range(hours * 3600):
                place = _place(second % 3600, rng)
                block = sound[place * 16_000 : (place + 1) * 16_000]
                noise = rng.standard_normal(16_000, dtype=np.float32) * np.float32(1e-3)
                post.hear(Sound(block + noise, begun_s + second))
                if second % 600 == 599:
                    memory.append(process.memory_info().rss / 2**20)
                    handles.append(process.num_fds())
            post.finish()
    early = len(memory) // 4
    return {
        "simulated_hours": hours,
        "memory_growth_mib": round(
            float(np.median(memory[-early:]) - np.median(memory[early : 2 * early])), 2
        ),
        "handles_growth": max(handles[-early:]) - max(handles[:early]),
        "memory_mib": round(memory[-1], 1),
    }
