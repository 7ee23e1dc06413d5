"""A folder like that of the real recordings, with short and simple sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE_HZ = 16_000
_RIG = (
    "normal_1200_GoB_GS_BaLo_WA_00lb",
    "anomaly_1200_HOR_GS_BaLo_WA_00lb",
    "anomaly_1200_GoB_GS_VHIL_WA_00lb",
)


def hum(seconds: float, pitch_hz: float, generator: np.random.Generator) -> np.ndarray:
    """Simple machine sound: three harmonics in noise."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * pitch_hz * k * time_s + generator.uniform(0, 6)) / k for k in (1, 2, 3))
    return (0.01 * (tones + 0.3 * generator.standard_normal(len(time_s)))).astype(np.float32)


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slide rail, motors, rooms and a rig, as the detection bench expects them."""
    folder = tmp_path_factory.mktemp("recordings")
    generator = np.random.default_rng(0)

    def write(name: str, sound: np.ndarray, rate_hz: int = RATE_HZ) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, sound, rate_hz, subtype="FLOAT")

    for number in range(10):
        write(f"slider/train/normal_id_00_{number:08}.wav", hum(4.0, 150.0, generator))
    for number in range(10, 14):
        write(f"slider/test/normal_id_00_{number:08}.wav", hum(4.0, 150.0, generator))
    for speed in (1400, 1450, 1500):
        stereo = np.stack([hum(4.0, speed / 10, generator)] * 2, axis=1)
        write(f"bldc/train/normal_M1_{speed}.wav", stereo)
        write(f"bldc/test/normal_M1_{speed}.wav", stereo, 44_100 if speed == 1400 else RATE_HZ)
        write(f"bldc/test/anomaly_bearing_M4_{speed}.wav", hum(7.5, speed / 3, generator))
    # At 44.1 kHz four seconds of samples last 1.45 s, too short for a piece: write it long enough.
    long = np.stack([hum(4.0 * 44_100 / RATE_HZ, 50.0, generator)] * 2, axis=1)
    write("bldc/test/normal_M1_1400.wav", long, 44_100)
    whole = hum(10.0, 60.0, generator)
    write("noise/aircon_1.wav", whole)
    write("noise/aircon_1_0.wav", whole[: 5 * RATE_HZ])
    for piece in range(2):
        write(f"noise/street_0_{piece}.wav", hum(5.0, 40.0, generator))
    for number, name in enumerate(_RIG):
        axes = np.stack([hum(2.5, 90.0 + 40 * number + axis, generator) for axis in range(3)], axis=1)
        write(f"rig/{name}.wav", axes, 20_000)
    return folder
