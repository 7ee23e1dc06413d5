"""Choice of the device, and deterministic computation on it."""

from __future__ import annotations

import pytest
import torch

from anomaly.errors import DeviceError, UsageError
from anomaly.student.distillation.accelerator import choose_device, repeatable


def test_auto_uses_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for available, device in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert choose_device("auto").type == device
        assert choose_device("cpu").type == "cpu"


def test_a_missing_gpu_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="finds no CUDA device") as caught:
        choose_device("cuda")
    assert "--accelerator cpu" in str(caught.value.hint)


def test_an_unknown_accelerator_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no accelerator 'tpu'"):
        choose_device("tpu")


def test_settings_of_torch_are_restored() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with repeatable(torch.device("cuda")):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 1
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
