"""A plan of a student that is fitted and routed in a third of the time: it has few errors and few synapses."""

from __future__ import annotations

from anomaly.student.closed_form.plan import ClosedFormPlan

FEW_SYNAPSES = ClosedFormPlan(kinds=("context",), quantiles=(0.9,), loads=(1,), sum_fan_in=10)
