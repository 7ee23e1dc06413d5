"""Thread limits for measurements on one core."""

from __future__ import annotations


def limit_to_one_thread() -> None:
    """Limit torch and the linear algebra libraries to one thread.

    The detection and distillation benchmarks are defined on one core; on a busy machine the threads of torch spend
    their time spinning.
    """
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    torch.set_num_threads(1)
    threadpool_limits(1)
