"""Device on which distillation computes its gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from anomaly.errors import DeviceError, UsageError
from anomaly.teacher.single_thread import single_thread

ACCELERATORS = ("auto", "cpu", "cuda")


def choose_device(name: str) -> torch.device:
    """Look a device up by name; ``auto`` is a GPU where there is one.

    Raises:
        UsageError: there is no such accelerator.
        DeviceError: ``cuda`` is required and torch finds none.
    """
    if name not in ACCELERATORS:
        raise UsageError(
            f"there is no accelerator {name!r}",
            where="--accelerator",
            hint=f"one of {', '.join(ACCELERATORS)}",
        )
    found = name != "cpu" and torch.cuda.is_available()
    if name == "cuda" and not found:
        built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
        raise DeviceError(
            f"torch {torch.__version__} ({built}) finds no CUDA device",
            where="--accelerator",
            hint="use --accelerator cpu, or install a driver and a torch with CUDA",
        )
    return torch.device("cuda" if found else "cpu")


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Compute deterministically inside the block: the same seed gives the same bits on the same device."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(device.type == "cuda" or before)
    try:
        with single_thread():
            yield
    finally:
        torch.use_deterministic_algorithms(before)
