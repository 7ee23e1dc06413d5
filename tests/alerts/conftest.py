"""Fixtures of the alerts."""

from __future__ import annotations

from support.alert_store import clock, make_case, make_message, path, store

__all__ = ["clock", "make_case", "make_message", "path", "store"]
