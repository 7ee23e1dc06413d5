from __future__ import annotations

import pytest

from anomaly.errors import UsageError
from anomaly.training.profiles import profile_named


def test_profiles_take_more_and_more_effort() -> None:
    fast, standard, best = (profile_named(name) for name in ("fast", "standard", "best"))
    for one, other in ((fast, standard), (standard, best)):
        assert one.teacher.epochs <= other.teacher.epochs
        assert one.augmented <= other.augmented
        assert one.distil is not None
        assert other.distil is not None
        assert one.distil.steps * one.distil.batch < other.distil.steps * other.distil.batch
        assert one.distil.windows < other.distil.windows


def test_there_is_no_other() -> None:
    with pytest.raises(UsageError, match="there is no profile 'quick'") as caught:
        profile_named("quick")
    assert caught.value.where == "--profile"
    assert "fast, standard, best" in str(caught.value.hint)
