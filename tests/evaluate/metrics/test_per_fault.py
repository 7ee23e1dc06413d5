import json

import numpy as np
import pytest

from anomaly.errors import InputError
from anomaly.evaluate.metrics.per_fault import detection_figures


def test_measures_overall_and_per_fault() -> None:
    labels = [0, 0, 0, 1, 1, 1]
    scores = [0.1, 0.2, 0.3, 0.9, 0.8, 0.15]
    faults = [None, None, None, "rub", "rub", None]
    found = detection_figures(labels, scores, faults=faults)
    assert found.faults == {"rub": 1.0, "unnamed": pytest.approx(1 / 3)}
    assert found.auc == pytest.approx(7 / 9)
    assert found.auc is not None
    assert found.ci is not None
    assert found.ci[0] < found.auc < found.ci[1]
    assert (found.normals, found.anomalies, found.reason) == (3, 3, None)


def test_only_normals_give_null_and_the_reason() -> None:
    found = detection_figures([0, 0], [1.0, 2.0], faults=[None, None])
    assert (found.auc, found.pauc, found.ci) == (None, None, None)
    answer = json.loads(json.dumps(found.as_json()))
    assert answer["auc"] is None
    assert answer["reason"] == "no anomalies to test with, so an AUC cannot be given"


def test_one_recording_gives_no_interval() -> None:
    found = detection_figures([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], recordings=["a", "a", "b", "c"])
    assert found.auc == 1.0
    assert found.ci is None


def test_no_normal_sound_is_a_reason_too() -> None:
    reason = detection_figures([1], [1.0]).reason
    assert reason is not None
    assert "no normal sound" in reason


def test_bad_scores_are_refused() -> None:
    with pytest.raises(InputError, match="not finite"):
        detection_figures([0, 1], [0.0, np.inf])
    with pytest.raises(InputError, match="do not match"):
        detection_figures([0, 1], [0.0])
