"""The number of threads is restored."""

from __future__ import annotations

import pytest
import torch

from anomaly.teacher.single_thread import single_thread


def test_threads_are_restored_also_after_a_failure() -> None:
    before = torch.get_num_threads()
    with single_thread():
        assert torch.get_num_threads() == 1
    with pytest.raises(KeyboardInterrupt), single_thread():
        raise KeyboardInterrupt
    assert torch.get_num_threads() == before
