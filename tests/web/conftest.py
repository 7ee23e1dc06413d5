"""A dashboard on a site with a machine, scores and a case."""

from __future__ import annotations

from support.dashboard import dashboard, make_dashboard

__all__ = ["dashboard", "make_dashboard"]
